"""Which runs a client asks for: by filter, in an order, of some experiments."""

import msgspec

from ropeway.core.ids import RunId
from ropeway.tracking.afar.experiments import View
from ropeway.tracking.afar.measured import history
from ropeway.tracking.afar.reading import tracked
from ropeway.tracking.afar.records import MetricNow, TrackedRun
from ropeway.tracking.afar.runs import require_row
from ropeway.tracking.elsewhere import EXPERIMENT_ID, HEX, LIFECYCLE
from ropeway.tracking.expression import And, Expression, Field, In, Leaf, holds, mapped
from ropeway.tracking.mlflow_fields import STATUS_WORDS
from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order
from ropeway.tracking.plan import Key, find_runs
from ropeway.tracking.search import ids_in_order
from ropeway.workspace import Context, Limit, operation

STATUS = Field("attribute", "status")
NATURAL: tuple[Key, ...] = ((Field("attribute", "start_time"), True), (HEX, False))
"""What MLflow orders by after all that was asked for."""


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
    wide = [In(EXPERIMENT_ID, tuple(experiments))]
    if view != "all":
        wide.append(In(LIFECYCLE, (view,)))
    asked = mapped(parse_mlflow_filter(where), _in_our_words) if where.strip() else And(())
    found = find_runs(
        context.read,
        And((*wide, asked)),
        [*parse_mlflow_order(sort), *NATURAL],
        limit=limit + 1,
        offset=after,
        is_text=True,
    )
    more = after + limit if len(found) > limit else None
    return RunPage(runs=tracked(context.read, ids_in_order(context.read, found[:limit])), after=more)


def _in_our_words(leaf: Leaf) -> Expression:
    """Statuses have other names there, and are few."""
    if leaf.field != STATUS:
        return leaf
    return In(STATUS, tuple(own for word, own in STATUS_WORDS.items() if holds(leaf, lambda _: [word])))  # noqa: B023


@operation("runs.history", kind="query", permission="runs:read")
def metric_history(
    context: Context, *, run: str, key: str, limit: Limit = 25_000, after: Limit = 0
) -> MetricPage:
    """All points of one metric of a run, by time and step; what was sent twice once."""
    found = RunId(require_row(context.read, run).id)
    points, count = history(context, found, key, after, after + limit)
    return MetricPage(points=points, after=after + limit if count > after + limit else None)
