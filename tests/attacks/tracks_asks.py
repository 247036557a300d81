"""Requests for every field of every route of MLflow's, one of which is hostile in each."""

import types
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Union, get_args, get_origin
from urllib.parse import quote

import msgspec
from tests.attacks.strings import TRAVERSAL
from tests.attacks.tracks_stage import HOME, Stage
from tests.attacks.tracks_values import BODIES, JSON, KINDS, ODD_KEYS, ODD_TEXTS, RAW, SPANS

from ropeway.server.mlflow import files, page_messages, parts
from ropeway.server.mlflow.messages import Message
from ropeway.server.mlflow.otlp import PATH as OTLP
from ropeway.server.mlflow.routes import BARE, ENDPOINTS, Endpoint
from ropeway.server.mlflow.uploads import GRANT

HERE = "\x01here\x01"
PLACE = msgspec.json.encode(HERE)
LONGEST_LINE = 9_000
"""Longer texts go in bodies only."""
KEYS = ("key", "metric_key", "name", "alias")
CARRIED: dict[Any, type[Message]] = {
    files.get_of_run: page_messages.FileOfRun,
    files.put_of_run: page_messages.FileOfRun,
    files.get_of_version: page_messages.FileOfVersion,
    files.get_of_logged_model: page_messages.FileOfModel,
    parts.create: page_messages.CreateUpload,
    parts.complete: page_messages.CompleteUpload,
    parts.abort: page_messages.CompleteUpload,
}
"""What the routes take whose body or answer is a file."""
SHORT_TEXTS = tuple(text for text in (*TRAVERSAL, *ODD_TEXTS) if len(text) < LONGEST_LINE)


class Ask(NamedTuple):
    """One request as it goes out, and what is hostile about it. `is_whole`: its path begins there."""

    what: str
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = JSON
    is_whole: bool = False


def asks(stage: Stage, endpoints: Iterable[Endpoint] = ENDPOINTS) -> Iterator[Ask]:
    """All of them, each made when its turn comes: some are large."""
    for endpoint in endpoints:
        path = _filled_path(stage, endpoint)
        message = CARRIED.get(endpoint.carries, endpoint.message)
        if endpoint.method == "GET" or endpoint.carries is files.put_of_run:
            yield from _queries(stage, endpoint, path, message)
        elif endpoint.carries is None or message is not Message:
            yield from _fields(stage, endpoint, path, message)
            yield from (Ask("a body", endpoint.method, path, body) for body in BODIES)
            yield from (Ask("a type", endpoint.method, path, b"{}", kind) for kind in KINDS)
        if "{path}" in endpoint.path:
            yield from _files(stage, endpoint)
        yield from _names(stage, endpoint)


def exports() -> Iterator[Ask]:
    """What no exporter of OpenTelemetry sends."""
    for media in ("application/json", "application/x-protobuf", "text/plain"):
        for coding in ("", "gzip", "deflate", "br", "gzip, gzip"):
            kind = {"content-type": media, **HOME, **({"content-encoding": coding} if coding else {})}
            for body in (*SPANS, *BODIES):
                yield Ask(f"spans in {media} {coding} {body[:40]!r}", "POST", OTLP, body, kind, is_whole=True)
    for name in ("x-mlflow-experiment-id", "x-mlflow-run-id"):
        for text in SHORT_TEXTS:
            told = text.encode("latin-1", "replace").decode("latin-1")
            if not set(told) & set("\r\n\0"):
                kind = {**JSON, **HOME, name: told}
                yield Ask(f"{name} = {told[:60]!r}", "POST", OTLP, SPANS[9], kind, is_whole=True)


def _filled_path(stage: Stage, endpoint: Endpoint) -> str:
    path = endpoint.path.replace("{path}", f"0/{stage.run}/artifacts")
    for name, value in stage.names.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _names(stage: Stage, endpoint: Endpoint) -> Iterator[Ask]:
    """What stands in a path for the name of something, in turn."""
    headers = {**JSON, GRANT: stage.grant} if "{upload}" in endpoint.path else JSON
    for name, value in stage.names.items():
        if f"{{{name}}}" not in endpoint.path:
            continue
        before, after = (
            _filled_path(stage, endpoint._replace(path=part)) for part in endpoint.path.split(f"{{{name}}}")
        )
        for text in SHORT_TEXTS:
            for said in {_spelled(text), quote(text, safe="")}:
                yield Ask(f"{name} in the path", endpoint.method, before + said + after, b"{}", headers)
        yield Ask("twice", endpoint.method, f"{before}{value}/{value}{after}", b"{}", headers)


def _fields(stage: Stage, endpoint: Endpoint, path: str, message: type[msgspec.Struct]) -> Iterator[Ask]:
    for number, (spot, about) in enumerate(_spots(stage, message)):
        # Every other one of a prompt, which is a model with tags.
        body = about.replace(b'"clf"', b'"greeting"') if number % 2 else about
        is_deep = "." in spot
        texts = (*ODD_TEXTS, *(() if is_deep else TRAVERSAL))
        if spot.rpartition(".")[2] in KEYS:
            texts = (*texts, *ODD_KEYS)
        for raw in (*(msgspec.json.encode(text) for text in texts), *RAW):
            # Twice in full is enough of what takes long to send.
            if not (is_deep and len(raw) > 1_000_000):
                yield Ask(f"{spot} = {raw[:60]!r}", endpoint.method, path, body.replace(PLACE, raw))


def _spots(stage: Stage, message: type[msgspec.Struct], depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Each place of a message, those within what it holds too, and a body that is hostile there."""
    whole = _filled(stage, message)
    for field in msgspec.structs.fields(message):
        yield field.encode_name, msgspec.json.encode({**whole, field.encode_name: HERE})
        held, is_list = _held(field.type)
        if get_origin(held) is dict:
            yield f"{field.encode_name}.key", msgspec.json.encode({**whole, field.encode_name: {HERE: "x"}})
            yield f"{field.encode_name}.value", msgspec.json.encode({**whole, field.encode_name: {"a": HERE}})
        elif isinstance(held, type) and issubclass(held, msgspec.Struct) and depth < 3:
            for spot, body in _spots(stage, held, depth + 1):
                item = msgspec.Raw(b"[" + body + b"]" if is_list else body)
                yield f"{field.encode_name}.{spot}", msgspec.json.encode({**whole, field.encode_name: item})
        elif is_list:
            yield f"{field.encode_name}.item", msgspec.json.encode({**whole, field.encode_name: [HERE]})


def _held(kind: Any) -> tuple[Any, bool]:
    """What a field holds, once nothing is left of `| None` and of a list around it."""
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    return (_held(get_args(kind)[0])[0], True) if get_origin(kind) is list else (kind, False)


def _filled(stage: Stage, message: type[msgspec.Struct]) -> dict[str, Any]:
    names = [field.encode_name for field in msgspec.structs.fields(message)]
    return {name: stage.values[name] for name in names if name in stage.values}


def _queries(stage: Stage, endpoint: Endpoint, path: str, message: type[msgspec.Struct]) -> Iterator[Ask]:
    whole, is_whole = _filled(stage, message), endpoint.path in BARE
    body, headers = (b"x", {}) if endpoint.method != "GET" else (None, JSON)
    for field in msgspec.structs.fields(message):
        name = field.encode_name
        rest = "&".join(f"{each}={quote(str(value))}" for each, value in whole.items() if each != name)
        odd = ("%ff", "%", "%zz", "%00", "a&" * 300, "\x01", f"a&{name}=b")
        for said in (*(quote(text, safe="") for text in SHORT_TEXTS), *odd):
            yield Ask(
                f"{name} = {said[:60]!r}",
                endpoint.method,
                f"{path}?{rest}&{name}={said}",
                body,
                headers,
                is_whole,
            )


def _files(stage: Stage, endpoint: Endpoint) -> Iterator[Ask]:
    before = endpoint.path.removesuffix("{path}")
    body = b"x" if endpoint.method == "PUT" else b'{"path":"a"}' if endpoint.method == "POST" else None
    headers = JSON if endpoint.method == "POST" else {}
    starts = (
        "",
        f"0/{stage.run}/artifacts/",
        f"0/{stage.run}/",
        f"0/models/{stage.model}/artifacts/",
    )
    for text in SHORT_TEXTS:
        for start in starts:
            for said in {_spelled(text), quote(text, safe=""), quote(quote(text, safe=""), safe="")}:
                yield Ask(f"a file {text[:60]!r}", endpoint.method, f"{before}{start}{said}", body, headers)


def _spelled(text: str) -> str:
    """As raw as a request line can be."""
    return quote(text.partition("\r")[0].partition("\n")[0].partition(" ")[0], safe="/%.\\;?#:@$*~-&=")
