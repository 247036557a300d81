"""What MLflow refuses, in its words: names, lengths, limits of a batch."""

import posixpath
import re
from collections.abc import Iterable, Sequence

import msgspec

from ropeway.server.mlflow.errors import Refusal
from ropeway.server.mlflow.messages import Metric, Tag
from ropeway.tracking.afar.measured import LATEST_MS

MAX_METRICS = 1000
MAX_PARAMS_TAGS = 100
MAX_ENTITIES = 1000
MAX_BATCH_BYTES = 1_000_000
MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_EXPERIMENT_NAME = 500
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_MODEL_TAG_VALUE = 100_000
MAX_ALIAS = 255
MAX_RUN_NAME = 500
MAX_DATASET = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
MAX_INT64 = 2**63 - 1

_KEY = re.compile(r"[/\w.\- :]*")
_ALIAS = re.compile(r"[\w\-]*")
_NUMBERED = re.compile(r"[vV]\d+")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
    "colon(:) and slashes (/)."
)


def required(name: str, value: object) -> None:
    """Refuse a field that is unset, as MLflow says it."""
    if value is None or value == "":
        raise missing(name)


def missing(name: str) -> Refusal:
    """MLflow's words for a field that is unset."""
    return Refusal(
        f"Missing value for required parameter '{name}'. See the API docs for more information about "
        "request parameters."
    )


def invalid(path: str, value: object, message: str = "") -> Refusal:
    """MLflow's words for a value that is none."""
    shown = msgspec.json.encode(value).decode()
    return Refusal(
        f"Invalid value {shown} for parameter '{path}' supplied" + (f": {message}" if message else ".")
    )


def check_key(key: str | None, path: str, noun: str) -> str:
    """The name of a metric, a param or a tag."""
    if key is None or key == "":
        if noun == "tag":
            raise Refusal(f"Missing value for required parameter '{path}'.")
        if key is None:
            raise invalid(path, None if noun == "metric" else "", "A key name must be provided.")
    assert key is not None
    if not _KEY.fullmatch(key):
        raise invalid(path, key, _CHARACTERS)
    plain = posixpath.normpath(key)
    if plain != key or plain == "." or plain.startswith(("..", "/")):
        raise invalid(
            path,
            key,
            "Names may be treated as files in certain cases, and must not resolve to other names when "
            f"treated as such. This name would resolve to {plain!r}",
        )
    return key


def check_length(name: str, value: str, limit: int) -> str:
    """A text within its limit."""
    if len(value) > limit:
        raise Refusal(f"'{name}' exceeds the maximum length of {limit} characters")
    return value


def check_metric(metric: Metric, path: str = "") -> None:
    """One point: a name, a number, a time that is not negative, a step of 64 bits."""
    dot = f"{path}." if path else ""
    key = check_key(metric.key, f"{dot}name", "metric")
    if metric.value is None:
        required(f"{dot}value", None)
    if metric.timestamp is None or not 0 <= metric.timestamp <= LATEST_MS:
        raise invalid(
            f"{dot}timestamp",
            metric.timestamp,
            f"metric '{key}' (value={metric.value}). Timestamp must be a nonnegative long (64-bit integer) ",
        )
    if not -MAX_INT64 - 1 <= metric.step <= MAX_INT64:
        raise invalid(
            f"{dot}step",
            metric.step,
            f"metric '{key}' (value={metric.value}). Step must be a valid long (64-bit integer).",
        )
    if len(key) > MAX_KEY:
        raise Refusal(f"'Metric name' exceeds the maximum length of {MAX_KEY} characters")
    check_length("Dataset name", metric.dataset_name, MAX_DATASET["name"])
    check_length("Dataset digest", metric.dataset_digest, MAX_DATASET["digest"])


def checked_params(params: Sequence[Tag], path: str = "params") -> dict[str, str]:
    """Params by key; long values are cut, as MLflow does."""
    found: dict[str, str] = {}
    doubled = []
    for number, param in enumerate(params):
        check_key(param.key, f"{path}[{number}].key" if path else "key", "param")
        check_length("Param key", param.key, MAX_KEY)
        if param.key in found:
            doubled.append(param.key)
        found[param.key] = param.value[:MAX_PARAM_VALUE]
    if doubled:
        raise Refusal(
            f"Duplicate parameter keys have been submitted: {doubled}. Please ensure the request contains "
            "only one param value per param key."
        )
    return found


def checked_tags(tags: Sequence[Tag], path: str = "tags") -> dict[str, str]:
    """Tags of a run by key, the last of each; long values are cut, as MLflow does."""
    for number, tag in enumerate(tags):
        where = f"{path}[{number}].key" if path else "key"
        check_key(tag.key, where, "tag")
        check_length(where, tag.key, MAX_KEY)
    return {tag.key: tag.value[:MAX_TAG_VALUE] for tag in tags}


def short_keys(noun: str, words: Iterable[Tag]) -> dict[str, str]:
    """Words of a logged model by key, which may be any of no great length."""
    return {check_length(f"{noun} key", each.key, MAX_KEY): each.value for each in words}


def other_tags(tags: Iterable[Tag], limit: int) -> dict[str, str]:
    """Tags of an experiment, a model or a version: too long a value is refused."""
    for tag in tags:
        check_key(tag.key, "key", "tag")
        check_length("key", tag.key, MAX_KEY)
        check_length("value", tag.value, limit)
    return {tag.key: tag.value for tag in tags}


def check_batch(size: int, metrics: int, params: int, tags: int) -> None:
    """The limits of one batch."""
    if size > MAX_BATCH_BYTES:
        raise Refusal(
            f"Batched logging API requests must be at most {MAX_BATCH_BYTES} bytes, got a request of size "
            f"{size}."
        )
    limits = (
        ("metrics", MAX_METRICS, metrics),
        ("params", MAX_PARAMS_TAGS, params),
        ("tags", MAX_PARAMS_TAGS, tags),
        ("metrics, params, and tags", MAX_ENTITIES, metrics + params + tags),
    )
    for noun, limit, found in limits:
        if found > limit:
            raise Refusal(
                f"A batch logging request can contain at most {limit} {noun}. Got {found} {noun}. Please "
                f"split up {noun} across multiple requests and try again."
            )


def check_experiment_name(name: str) -> str:
    """A name of an experiment."""
    if not name:
        raise Refusal("Invalid experiment name: ''")
    return check_length("name", name, MAX_EXPERIMENT_NAME)


def check_experiment_id(number: str) -> str:
    """An id of an experiment; unset is the default one."""
    if not number:
        return "0"
    try:
        return str(int(number))
    except ValueError:
        raise Refusal(
            f"Invalid experiment ID '{number[:80]}'. Experiment ID must be a valid integer."
        ) from None


def no_experiment(number: str) -> Refusal:
    """MLflow's words for an experiment that is not there."""
    return Refusal(f"No Experiment with id={number} exists", "RESOURCE_DOES_NOT_EXIST")


def check_location(place: str) -> str | None:
    """Where an experiment's client keeps files: any text but one that leads upward."""
    if place.startswith("runs:"):
        raise Refusal(f"Artifact location cannot be a runs:/ URI. Given: '{place[:200]}'")
    if any(mark in place for mark in ("#", "?")) or ".." in re.split(
        r"[/\\]|%2[fF]|%5[cC]", place.replace("%2e", ".").replace("%2E", ".")
    ):
        raise Refusal(f"Invalid artifact_location: '{place[:200]}'")
    return check_length("artifact_location", place, 2048) or None


def check_model_name(name: str) -> str:
    """A name of a registered model."""
    if not name.strip():
        raise Refusal("Missing value for required parameter 'name'.")
    if "/" in name or ":" in name:
        raise Refusal(f"Invalid model name '{name[:256]}'. Names cannot contain '/' or ':'.")
    plain = posixpath.normpath(name)
    if plain != name or plain == "." or plain.startswith(".."):
        raise invalid(
            "name",
            name[:256],
            "Names may be treated as files in certain cases, and must not resolve to other names when "
            f"treated as such. This name would resolve to {plain!r}",
        )
    return check_length("name", name, 256)


def check_alias(alias: str, *, is_new: bool = False) -> str:
    """A name of an alias."""
    if not alias:
        raise Refusal("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(alias):
        raise Refusal(
            f"Invalid alias name: '{alias[:256]}'. Names may only contain alphanumerics, underscores (_), "
            "and dashes (-)."
        )
    check_length("Registered model alias name", alias, MAX_ALIAS)
    if is_new and alias.lower() == "latest":
        raise Refusal("'latest' alias name (case insensitive) is reserved.")
    if is_new and _NUMBERED.fullmatch(alias):
        raise Refusal(f"Version alias name '{alias}' is reserved.")
    return alias


def check_version(version: str) -> int:
    """A number of a version."""
    try:
        return int(version)
    except ValueError:
        raise Refusal(f"Parameter 'version' must be an integer, got '{version[:80]}'.") from None


def check_max_results(given: int | None, default: int, limit: int) -> int:
    """How many are asked for."""
    if given is None:
        return default
    if given < 1:
        raise Refusal(
            f"Invalid value {given} for parameter 'max_results' supplied. It must be a positive integer"
        )
    if given > limit:
        raise Refusal(
            f"Invalid value {given} for parameter 'max_results' supplied. It must be at most {limit}"
        )
    return given
