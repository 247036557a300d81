"""Traces come in: exports of spans, and what a client says of a trace as a whole."""

import re

from sqlalchemy import Connection, func, select

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.afar.errors import BadMoment
from ropeway.tracking.afar.experiments import require_active_experiment
from ropeway.tracking.afar.moments import LAST_MS
from ropeway.tracking.afar.runs import row_of
from ropeway.tracking.traces.errors import (
    BadTraceId,
    ExportUnreadable,
    NoSpans,
    SpansUnusable,
    TooManySpans,
)
from ropeway.tracking.traces.events import SpansRecorded, TraceDescribed
from ropeway.tracking.traces.otlp import LARGEST_BYTES, MOST_SPANS
from ropeway.tracking.traces.projections import CHUNK, trace_export
from ropeway.tracking.traces.reading import info_of
from ropeway.tracking.traces.records import SpansKept, TraceInfo
from ropeway.tracking.traces.spans import fault_in, spans_in
from ropeway.tracking.traces.summary import summarized
from ropeway.workspace import Context, operation

SOURCE_RUN = "mlflow.sourceRun"
"""The key under which a client says, in a trace's metadata, during which run it was made."""
STATES = ("ok", "error", "in-progress", "unknown")
_TRACE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-]{0,199}")


@operation("traces.record", kind="command", permission="runs:write")
def record_spans(context: Context, *, experiment: str, export: Digest) -> SpansKept:
    """Record an export of spans, which is in the store. The same export again changes nothing.

    Args:
        context: the call.
        experiment: where traces belong that are not known yet.
        export: the object: an `ExportTraceServiceRequest` of OpenTelemetry, in protobuf.

    Raises:
        ExperimentNotFound, NotActive: as they say.
        ExportUnreadable, NoSpans, TooManySpans: the object is no export, an empty one, a too large one.
        SpansUnusable: it has spans that `read_export` leaves out.
    """
    if context.store.size(export) > LARGEST_BYTES:
        raise ExportUnreadable(f"they are more than {LARGEST_BYTES:,} bytes")
    # What takes long goes before the write turn.
    spans = list(spans_in(context.store.read(export)))
    if not spans:
        raise NoSpans
    if len(spans) > MOST_SPANS:
        raise TooManySpans(len(spans), MOST_SPANS)
    if faults := [fault for each in spans if (fault := fault_in(each))]:
        raise SpansUnusable(len(faults), faults[0])
    seen, words = summarized(spans)
    traces = [each.trace for each in seen]
    context.begin()
    require_active_experiment(context.read, experiment)
    is_new = _recorded(context.read, export, traces) < len(traces)
    if is_new:
        context.append(SpansRecorded(experiment=experiment, export=export, seen=seen, words=words))
    return SpansKept(export=export, traces=traces, spans=len(spans), is_new=is_new)


@operation("traces.describe", kind="command", permission="runs:write")
def describe_trace(
    context: Context,
    *,
    trace: str,
    experiment: str,
    began_ms: int,
    duration_ms: int | None = None,
    state: str = "unknown",
    client_request: str | None = None,
    request: str | None = None,
    response: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
    metadata: dict[str, str] = {},  # noqa: B006
) -> TraceInfo:
    """Say what a trace is as a whole, before or after its spans come. Said again, it holds anew.

    Raises:
        BadTraceId, BadMoment, ExperimentNotFound, NotActive: as they say.
    """
    check_trace_id(trace)
    for moment in (began_ms, duration_ms or 0):
        if not 0 <= moment <= LAST_MS:
            raise BadMoment(moment)
    context.begin()
    require_active_experiment(context.read, experiment)
    row = row_of(context.read, metadata[SOURCE_RUN]) if metadata.get(SOURCE_RUN) else None
    context.append(
        TraceDescribed(
            trace=trace,
            experiment=experiment,
            state=state if state in STATES else "unknown",
            began_ms=began_ms,
            duration_ms=duration_ms,
            run=None if row is None else RunId(row.id),
            client_request=client_request,
            request=request,
            response=response,
            tags=tags or None,
            metadata=metadata or None,
        )
    )
    return info_of(context.read, trace)


def check_trace_id(trace: str) -> str:
    """A name that a trace may have.

    Raises:
        BadTraceId: it may not.
    """
    if not _TRACE_ID.fullmatch(trace):
        raise BadTraceId(trace)
    return trace


def _recorded(read: Connection, export: Digest, traces: list[str]) -> int:
    """Of how many of some traces this export is on record."""
    found = 0
    for start in range(0, len(traces), CHUNK):
        some = traces[start : start + CHUNK]
        query = select(func.count()).select_from(trace_export)
        where = (trace_export.c.export == export, trace_export.c.trace.in_(some))
        found += read.execute(query.where(*where)).scalar_one()
    return found
