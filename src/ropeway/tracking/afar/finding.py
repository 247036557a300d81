"""Which runs a client asks for: by filter, in an order, of some experiments."""

import msgspec
from sqlalchemy import select

from ropeway.core.ids import RunId
from ropeway.tracking.afar.conditions import condition, in_order
from ropeway.tracking.afar.experiments import View
from ropeway.tracking.afar.measured import history
from ropeway.tracking.afar.reading import tracked
from ropeway.tracking.afar.records import MetricNow, TrackedRun
from ropeway.tracking.afar.runs import require_row
from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order
from ropeway.tracking.projections import run
from ropeway.workspace import Context, Limit, operation


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some runs of those that were asked for; `after` says from where on there are more, None at the end."""

    runs: list[TrackedRun]
    after: int | None


class MetricPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some points of a metric; `after` as in `RunPage`."""

    points: list[MetricNow]
    after: int | None


@operation("runs.find", kind="query", permission="runs:read")
def find_tracked(
    context: Context,
    *,
    experiments: list[str],
    where: str = "",
    sort: list[str] = [],  # noqa: B006  the operation copies it
    view: View = "active",
    limit: Limit = 1000,
    after: Limit = 0,
) -> RunPage:
    """Runs of some experiments that a filter lets through, as a client of tracking sees them."""
    query = select(run.c.id).where(run.c.experiment.in_(experiments))
    if view != "all":
        query = query.where(run.c.lifecycle == view)
    if where.strip():
        query = query.where(condition(parse_mlflow_filter(where), context.read.dialect.name))
    query = in_order(query, parse_mlflow_order(sort))
    ids = list(context.read.execute(query.limit(limit + 1).offset(after)).scalars())
    more = after + limit if len(ids) > limit else None
    return RunPage(runs=tracked(context.read, [RunId(each) for each in ids[:limit]]), after=more)


@operation("runs.history", kind="query", permission="runs:read")
def metric_history(
    context: Context, *, run: str, key: str, limit: Limit = 25_000, after: Limit = 0
) -> MetricPage:
    """All points of one metric of a run, by time and step; what was sent twice once."""
    points = history(context, RunId(require_row(context.read, run).id), key)
    more = after + limit if len(points) > after + limit else None
    return MetricPage(points=points[after : after + limit], after=more)
