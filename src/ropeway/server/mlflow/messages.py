"""What MLflow's client sends, decoded; what is unknown is passed over, as newer clients need.

Numbers may come as text and the other way about is refused, as in protobuf's JSON. Null means unset.
"""

import json
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from ropeway.server.mlflow.errors import Refusal

MAX_FIELDS = 200
NOTHING = b""

M = TypeVar("M", bound="Message")


class Message(msgspec.Struct, kw_only=True):
    """A request's fields. `""` and 0 are protobuf's words for unset."""


class Tag(Message):
    """A word under a key: a tag or a param."""

    key: str = ""
    value: str = ""


class Metric(msgspec.Struct, gc=False):
    """One point."""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class ByExperiment(Message):
    """An experiment by its id."""

    experiment_id: str = ""


class ByExperimentName(Message):
    """What `experiments/get-by-name` takes."""

    experiment_name: str = ""


class CreateExperiment(Message):
    """What `experiments/create` takes."""

    name: str = ""
    artifact_location: str = ""
    tags: list[Tag] = []


class UpdateExperiment(ByExperiment):
    """What `experiments/update` takes."""

    new_name: str = ""


class ExperimentTag(ByExperiment):
    """What `experiments/set-experiment-tag` takes."""

    key: str = ""
    value: str = ""


class Search(Message):
    """What a search takes."""

    filter: str = ""
    order_by: list[str] = []
    max_results: int | None = None
    page_token: str = ""


class SearchExperiments(Search):
    """What `experiments/search` takes."""

    view_type: str = "ACTIVE_ONLY"


class CreateRun(Message):
    """What `runs/create` takes."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    tags: list[Tag] = []


class ByRun(Message):
    """A run by its id."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        """The run; older clients name it otherwise."""
        return self.run_id or self.run_uuid


class UpdateRun(ByRun):
    """What `runs/update` takes."""

    status: str | None = None
    end_time: int | None = None
    run_name: str | None = None


class LogBatch(ByRun):
    """What `runs/log-batch` takes."""

    metrics: list[Metric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class LogMetric(ByRun):
    """What `runs/log-metric` takes."""

    key: str | None = None
    value: float | None = None
    timestamp: int | None = None
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class KeyValue(ByRun):
    """A param or a tag of a run."""

    key: str | None = None
    value: str = ""


class Dataset(Message):
    """A data set."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Message):
    """A data set and how it was used."""

    dataset: Dataset | None = None
    tags: list[Tag] = []


class ModelLink(Message):
    """A logged model of a run."""

    model_id: str = ""
    step: int = 0


class LogInputs(ByRun):
    """Data sets and models of a run."""

    datasets: list[DatasetInput] = []
    models: list[ModelLink] = []


class LogModel(ByRun):
    """What `runs/log-model` takes."""

    model_json: str = ""


class SearchRuns(Search):
    """What `runs/search` takes."""

    experiment_ids: list[str] = []
    run_view_type: str = "ACTIVE_ONLY"


class GetHistory(ByRun):
    """What `metrics/get-history` takes."""

    metric_key: str = ""
    max_results: int | None = None
    page_token: str = ""


class ListArtifacts(ByRun):
    """What `artifacts/list` takes."""

    path: str = ""
    page_token: str = ""


class CreateLoggedModel(Message):
    """What `logged-models` takes."""

    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []


class ChangeLoggedModel(Message):
    """What changes in a logged model."""

    status: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []


class OrderBy(Message):
    """One key of an order."""

    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(Message):
    """What `logged-models/search` takes."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[Dataset] = []
    order_by: list[OrderBy] = []
    max_results: int | None = None
    page_token: str = ""


class RegisteredModel(Message):
    """What the routes of registered models take."""

    name: str = ""
    new_name: str = ""
    description: str | None = None
    tags: list[Tag] = []
    key: str = ""
    value: str = ""
    alias: str = ""
    version: str = ""
    stages: list[str] = []


class ModelVersion(Message):
    """What the routes of model versions take."""

    name: str = ""
    version: str = ""
    source: str = ""
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    description: str | None = None
    tags: list[Tag] = []
    key: str = ""
    value: str = ""
    stage: str = ""
    archive_existing_versions: bool | None = None


def from_body(kind: type[M], body: bytes | bytearray) -> M:
    """A request's body as a message.

    Raises:
        Refusal: it is no such message.
    """
    if not body.strip():
        return kind()
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except RecursionError as error:
        raise Refusal("The request's JSON is nested too deeply.", "BAD_REQUEST") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _once_more(kind, body, error)


def from_query(kind: type[M], query: bytes) -> M:
    """A query string as a message; a field that may be repeated becomes a list."""
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        lists = {
            field.name for field in msgspec.structs.fields(kind) if isinstance(field.default_factory, type)
        }
        fields = {name: values if name in lists else values[-1] for name, values in given.items()}
        return msgspec.convert(fields, kind, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise _said(error) from error


def _once_more(kind: type[M], body: bytes | bytearray, first: Exception) -> M:
    """Read what strict JSON is not, and MLflow's server takes: bare NaN, nulls."""
    try:
        value = _without_nulls(json.loads(body))
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(f"Malformed JSON in the request's body: {first}", "BAD_REQUEST") from error
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _said(error) from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _said(error: Exception) -> Refusal:
    """In MLflow's words where it has any: the field, and what it is not."""
    text, _, place = str(error).partition(" - at ")
    field = place.strip("`$.") or "request"
    return Refusal(
        f"Invalid value for parameter '{field}' supplied: {text}. "
        "See the API docs for more information about request parameters."
    )
