"""Traces as those see them who ask: what is on record of each, and its spans out of the exports."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Table, func, or_, select

from ropeway.core.ids import Digest, RunId
from ropeway.store.errors import ObjectErased
from ropeway.tracking.traces.errors import AmbiguousTrace, TraceNotFound
from ropeway.tracking.traces.projections import (
    CHUNK,
    trace,
    trace_assessment,
    trace_export,
    trace_metadata,
    trace_run,
    trace_tag,
)
from ropeway.tracking.traces.records import Assessment, TraceInfo, WholeTrace
from ropeway.tracking.traces.spans import PREFIX, Opened, Span, in_order
from ropeway.workspace import Context, operation

KNOWN_SHOWN = 200
LATEST = "latest"
NAMED = 8


@operation("traces.get", kind="query", permission="runs:read")
def get_trace(context: Context, *, trace: str) -> WholeTrace:
    """One trace with all spans of it that came.

    Raises:
        TraceNotFound: there is none.
    """
    return WholeTrace(
        info=info_of(context.read, trace), spans=spans_of(context.read, Opened(context.store.read), trace)
    )


@operation("traces.info", kind="query", permission="runs:read")
def get_trace_info(context: Context, *, trace: str) -> TraceInfo:
    """One trace without its spans.

    Raises:
        TraceNotFound: there is none.
    """
    return info_of(context.read, trace)


@operation("traces.some", kind="query", permission="runs:read")
def get_some_traces(context: Context, *, traces: list[str], with_spans: bool = True) -> list[WholeTrace]:
    """Those of some traces that are here, in the order of asking."""
    infos, opened = infos_of(context.read, list(dict.fromkeys(traces))), Opened(context.store.read)
    return [
        WholeTrace(info=info, spans=spans_of(context.read, opened, info.id) if with_spans else [])
        for info in infos
    ]


@operation("traces.count", kind="query", permission="runs:read")
def count_traces(context: Context, *, run: str) -> int:
    """How many traces belong to a run."""
    query = select(func.count()).select_from(trace_run).where(trace_run.c.run == run)
    return context.read.execute(query).scalar_one()


@operation("traces.resolve", kind="query", permission="runs:read")
def resolve_trace(context: Context, *, ref: str) -> str:
    """The id of the one trace that a person means: an id, the beginning of one, or `latest`.

    Raises:
        TraceNotFound, AmbiguousTrace: none begins so, or several do.
    """
    query = select(trace.c.id).order_by(trace.c.began_ms.desc(), trace.c.id)
    if ref == LATEST:
        found = list(context.read.execute(query.limit(1)).scalars())
    else:
        bare = ref.removeprefix("trace:")
        beginnings = [bare] if bare.startswith(PREFIX) else [bare, PREFIX + bare]
        starts = or_(*[trace.c.id.startswith(each, autoescape=True) for each in beginnings])
        exact = context.read.execute(select(trace.c.id).where(trace.c.id.in_(beginnings))).scalars().all()
        found = (
            list(exact or context.read.execute(query.where(starts).limit(NAMED)).scalars()) if bare else []
        )
    if not found:
        raise TraceNotFound(ref)
    if len(found) > 1:
        raise AmbiguousTrace(ref, found)
    return str(found[0])


def info_of(read: Connection, name: str) -> TraceInfo:
    """One trace without its spans; see `get_trace`."""
    require_trace(read, name)
    return infos_of(read, [name])[0]


def require_trace(read: Connection, name: str) -> Any:
    """The row of a trace.

    Raises:
        TraceNotFound: there is none.
    """
    row = read.execute(select(trace).where(trace.c.id == name)).first()
    if row is None:
        newest = select(trace.c.id).order_by(trace.c.seq.desc()).limit(KNOWN_SHOWN)
        # A list of ids helps only who has nearly one of them.
        known = [each for each in read.execute(newest).scalars() if each[:8] == name[:8]]
        raise TraceNotFound(name, known[:5])
    return row


def infos_of(read: Connection, names: Sequence[str]) -> list[TraceInfo]:
    """These traces, in this order, with everything that hangs on them; none for one that is not here."""
    found: list[TraceInfo] = []
    for start in range(0, len(names), CHUNK):
        found += _some(read, names[start : start + CHUNK])
    return found


def spans_of(read: Connection, opened: Opened, name: str) -> list[Span]:
    """The spans of a trace, each once; the one that came last holds. Those that were erased are left out."""
    query = select(trace_export.c.export).where(trace_export.c.trace == name).order_by(trace_export.c.seq)
    found: list[Span] = []
    for export in read.execute(query).scalars().all():
        with suppress(ObjectErased):
            found += opened.spans(Digest(export), name)
    return in_order(found)


def _some(read: Connection, names: Sequence[str]) -> list[TraceInfo]:
    rows = {row.id: row for row in read.execute(select(trace).where(trace.c.id.in_(names)))}
    tags, metadata, runs, assessments = (
        _by_trace(read, table, names) for table in (trace_tag, trace_metadata, trace_run, trace_assessment)
    )
    counted = (
        select(trace_export.c.trace, func.sum(trace_export.c.spans))
        .where(trace_export.c.trace.in_(names))
        .group_by(trace_export.c.trace)
    )
    spans: dict[str, int] = {name: int(many) for name, many in read.execute(counted)}
    return [
        TraceInfo(
            id=name,
            experiment=row.experiment,
            name=row.name,
            state=row.state,
            began_ms=row.began_ms,
            duration_ms=row.duration_ms,
            client_request=row.client_request,
            request=row.request,
            response=row.response,
            spans=spans.get(name, 0),
            tags={each.key: each.value for each in tags.get(name, [])},
            metadata={each.key: each.value for each in metadata.get(name, [])},
            runs=[RunId(each.run) for each in runs.get(name, [])],
            assessments=[
                Assessment(id=each.id, kind=each.kind, said=each.said)
                for each in sorted(assessments.get(name, []), key=lambda each: each.seq)
            ],
        )
        for name in names
        if (row := rows.get(name)) is not None
    ]


def _by_trace(read: Connection, table: Table, names: Sequence[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    order = list(table.primary_key.columns)
    for row in read.execute(select(table).where(table.c.trace.in_(names)).order_by(*order)):
        found.setdefault(row.trace, []).append(row)
    return found
