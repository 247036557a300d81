"""The points of a run, one by one, wherever they are; see `tracking.history`."""

from datetime import UTC, datetime

from ropeway.tracking.errors import LimitInvalid
from ropeway.tracking.history import history
from ropeway.tracking.records import RunPoint
from ropeway.tracking.resolve import find_run
from ropeway.tracking.series import NO_STEP
from ropeway.workspace import Context, operation

POINT_LIMIT = 100_000
EARLIEST_US = int(datetime(1, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000
LATEST_US = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp()) * 1_000_000


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
    series = history(context, found.id)
    ordinals = series.begins.cumsum() - 1
    first, end = ordinals.searchsorted([after + 1, after + 1 + limit])
    window = series.take(slice(first, end))
    rows = zip(
        ordinals[first:end].tolist(),
        window.key.tolist(),
        window.step.tolist(),
        window.at_us.tolist(),
        window.value.tolist(),
        strict=True,
    )
    return [
        RunPoint(
            ordinal=ordinal,
            step=None if step == NO_STEP else step,
            at=_time(at_us),
            key=series.keys[place],
            value=value,
        )
        for ordinal, place, step, at_us, value in rows
        if key in ("", series.keys[place])
    ]


def _time(at_us: int) -> datetime:
    """A time that somebody may have made up: what no calendar has is the nearest that it has."""
    return datetime.fromtimestamp(min(max(at_us, EARLIEST_US), LATEST_US) / 1_000_000, UTC)
