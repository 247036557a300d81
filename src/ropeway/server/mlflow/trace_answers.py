"""Traces in the shapes that MLflow's client reads."""

import base64
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ropeway.server.mlflow.answers import PROXY, Json, number
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar.moments import moment_of, ms_of
from ropeway.tracking.traces.conditions import STATES
from ropeway.tracking.traces.records import TraceInfo, WholeTrace
from ropeway.tracking.traces.spans import PREFIX, Span
from ropeway.tracking.traces.summary import INPUTS, OUTPUTS, json_value

OUR_STATES = {theirs: ours for ours, theirs in STATES.items()}
# protobuf's JSON takes the number of an enum's value as well as its name.
STATE_NUMBERS = {"0": "unknown", "1": "ok", "2": "error", "3": "in-progress"}
STATUS_OF_2 = {
    "ok": "OK",
    "error": "ERROR",
    "in-progress": "IN_PROGRESS",
    "unknown": "TRACE_STATUS_UNSPECIFIED",
}
ARTIFACTS, SPANS_PLACE = "mlflow.artifactLocation", "mlflow.trace.spansLocation"
IN_STORE = "TRACKING_STORE"
REQUEST_ID = "mlflow.traceRequestId"
_STATUS = {"ok": "STATUS_CODE_OK", "error": "STATUS_CODE_ERROR"}
_SECONDS = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)


def trace_info(found: TraceInfo) -> Json:
    """A trace without its spans."""
    told: Json = {
        "trace_id": found.id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": found.experiment},
        },
        "request_time": moment(found.began_ms),
        "state": STATES[found.state],
        "tags": _tags(found),
    }
    if found.duration_ms is not None:
        told["execution_duration"] = seconds(found.duration_ms)
    for name, value in (
        ("client_request_id", found.client_request),
        ("request_preview", found.request),
        ("response_preview", found.response),
    ):
        if value is not None:
            told[name] = value
    if found.metadata:
        told["trace_metadata"] = found.metadata
    if judged := [msgspec.json.decode(each.said) for each in found.assessments if each.said is not None]:
        told["assessments"] = judged
    return told


def trace_info_2(found: TraceInfo) -> Json:
    """A trace without its spans, as version 2 of the API has it."""
    told: Json = {
        "request_id": found.id,
        "experiment_id": found.experiment,
        "timestamp_ms": found.began_ms,
        "status": STATUS_OF_2[found.state],
        "request_metadata": _pairs(found.metadata),
        "tags": _pairs(_tags(found)),
    }
    if found.duration_ms is not None:
        told["execution_time_ms"] = found.duration_ms
    return told


def whole_trace(found: WholeTrace) -> Json:
    """A trace with its spans."""
    told: Json = {"trace_info": trace_info(found.info)}
    if found.spans:
        told["spans"] = [_span(each) for each in found.spans]
    return told


def moment(told_ms: int) -> str:
    """Milliseconds since 1970 as protobuf's JSON has a time."""
    text = moment_of(told_ms).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{told_ms % 1000:03d}Z" if told_ms % 1000 else f"{text}Z"


def seconds(told_ms: int) -> str:
    """Milliseconds as protobuf's JSON has a length of time."""
    whole, rest = divmod(told_ms, 1000)
    return f"{whole}.{rest:03d}s" if rest else f"{whole}s"


def ms_of_moment(text: str, field: str) -> int:
    """The reverse of `moment`."""
    try:
        told = datetime.fromisoformat(text)
        return ms_of(told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise Refusal(f"Invalid value for parameter '{field}' supplied: {text[:80]!r} is no time") from error


def ms_of_seconds(text: str, field: str) -> int:
    """The reverse of `seconds`."""
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise Refusal(f"Invalid value for parameter '{field}' supplied: {text[:80]!r} is no length of time")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])


def _tags(found: TraceInfo) -> dict[str, str]:
    place = f"{PROXY}{found.experiment}/traces/{found.id}/artifacts"
    return {ARTIFACTS: place, SPANS_PLACE: IN_STORE, **found.tags}


def _pairs(words: dict[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in words.items()]


def _span(span: Span) -> Json:
    told: Json = {
        "trace_id": _id(span.trace.removeprefix(PREFIX)),
        "span_id": _id(span.id),
        "name": span.name,
        "start_time_unix_nano": span.began_ns,
        "attributes": _attributes({**readable(span.attributes), REQUEST_ID: span.trace}),
        "status": _status(span),
    }
    if span.parent is not None:
        told["parent_span_id"] = _id(span.parent)
    if span.ended_ns:
        told["end_time_unix_nano"] = span.ended_ns
    if span.events:
        told["events"] = [
            {
                "time_unix_nano": each.at_ns,
                "name": each.name,
                **_when_any("attributes", _attributes(each.attributes)),
            }
            for each in span.events
        ]
    if span.links:
        told["links"] = [
            {
                "trace_id": _id(each.trace),
                "span_id": _id(each.span),
                **_when_any("attributes", _attributes(each.attributes)),
            }
            for each in span.links
        ]
    return told


def readable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes with what went in and came out as values, where an exporter wrote them as JSON."""
    return {
        key: json_value(value) if key in (INPUTS, OUTPUTS) else value for key, value in attributes.items()
    }


def _status(span: Span) -> Json:
    told: Json = {"code": _STATUS[span.status]} if span.status in _STATUS else {}
    return told | _when_any("message", span.message)


def _when_any(name: str, value: Any) -> Json:
    return {name: value} if value else {}


def _id(in_hex: str) -> str:
    return base64.b64encode(bytes.fromhex(in_hex)).decode("ascii")


def _attributes(given: dict[str, Any]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in given.items()]


def _value(value: Any) -> Json:
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case int():
            return {"int_value": value}
        case float():
            return {"double_value": value if math.isfinite(value) else number(value)}
        case str():
            return {"string_value": value}
        case bytes():
            return {"bytes_value": base64.b64encode(value).decode("ascii")}
        case dict():
            return {"kvlist_value": _when_any("values", _attributes(value))}
    return {"array_value": _when_any("values", _values(value))}


def _values(values: Iterable[Any]) -> list[Json]:
    return [_value(each) for each in values]
