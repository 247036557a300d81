"""Spans as they are read from the store: what OpenTelemetry's messages say, in plain values."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from ropeway.core.ids import Digest
from ropeway.tracking.traces.otlp import MOST_ATTRIBUTES, parse

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

PREFIX = "tr-"
"""Before the 32 hex digits of OpenTelemetry's id: a trace's id as MLflow's client writes it."""
STATUSES = ("unset", "ok", "error")
TYPE = "mlflow.spanType"
UNKNOWN_TYPE = "UNKNOWN"
KEPT = 2
"""Exports that stay taken apart while traces are asked one after the other."""
_HEX = re.compile(r"(?:[0-9a-f]{2})+")

Attributes = dict[str, Any]
"""Texts, numbers, truth values, bytes, lists and maps of these; None for an empty value."""


class SpanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at one moment of a span, such as an exception."""

    name: str
    at_ns: int
    attributes: Attributes


class SpanLink(msgspec.Struct, frozen=True, kw_only=True):
    """Another span, of any trace, that a span has to do with; ids in hex."""

    trace: str
    span: str
    attributes: Attributes


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work.

    Attributes:
        trace: the id of its trace.
        id: in 16 hex digits.
        parent: the id of the span that it is part of; None for a root.
        kind: as in OpenTelemetry: 1 internal, 2 server, 3 client, 4 producer, 5 consumer; 0 unsaid.
        status: `unset`, `ok` or `error`.
        message: what is said of the status.
        began_ns, ended_ns: nanoseconds since 1970; 0 for one that has not ended.
    """

    trace: str
    id: str
    parent: str | None
    name: str
    kind: int
    status: str
    message: str
    began_ns: int
    ended_ns: int
    attributes: Attributes
    events: list[SpanEvent] = []
    links: list[SpanLink] = []

    @property
    def type(self) -> str:
        """What sort of work it is, such as LLM or TOOL."""
        found = plain_text(self.attributes.get(TYPE))
        return found if isinstance(found, str) and found else UNKNOWN_TYPE


def spans_in(export: bytes) -> Iterator[Span]:
    """The spans of an export that was kept, in its order."""
    for resource in parse(export).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(span)


class Opened:
    """The exports that were read last, taken apart: one export may hold thousands of the traces asked for.

    Args:
        read: gives the bytes of an export.
    """

    def __init__(self, read: Callable[[Digest], bytes]) -> None:
        self._read = read
        self._kept: dict[Digest, dict[bytes, list[OtlpSpan]]] = {}

    def spans(self, export: Digest, of: str) -> list[Span]:
        """The spans of a trace that came in an export, in its order."""
        if export not in self._kept:
            taken: dict[bytes, list[OtlpSpan]] = {}
            for resource in parse(self._read(export)).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        taken.setdefault(span.trace_id, []).append(span)
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[export] = taken
        found = self._kept[export].get(_otlp_id(of), [])
        return [_span(each) for each in found]


def _otlp_id(name: str) -> bytes:
    """The id of a trace in its spans; nothing where spans have no such id."""
    bare = name.removeprefix(PREFIX)
    return bytes.fromhex(bare) if _HEX.fullmatch(bare) else b""


def fault_in(span: Span) -> str:
    """Why a span of an export that nobody read before is none; empty where it is one."""
    if len(span.trace) != len(PREFIX) + 32 or len(span.id) != 16:
        return "a trace id is not 16 bytes, or a span id is not 8"
    if len(span.attributes) > MOST_ATTRIBUTES:
        return f"a span has more than {MOST_ATTRIBUTES:,} attributes"
    return ""


def plain_text(value: Any) -> Any:
    """The value of an attribute without the quotes of JSON, in which some writers put texts."""
    if isinstance(value, str) and value[:1] == '"' == value[-1:] and len(value) > 1:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def in_order(spans: Iterable[Span]) -> list[Span]:
    """Each span once, the one told last; roots first, then by their beginning."""
    last = {span.id: span for span in spans}
    return sorted(last.values(), key=lambda span: (span.parent is not None, span.began_ns, span.id))


def _span(span: "OtlpSpan") -> Span:
    return Span(
        trace=PREFIX + span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex() if any(span.parent_span_id) else None,
        name=span.name,
        kind=span.kind,
        status=STATUSES[span.status.code] if 0 <= span.status.code < len(STATUSES) else STATUSES[0],
        message=span.status.message,
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[
            SpanEvent(name=each.name, at_ns=each.time_unix_nano, attributes=_attributes(each.attributes))
            for each in span.events
        ],
        links=[
            SpanLink(
                trace=each.trace_id.hex(), span=each.span_id.hex(), attributes=_attributes(each.attributes)
            )
            for each in span.links
        ],
    )


def _attributes(pairs: "Iterable[KeyValue]") -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(told: "AnyValue") -> Any:
    kind = told.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(each) for each in told.array_value.values]
    if kind == "kvlist_value":
        return _attributes(told.kvlist_value.values)
    return getattr(told, kind)
