"""The tables that answer questions about traces; moved by the events of this room."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    select,
    update,
)

from ropeway.ledger import Fact, add, keep_first, keep_latest, projected, projects
from ropeway.tracking.traces.events import (
    AssessmentRemoved,
    SpansRecorded,
    TraceAssessed,
    TraceChanged,
    TraceDescribed,
    TraceSeen,
    TracesLinked,
    TracesRemoved,
    TraceWords,
)
from ropeway.tracking.traces.summary import NAME_TAG

IN_PROGRESS = "in-progress"
UNKNOWN = "unknown"
OPEN_STATES = (IN_PROGRESS, UNKNOWN)
CHUNK = 500

trace = Table(
    "trace",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("experiment", String, nullable=False),
    # By its tag or, without one, as its root span is called.
    Column("name", String),
    Column("state", String, nullable=False),
    Column("began_ms", BigInteger, nullable=False),
    Column("duration_ms", BigInteger),
    Column("client_request", String),
    Column("request", String),
    Column("response", String),
    # Whether a client has said what it is as a whole: spans change its times no more.
    Column("is_described", Boolean, nullable=False),
    Index("trace_experiment", "experiment", "began_ms"),
)


def _words_of(name: str) -> Table:
    return Table(
        name,
        projected,
        Column("trace", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("value", String, nullable=False),
    )


trace_tag = _words_of("trace_tag")
trace_metadata = _words_of("trace_metadata")

trace_span = Table(
    "trace_span",
    projected,
    # Names, types and statuses that stand together at some span; the spans themselves are in the exports.
    Column("trace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("type", String, primary_key=True),
    Column("status", String, primary_key=True),
)

trace_export = Table(
    "trace_export",
    projected,
    Column("trace", String, primary_key=True),
    Column("export", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("spans", Integer, nullable=False),
    Index("trace_export_object", "export"),
)

trace_run = Table(
    "trace_run",
    projected,
    Column("trace", String, primary_key=True),
    Column("run", String, primary_key=True),
    Index("trace_run_of", "run"),
)

trace_assessment = Table(
    "trace_assessment",
    projected,
    Column("trace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("said", String),
)

OWNED = (trace_tag, trace_metadata, trace_span, trace_export, trace_run, trace_assessment)


@projects(SpansRecorded)
def _record(fact: Fact[SpansRecorded], connection: Connection) -> None:
    event = fact.event
    words = {each.trace: each for each in event.words or []}
    known = _known(connection, [seen.trace for seen in event.seen])
    for seen in event.seen:
        said = words.get(seen.trace, TraceWords(trace=seen.trace))
        if seen.trace in known:
            _widen(connection, known[seen.trace], seen, said)
        else:
            _begin(connection, fact, seen, said)
        _add_words(connection, seen.trace, said)
        export = {"trace": seen.trace, "export": event.export, "seq": fact.seq, "spans": seen.spans}
        keep_first(connection, trace_export, export)


def _known(connection: Connection, traces: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for start in range(0, len(traces), CHUNK):
        query = select(trace).where(trace.c.id.in_(traces[start : start + CHUNK]))
        found |= {row.id: row for row in connection.execute(query)}
    return found


def _begin(connection: Connection, fact: Fact[SpansRecorded], seen: TraceSeen, said: TraceWords) -> None:
    add(
        connection,
        trace,
        id=seen.trace,
        seq=fact.seq,
        experiment=fact.event.experiment,
        name=said.tags.get(NAME_TAG, said.name),
        state=seen.state or IN_PROGRESS,
        began_ms=seen.began_ms,
        duration_ms=None if seen.ended_ms is None else max(0, seen.ended_ms - seen.began_ms),
        client_request=None,
        request=said.request,
        response=said.response,
        is_described=False,
    )


def _widen(connection: Connection, row: Any, seen: TraceSeen, said: TraceWords) -> None:
    """More spans of a trace that is known: earlier, later, or its root at last."""
    changed: dict[str, Any] = {}
    if not row.is_described:
        began = min(row.began_ms, seen.began_ms)
        ended = [row.began_ms + row.duration_ms] if row.duration_ms is not None else []
        ended += [seen.ended_ms] if seen.ended_ms is not None else []
        changed["began_ms"] = began
        changed["duration_ms"] = max(0, max(ended) - began) if ended else None
    if row.state in OPEN_STATES and seen.state:
        changed["state"] = seen.state
    found = {"name": said.name, "request": said.request, "response": said.response}
    changed |= {column: value for column, value in found.items() if getattr(row, column) is None}
    if NAME_TAG in said.tags:
        changed["name"] = said.tags[NAME_TAG]
    if changed:
        connection.execute(update(trace).where(trace.c.id == row.id).values(**changed))


def _add_words(connection: Connection, name: str, said: TraceWords) -> None:
    for key, value in said.tags.items():
        keep_latest(connection, trace_tag, trace=name, key=key, value=value)
    for key, value in said.metadata.items():
        keep_first(connection, trace_metadata, {"trace": name, "key": key, "value": value})
    for kind in said.kinds:
        row = {"trace": name, "name": kind.name, "type": kind.type, "status": kind.status}
        keep_first(connection, trace_span, row)


@projects(TraceDescribed)
def _describe(fact: Fact[TraceDescribed], connection: Connection) -> None:
    event = fact.event
    told: dict[str, Any] = {
        "experiment": event.experiment,
        "state": event.state,
        "began_ms": event.began_ms,
        "duration_ms": event.duration_ms,
        "client_request": event.client_request,
        "is_described": True,
    }
    previews = {"request": event.request, "response": event.response}
    told |= {column: value for column, value in previews.items() if value is not None}
    tags = event.tags or {}
    if NAME_TAG in tags:
        told["name"] = tags[NAME_TAG]
    found = connection.execute(update(trace).where(trace.c.id == event.trace).values(**told))
    if not found.rowcount:
        rest = {"name": None, "request": None, "response": None}
        add(connection, trace, **{"id": event.trace, "seq": fact.seq, **rest, **told})
    for key, value in tags.items():
        keep_latest(connection, trace_tag, trace=event.trace, key=key, value=value)
    for key, value in (event.metadata or {}).items():
        keep_latest(connection, trace_metadata, trace=event.trace, key=key, value=value)
    if event.run is not None:
        keep_first(connection, trace_run, {"trace": event.trace, "run": event.run})


@projects(TraceChanged)
def _change(fact: Fact[TraceChanged], connection: Connection) -> None:
    event = fact.event
    tags, untagged = event.tags or {}, event.untagged or []
    for key, value in tags.items():
        keep_latest(connection, trace_tag, trace=event.trace, key=key, value=value)
    if untagged:
        where = (trace_tag.c.trace == event.trace, trace_tag.c.key.in_(untagged))
        connection.execute(delete(trace_tag).where(*where))
    if NAME_TAG in tags or NAME_TAG in untagged:
        connection.execute(update(trace).where(trace.c.id == event.trace).values(name=tags.get(NAME_TAG)))


@projects(TracesLinked)
def _link(fact: Fact[TracesLinked], connection: Connection) -> None:
    for name in fact.event.traces:
        keep_first(connection, trace_run, {"trace": name, "run": fact.event.run})


@projects(TracesRemoved)
def _remove(fact: Fact[TracesRemoved], connection: Connection) -> None:
    traces = fact.event.traces
    for start in range(0, len(traces), CHUNK):
        some = traces[start : start + CHUNK]
        connection.execute(delete(trace).where(trace.c.id.in_(some)))
        for table in OWNED:
            connection.execute(delete(table).where(table.c.trace.in_(some)))


@projects(TraceAssessed)
def _assess(fact: Fact[TraceAssessed], connection: Connection) -> None:
    event = fact.event
    keep_latest(
        connection,
        trace_assessment,
        trace=event.trace,
        id=event.assessment,
        seq=fact.seq,
        kind=event.kind,
        said=event.said,
    )


@projects(AssessmentRemoved)
def _unassess(fact: Fact[AssessmentRemoved], connection: Connection) -> None:
    where = (trace_assessment.c.trace == fact.event.trace, trace_assessment.c.id == fact.event.assessment)
    connection.execute(delete(trace_assessment).where(*where))
