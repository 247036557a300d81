"""`traces.json`: the spans of a trace as one file, as clients before 3.4 put and get them.

What comes in is kept as any export of spans is, so it is found, shown and erased like those that come by
OpenTelemetry's protocol. What goes out is made of the spans, however they came, in the form of 2.x, which
every client reads.
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ropeway.core.errors import Invalid
from ropeway.server.mlflow.artifacts import not_there, safe_path
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.mlflow.trace_answers import REQUEST_ID, readable
from ropeway.serving.bodies import Bodies
from ropeway.serving.door import SAFETY_HEADERS, Receive, Scope, Send, reply
from ropeway.tracking.traces import operations as ours
from ropeway.tracking.traces.errors import TraceNotFound
from ropeway.tracking.traces.otlp import read_export
from ropeway.tracking.traces.records import WholeTrace
from ropeway.tracking.traces.spans import PREFIX, Span, plain_text
from ropeway.tracking.traces.summary import INPUTS, OUTPUTS, is_shallow
from ropeway.workspace import Workspace

_FILE = re.compile(r"[0-9]+/traces/(tr-[0-9a-f]{32})/artifacts/traces\.json")
_CODES = {"OK": 1, "ERROR": 2, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_LARGEST_INT = 2**63
Json = dict[str, Any]


def trace_of(path: str) -> str:
    """The trace whose spans a path of the proxy means; empty where it means another file."""
    found = _FILE.fullmatch(safe_path(path))
    return found[1] if found else ""


async def put(workspace: Workspace, trace: str, scope: Scope, receive: Receive, bodies: Bodies) -> None:
    """Keep the spans of a trace that was begun before."""
    body = await bodies.read(scope, receive)
    await asyncio.to_thread(_keep, workspace, trace, body)


async def get(workspace: Workspace, trace: str, path: str, send: Send) -> None:
    """Send the spans of a trace."""
    told = await asyncio.to_thread(_file, workspace, trace, path)
    headers = [(b"content-type", b"application/json"), (b"content-disposition", b"attachment")]
    await reply(send, 200, told, [*headers, *SAFETY_HEADERS])


def _keep(workspace: Workspace, trace: str, body: bytes | bytearray) -> None:
    try:
        known = ours.get_trace_info(workspace, trace=trace)
    except TraceNotFound as error:
        raise Refusal(f"Trace with ID '{trace}' not found.", "RESOURCE_DOES_NOT_EXIST") from error
    try:
        told = msgspec.json.decode(body)
        spans = [_to_otlp(each, trace.removeprefix(PREFIX)) for each in told["spans"]]
        body = msgspec.json.encode({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refusal(
            "Invalid traces.json: it is not the spans of a trace as a client writes them."
        ) from error
    if not spans:
        return
    try:
        read = read_export(body, is_json=True)
    except Invalid as error:
        raise Refusal(f"Invalid traces.json: {error.what}") from error
    if read.rejected:
        raise Refusal(f"Invalid traces.json: {read.why}")
    ours.record_spans(workspace, experiment=known.experiment, export=workspace.store.put(read.data))


def _to_otlp(span: Json, trace: str) -> Json:
    """A span of such a file in OTLP's JSON; under the id of its trace, which 2.x keeps apart from its own."""
    if "context" in span:
        own, parent, code = span["context"]["span_id"], span["parent_id"], span["status_code"]
        began, ended, said = span["start_time"], span["end_time"], span["status_message"]
    else:
        own, parent, code = span["span_id"], span["parent_span_id"], span["status"]["code"]
        began, ended = span["start_time_unix_nano"], span["end_time_unix_nano"]
        said = span["status"].get("message", "")
    told: Json = {
        "traceId": trace,
        "spanId": _hex(own),
        "name": span["name"],
        "startTimeUnixNano": began,
        "endTimeUnixNano": ended or 0,
        "status": {"code": _CODES.get(code, 0), "message": said or ""},
        "attributes": _pairs(
            (key, _read(value)) for key, value in span["attributes"].items() if key != REQUEST_ID
        ),
        "events": [
            {
                "name": each["name"],
                "timeUnixNano": each["timestamp"] if "timestamp" in each else each["time_unix_nano"],
                "attributes": _pairs((each.get("attributes") or {}).items()),
            }
            for each in span.get("events", [])
        ],
    }
    return told | ({"parentSpanId": _hex(parent)} if parent else {})


def _hex(told: str) -> str:
    """An id of 8 bytes, which 2.x writes in hex and 3.x in base64."""
    if re.fullmatch(r"(?:0x)?[0-9a-f]{1,16}", told):
        return told.removeprefix("0x").zfill(16)
    return msgspec.convert(told, bytes).hex()


def _read(value: Any) -> Any:
    """The value of an attribute, which such a file has as JSON within JSON."""
    try:
        told = msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, RecursionError):
        return value
    return told if is_shallow(told) else str(value)


def _pairs(words: Iterable[tuple[str, Any]]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in words]


def _value(value: Any) -> Json:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int() if -_LARGEST_INT <= value < _LARGEST_INT:
            return {"intValue": value}
        case float():
            return {"doubleValue": value}
        case dict():
            return {"kvlistValue": {"values": _pairs(value.items())}}
        case list():
            return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}


def _file(workspace: Workspace, trace: str, path: str) -> bytes:
    try:
        found = ours.get_trace(workspace, trace=trace)
    except TraceNotFound as error:
        raise not_there(path) from error
    if not found.spans:
        raise not_there(path)
    return msgspec.json.encode(_as_2(found))


def _as_2(found: WholeTrace) -> Json:
    root = next((each for each in found.spans if each.parent is None), found.spans[0])
    attributes = readable(root.attributes)
    request, response = (
        None if (value := attributes.get(key)) is None else _json(value) for key in (INPUTS, OUTPUTS)
    )
    return {"spans": [_span_2(each) for each in found.spans], "request": request, "response": response}


def _span_2(span: Span) -> Json:
    attributes = {key: _json(plain_text(value)) for key, value in readable(span.attributes).items()}
    return {
        "name": span.name,
        "context": {"span_id": span.id, "trace_id": span.trace.removeprefix(PREFIX)},
        "parent_id": span.parent,
        "start_time": span.began_ns,
        "end_time": span.ended_ns or None,
        "status_code": span.status.upper(),
        "status_message": span.message,
        "attributes": {**attributes, REQUEST_ID: _json(span.trace)},
        "events": [
            {"name": each.name, "timestamp": each.at_ns, "attributes": each.attributes}
            for each in span.events
        ],
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
