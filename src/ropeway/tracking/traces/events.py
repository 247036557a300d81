"""The facts about traces. Released shapes never change."""

from collections.abc import Iterable

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Edge, Event, event


class SpanKind(msgspec.Struct, frozen=True, array_like=True):
    """A name, a type and a status that some span of a trace has together."""

    name: str
    type: str
    status: str


class TraceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What one export shows of a trace.

    Attributes:
        trace: its id.
        spans: how many of its spans are in the export.
        began_ms: when the first of them began, in milliseconds since 1970.
        ended_ms: when the last of them ended; None where none has.
        state: `ok` or `error`, as the root says; empty without a root.
    """

    trace: str
    spans: int
    began_ms: int
    ended_ms: int | None
    state: str = ""


class TraceWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the spans of one export say of a trace in words; `name` is the root's."""

    trace: str
    name: str | None = None
    request: str | None = None
    response: str | None = None
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    kinds: list[SpanKind] = []


@event("spans-recorded", erasable=("words",))
class SpansRecorded(Event, frozen=True, kw_only=True):
    """An export of spans was kept. They may be of several traces, and not all that a trace has.

    Attributes:
        experiment: where traces are that were not known yet.
        export: the object: an `ExportTraceServiceRequest` of OpenTelemetry.
        seen: each trace in it.
        words: for each trace what its spans say.
    """

    experiment: str
    export: Digest
    seen: list[TraceSeen]
    words: list[TraceWords] | None

    def subject(self) -> str:
        """The export."""
        return f"spans:{self.export}"

    def objects(self) -> Iterable[Digest]:
        """The spans."""
        return (self.export,)


class OfTrace(Event, frozen=True, kw_only=True):
    """What the events about one trace share."""

    trace: str

    def subject(self) -> str:
        """The trace."""
        return f"trace:{self.trace}"


@event("trace-described", erasable=("client_request", "request", "response", "tags", "metadata"))
class TraceDescribed(OfTrace, frozen=True, kw_only=True):
    """A client said what a trace is as a whole; from then on its spans change nothing of this.

    Attributes:
        state: `ok`, `error`, `in-progress` or `unknown`.
        run: the run during which it was made, where there is such a run here.
        client_request: an id that the client gave it.
        request, response: the beginnings of what went in and came out.
    """

    experiment: str
    state: str
    began_ms: int
    duration_ms: int | None
    run: RunId | None
    client_request: str | None
    request: str | None
    response: str | None
    tags: dict[str, str] | None
    metadata: dict[str, str] | None

    def edges(self) -> Iterable[Edge]:
        """The run that made it."""
        if self.run is not None:
            yield Edge(f"run:{self.run}", "traced-by", self.subject())


@event("trace-changed", erasable=("tags", "untagged"))
class TraceChanged(OfTrace, frozen=True, kw_only=True):
    """Tags of a trace were set or removed."""

    tags: dict[str, str] | None = None
    untagged: list[str] | None = None


@event("traces-linked")
class TracesLinked(Event, frozen=True, kw_only=True):
    """Traces belong to a run."""

    run: RunId
    traces: list[str]

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """Each trace to its run."""
        for trace in self.traces:
            yield Edge(self.subject(), "traced-by", f"trace:{trace}")


@event("traces-removed")
class TracesRemoved(Event, frozen=True, kw_only=True):
    """Traces are no longer told of. The exports that held them stay until an erasure takes them."""

    experiment: str
    traces: list[str]

    def subject(self) -> str:
        """The experiment."""
        return f"experiment:{self.experiment}"


@event("trace-assessed", erasable=("said",))
class TraceAssessed(OfTrace, frozen=True, kw_only=True):
    """Somebody, or a program, judged a trace; said again under the same id, it takes the first one's place.

    Attributes:
        assessment: its id.
        kind: `feedback`, `expectation` or `issue`.
        said: all of it, as the client's JSON.
    """

    assessment: str
    kind: str
    said: str | None


@event("assessment-removed")
class AssessmentRemoved(OfTrace, frozen=True, kw_only=True):
    """A judgement of a trace was taken back."""

    assessment: str
