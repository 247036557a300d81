"""What questions about traces are answered with."""

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.traces.spans import Span


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement of a trace; `said` is all of it as JSON, None once that was erased."""

    id: str
    kind: str
    said: str | None


class TraceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A trace without its spans.

    Attributes:
        name: by its tag or, without one, as its root span is called.
        state: `ok`, `error`, `in-progress` or `unknown`.
        began_ms: milliseconds since 1970.
        duration_ms: None while nothing of it has ended.
        client_request: an id that its client gave it.
        request, response: the beginnings of what went in and came out.
        spans: how many were kept; one that came in two exports may count twice.
        runs: the runs that it belongs to.
    """

    id: str
    experiment: str
    name: str | None
    state: str
    began_ms: int
    duration_ms: int | None
    client_request: str | None
    request: str | None
    response: str | None
    spans: int
    tags: dict[str, str]
    metadata: dict[str, str]
    runs: list[RunId]
    assessments: list[Assessment] = []


class WholeTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace with its spans: roots first, then as they began."""

    info: TraceInfo
    spans: list[Span]


class TracePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some traces of those that were asked for; `after` says where to go on, None at the end."""

    traces: list[TraceInfo]
    after: int | None


class SpansKept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an export.

    Attributes:
        export: the object.
        traces: the traces in it.
        spans: how many spans.
        is_new: False where this very export was on record before.
    """

    export: Digest
    traces: list[str]
    spans: int
    is_new: bool
