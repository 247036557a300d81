"""Traces change: tags, runs that they belong to, judgements; and they are removed."""

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import RunId
from ropeway.tracking.afar.errors import TagNotThere
from ropeway.tracking.afar.experiments import find_experiment
from ropeway.tracking.afar.moments import LAST_MS
from ropeway.tracking.afar.runs import require_row
from ropeway.tracking.traces.errors import AssessmentNotFound, BadAssessment
from ropeway.tracking.traces.events import (
    AssessmentRemoved,
    TraceAssessed,
    TraceChanged,
    TracesLinked,
    TracesRemoved,
)
from ropeway.tracking.traces.projections import CHUNK, trace, trace_assessment, trace_run, trace_tag
from ropeway.tracking.traces.reading import require_trace
from ropeway.tracking.traces.summary import is_shallow
from ropeway.workspace import Context, Limit, operation

Traces = list[str]
KINDS = ("feedback", "expectation", "issue")
LONGEST_ID = 200
LARGEST_JUDGEMENT = 100_000


@operation("traces.change", kind="command", permission="runs:write")
def change_trace(
    context: Context,
    *,
    trace: str,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
    untagged: list[str] = [],  # noqa: B006
) -> bool:
    """Set and remove tags of a trace. Gives whether anything changed.

    Raises:
        TraceNotFound, TagNotThere: as they say.
    """
    context.begin()
    require_trace(context.read, trace)
    known = {
        row.key: row.value
        for row in context.read.execute(select(trace_tag).where(trace_tag.c.trace == trace))
    }
    for key in untagged:
        if key not in known:
            raise TagNotThere(f"trace {trace}", key)
    fresh = {key: value for key, value in tags.items() if known.get(key) != value}
    if not fresh and not untagged:
        return False
    context.append(TraceChanged(trace=trace, tags=fresh or None, untagged=untagged or None))
    return True


@operation("traces.link", kind="command", permission="runs:write")
def link_traces(context: Context, *, run: str, traces: Traces) -> int:
    """Let traces belong to a run; gives how many did not before. Those that are not here are passed over.

    Raises:
        RunNotFound: there is no such run.
    """
    context.begin()
    row = require_row(context.read, run)
    here = _here(context.read, traces)
    query = select(trace_run.c.trace).where(trace_run.c.run == row.id)
    linked = set(context.read.execute(query).scalars())
    fresh = [each for each in dict.fromkeys(traces) if each in here and each not in linked]
    if fresh:
        context.append(TracesLinked(run=RunId(row.id), traces=fresh))
    return len(fresh)


@operation("traces.remove", kind="command", permission="runs:write")
def remove_traces(
    context: Context,
    *,
    experiment: str,
    traces: Traces = [],  # noqa: B006  the operation copies it
    until_ms: int | None = None,
    limit: Limit | None = None,
) -> int:
    """Tell no more of traces of an experiment: of those named, or of those that began by a time.

    Args:
        context: the call.
        experiment: whose.
        traces: which; empty for all that began by `until_ms`, which has to be given then.
        until_ms: milliseconds since 1970.
        limit: so many of them at most, the oldest.

    Raises:
        ExperimentNotFound: there is no such experiment.
    """
    if not traces and until_ms is None:
        return 0
    context.begin()
    find_experiment(context.read, experiment)
    query = select(trace.c.id).where(trace.c.experiment == experiment).order_by(trace.c.began_ms, trace.c.id)
    if until_ms is not None:
        # No trace is later, and no column takes a larger number.
        query = query.where(trace.c.began_ms <= max(-1, min(until_ms, LAST_MS)))
    if traces:
        wanted = _here(context.read, traces)
        found = [name for name in context.read.execute(query).scalars() if name in wanted]
    else:
        found = list(
            context.read.execute(query.limit(None if limit is None else min(limit, LAST_MS))).scalars()
        )
    found = found if limit is None else found[:limit]
    if found:
        context.append(TracesRemoved(experiment=experiment, traces=found))
    return len(found)


@operation("traces.assess", kind="command", permission="runs:write")
def assess_trace(context: Context, *, trace: str, assessment: str, kind: str, said: str) -> bool:
    """Keep a judgement of a trace under an id; said again, it takes the first one's place.

    Args:
        context: the call.
        trace: of which.
        assessment: the id.
        kind: `feedback`, `expectation` or `issue`.
        said: the judgement in MLflow's JSON: an object, with an object under its kind.

    Raises:
        BadAssessment: it is not such a judgement.
        TraceNotFound: there is no such trace.
    """
    _check_judgement(assessment, kind, said)
    context.begin()
    require_trace(context.read, trace)
    context.append(TraceAssessed(trace=trace, assessment=assessment, kind=kind, said=said))
    return True


@operation("traces.unassess", kind="command", permission="runs:write")
def unassess_trace(context: Context, *, trace: str, assessment: str) -> bool:
    """Take a judgement of a trace back.

    Raises:
        TraceNotFound, AssessmentNotFound: as they say.
    """
    context.begin()
    require_trace(context.read, trace)
    where = (trace_assessment.c.trace == trace, trace_assessment.c.id == assessment)
    if context.read.execute(select(trace_assessment.c.id).where(*where)).first() is None:
        raise AssessmentNotFound(trace, assessment)
    context.append(AssessmentRemoved(trace=trace, assessment=assessment))
    return True


def _check_judgement(assessment: str, kind: str, said: str) -> None:
    """Refuse what nobody could read later: whoever lists traces reads each one's judgements."""
    if not 1 <= len(assessment) <= LONGEST_ID:
        raise BadAssessment(f"its id has {len(assessment):,} characters, of at most {LONGEST_ID}")
    if kind not in KINDS:
        raise BadAssessment(f"its kind is '{kind[:20]}'")
    if len(said) > LARGEST_JUDGEMENT:
        raise BadAssessment(f"it has more than {LARGEST_JUDGEMENT:,} characters")
    try:
        told = msgspec.json.decode(said)
    except (ValueError, RecursionError) as error:
        raise BadAssessment("it is not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get(kind, {}), dict) or not is_shallow(told):
        raise BadAssessment(f"it is no object with one under '{kind}', or nests too deeply")


def _here(read: Connection, traces: Traces) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(traces), CHUNK):
        query = select(trace.c.id).where(trace.c.id.in_(traces[start : start + CHUNK]))
        found.update(read.execute(query).scalars())
    return found
