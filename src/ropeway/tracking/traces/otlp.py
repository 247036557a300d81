"""Exports of spans in OpenTelemetry's form (OTLP 1.x): read, checked, and brought into one form of bytes.

Protobuf is decoded by OpenTelemetry's own messages, imported here when the first export comes. JSON is their
JSON, but for ids, which OTLP writes in hex.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ropeway.tracking.traces.errors import ExportUnreadable, NoSpans, SpansUnusable, TooManySpans

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

LARGEST_BYTES = 32 << 20
"""The largest export, unpacked."""
MOST_SPANS = 20_000
MOST_ATTRIBUTES = 1_024
_IDS = ("traceId", "spanId", "parentSpanId")
_SNAKE_IDS = {"trace_id": "traceId", "span_id": "spanId", "parent_span_id": "parentSpanId"}


class Export(NamedTuple):
    """An export as it is kept.

    Attributes:
        data: its bytes: the same spans in the same order are the same bytes.
        rejected: how many spans were left out.
        why: for what reason the first of them was.
    """

    data: bytes
    rejected: int
    why: str


def read_export(body: bytes | bytearray, *, is_json: bool) -> Export:
    """Read what an exporter sent.

    Raises:
        ExportUnreadable: it is no such message.
        NoSpans, SpansUnusable, TooManySpans: as they say.
    """
    request = _parsed_json(body) if is_json else parse(body)
    count, rejected, why = 0, 0, ""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            count += len(scope.spans)
            faults = [_fault(span) for span in scope.spans]
            if any(faults):
                good = [span for span, fault in zip(scope.spans, faults, strict=True) if not fault]
                rejected += len(scope.spans) - len(good)
                why = why or next(filter(None, faults))
                del scope.spans[:]
                scope.spans.extend(good)
    if not count:
        raise NoSpans
    if count > MOST_SPANS:
        raise TooManySpans(count, MOST_SPANS)
    if rejected == count:
        raise SpansUnusable(count, why)
    request.DiscardUnknownFields()
    return Export(request.SerializeToString(deterministic=True), rejected, why)


def parse(body: bytes | bytearray) -> "ExportTraceServiceRequest":
    """Bytes of protobuf as the message that they are.

    Raises:
        ExportUnreadable: they are none.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(bytes(body))
    except DecodeError as error:
        raise ExportUnreadable("they are no such protobuf message") from error
    return request


def _parsed_json(body: bytes | bytearray) -> "ExportTraceServiceRequest":
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        told = msgspec.json.decode(body)
        _ids_in_base64(told)
        ParseDict(told, request, ignore_unknown_fields=True)
    except RecursionError as error:
        raise ExportUnreadable("they are nested too deeply") from error
    except (ParseError, ValueError, TypeError, AttributeError) as error:
        raise ExportUnreadable(f"{error}") from error
    return request


def _ids_in_base64(told: Any) -> None:
    """OTLP's JSON has ids in hex, protobuf's in base64; spans and their links have such."""
    for resource in _items(told, "resourceSpans", "resource_spans"):
        for scope in _items(resource, "scopeSpans", "scope_spans"):
            for span in _items(scope, "spans", "spans"):
                for owner in (span, *_items(span, "links", "links")):
                    _rewrite_ids(owner)


def _rewrite_ids(owner: dict[str, Any]) -> None:
    for snake, camel in _SNAKE_IDS.items():
        if snake in owner:
            owner[camel] = owner.pop(snake)
    for name in _IDS:
        given = owner.get(name)
        if given:
            try:
                owner[name] = base64.b64encode(bytes.fromhex(given)).decode("ascii")
            except (ValueError, TypeError, binascii.Error) as error:
                raise ExportUnreadable(f"{name} is not in hex") from error


def _items(owner: Any, camel: str, snake: str) -> list[dict[str, Any]]:
    if not isinstance(owner, dict):
        raise ExportUnreadable("a list stands where an object is expected, or the reverse")
    found = owner.get(camel) or owner.get(snake) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ExportUnreadable(f"{camel} is no list of objects")
    return found


def _fault(span: "OtlpSpan") -> str:
    """Why a span cannot be kept; empty where it can."""
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "a trace id is not 16 bytes, or all zero"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "a span id is not 8 bytes, or all zero"
    if len(span.parent_span_id) not in (0, 8):
        return "the id of a parent is not 8 bytes"
    if len(span.attributes) > MOST_ATTRIBUTES:
        return f"a span has more than {MOST_ATTRIBUTES:,} attributes"
    return ""
