"""Points of one metric of many runs at once, as pages that draw curves ask for them."""

from typing import TYPE_CHECKING

import msgspec

from ropeway.core.ids import RunId
from ropeway.tracking import history as whole
from ropeway.tracking.afar.measured import US
from ropeway.tracking.afar.runs import row_of
from ropeway.tracking.series import NO_STEP
from ropeway.workspace import Context, Limit, operation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ropeway.tracking.series import Series

MAX_RUNS = 100


class RunPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point, and the run that it is of: the hex id by which its client knows it."""

    run: str
    value: float
    at_ms: int
    step: int


@operation("runs.bulk-history", kind="query", permission="runs:read")
def bulk_history(context: Context, *, runs: list[str], key: str, limit: Limit = 25_000) -> list[RunPoint]:
    """The points of a metric of these runs, by run, time, step and value; none of runs that are not there."""
    points: list[RunPoint] = []
    for run in sorted(set(runs[:MAX_RUNS])):
        row = row_of(context.read, run)
        if row is None or len(points) >= limit:
            continue
        series = whole.history(context, RunId(row.id), key)
        points += _told(row.hex, series, _order(series, by_step=False)[: limit - len(points)])
    return points


@operation("runs.sampled-history", kind="query", permission="runs:read")
def sampled_history(
    context: Context,
    *,
    runs: list[str],
    key: str,
    at_most: Limit = 2_500,
    start: int | None = None,
    end: int | None = None,
) -> list[RunPoint]:
    """At most so many points of each run, evenly spread by step; the first and last among them.

    Args:
        context: the call.
        runs: their ids.
        key: the metric's name.
        at_most: for each run.
        start: the first step.
        end: the last step.
    """
    points: list[RunPoint] = []
    for row in [row_of(context.read, run) for run in dict.fromkeys(runs[:MAX_RUNS])]:
        if row is None:
            continue
        series = whole.history(context, RunId(row.id), key)
        order = _order(series, by_step=True)
        if start is not None and end is not None:
            steps = _steps(series)[order]
            order = order[(steps >= start) & (steps <= end)]
        points += _told(row.hex, series, order[_spread(len(order), max(1, at_most))])
    return points


def _steps(series: "Series") -> "NDArray[np.int64]":
    """Steps, 0 where none was given."""
    import numpy as np

    return np.where(series.step == NO_STEP, 0, series.step)


def _order(series: "Series", *, by_step: bool) -> "NDArray[np.int64]":
    import numpy as np

    at_ms, steps = series.at_us // US, _steps(series)
    # The last key of `lexsort` counts most.
    return np.lexsort((series.value, at_ms, steps) if by_step else (series.value, steps, at_ms))


def _spread(count: int, at_most: int) -> list[int]:
    """The first of each of `at_most` groups of one size, and the last of all, as MLflow takes them.

    Example:
        >>> _spread(10, 4), _spread(3, 4), _spread(10, 1)
        ([0, 3, 6, 9], [0, 1, 2], [9])
    """
    if count <= at_most:
        return list(range(count))
    size, larger = divmod(count, at_most)
    firsts = [number * size + min(number, larger) for number in range(at_most)]
    return [*firsts[:-1], count - 1]


def _told(run: str, series: "Series", order: "NDArray[np.int64]") -> list[RunPoint]:
    rows = zip(
        series.value[order].tolist(),
        (series.at_us[order] // US).tolist(),
        _steps(series)[order].tolist(),
        strict=True,
    )
    return [RunPoint(run=run, value=value, at_ms=at_ms, step=step) for value, at_ms, step in rows]
