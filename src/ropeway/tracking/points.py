"""The points of a run, one by one: from its sealed segment, or from its spool while it lives."""

from datetime import UTC, datetime

from ropeway.tracking.errors import LimitInvalid
from ropeway.tracking.records import RunPoint
from ropeway.tracking.resolve import find_run
from ropeway.tracking.spool import read_points, spool_path
from ropeway.workspace import Context, operation

POINT_LIMIT = 100_000


@operation("runs.points", kind="query", permission="runs:read")
def list_points(
    context: Context, *, run: str, key: str = "", after: int = -1, limit: int = 10_000
) -> list[RunPoint]:
    """The values of a run's metrics, in the order in which they were logged.

    Args:
        context: the call.
        run: as in `runs.get`.
        key: only this metric; all of them when empty.
        after: only points with a higher ordinal: the last one seen, to go on from there.
        limit: how many calls of `log` at the most.
    """
    if not 1 <= limit <= POINT_LIMIT:
        raise LimitInvalid(limit, 0, POINT_LIMIT)
    found = find_run(context, run)
    path = (
        spool_path(context.home, found.id) if found.points is None else context.store.open_path(found.points)
    )
    if not path.exists():
        return []
    points: list[RunPoint] = []
    for ordinal, point in enumerate(read_points(path)):
        if ordinal <= after:
            continue
        if ordinal > after + limit:
            break
        at = datetime.fromtimestamp(point.at_us / 1_000_000, UTC)
        points.extend(
            RunPoint(ordinal=ordinal, step=point.step, at=at, key=name, value=value)
            for name, value in point.values.items()
            if key in ("", name)
        )
    return points
