"""Points in batches from afar: columns as bytes, acknowledged when they are durable."""

from sqlalchemy import select

from ropeway.core.ids import RunId
from ropeway.tracking.errors import BatchInvalid, RunNotFound, SourceElsewhere
from ropeway.tracking.live import append_points, packed, sent_upto
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.series import Series
from ropeway.tracking.settings import check_metric
from ropeway.workspace import Context, operation


@operation("runs.log-points", kind="command", permission="runs:write")
def log_points(
    context: Context,
    *,
    run: RunId,
    keys: list[str],
    key: bytes,
    values: bytes,
    times: bytes,
    steps: bytes = b"",
    source: str = "",
    upto: int = 1,
    after: int | None = None,
) -> int:
    """Record points of a run, also after its end; gives how many were new. Durable when it has returned.

    Args:
        context: the call.
        run: its whole id.
        keys: names of metrics.
        key: of each point, the place of its name in `keys`: 32 bits, little-endian as all columns are.
        values: doubles.
        times: microseconds since 1970, integers of 64 bits.
        steps: integers of 64 bits, of which the lowest says that there is none; empty: no point has one.
        source: an id of the sender's; with it, what was sent before is not recorded again.
        upto: how far the sender has come with these.
        after: how far it had come before them; said, so that what two senders cut differently is not recorded
            twice.

    Raises:
        RunNotFound: it never began here.
        SourceElsewhere: the source has come to another place than `after`; nothing was recorded.
        BatchInvalid: the columns do not fit together.
        PointInvalid: a name is no metric's.
    """
    # Before the turn is taken: others need not wait for the packing.
    batch = packed(rows_of(keys, key, values, times, steps))
    transaction = context.begin()
    if context.read.execute(select(run_table.c.id).where(run_table.c.id == run)).first() is None:
        raise RunNotFound(run)
    if after is not None and after != (come := sent_upto(context.read, run, source)) < upto:
        raise SourceElsewhere(source, come)
    return append_points(transaction, run, batch, source=source, upto=upto)


def rows_of(keys: list[str], key: bytes, values: bytes, times: bytes, steps: bytes) -> Series:
    """Points from columns as bytes; see `runs.log-points`.

    Raises:
        BatchInvalid, PointInvalid: as for `runs.log-points`.
    """
    import numpy as np

    from ropeway.tracking.series import NO_STEP

    count, left = divmod(len(values), 8)
    widths = {"key": (key, 4), "times": (times, 8), "steps": (steps or bytes(8 * count), 8)}
    for name, (column, width) in widths.items():
        if len(column) != width * count or left:
            raise BatchInvalid(f"`{name}` has {len(column):,} bytes for {count:,} values")
    place = np.frombuffer(key, "<u4")
    if count and (int(place.max()) >= len(keys)):
        raise BatchInvalid(f"`key` names place {int(place.max())} of {len(keys):,}")
    if len(set(keys)) != len(keys):
        raise BatchInvalid("`keys` has a name twice")
    for name in keys:
        check_metric(name)
    step = np.frombuffer(steps, "<i8") if steps else np.full(count, NO_STEP)
    value = np.frombuffer(values, "<f8").copy()
    # One NaN for all: another has bits that no JSON and no database keeps.
    value[np.isnan(value)] = np.nan
    return Series(
        keys, place.astype(np.int32), np.frombuffer(times, "<i8"), step, value, np.ones(count, dtype=bool)
    )
