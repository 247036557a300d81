"""All points of a run, wherever they are: sealed segments, blocks of the ledger, spools of the living."""

from sqlalchemy import select

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.harvest import read_spool_points
from ropeway.tracking.live import blocks
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.projections import run_segment
from ropeway.tracking.segment import is_segment, read_points_of
from ropeway.tracking.series import Series, joined
from ropeway.tracking.spool import spools_of
from ropeway.workspace import Context


def history(context: Context, run: RunId, key: str = "") -> Series:
    """The points of a run, or of one metric of it, in the order in which they came.

    A point that was sent from afar twice is there once. `Series.ordered` has them by step.

    Args:
        context: the call.
        run: its whole id; a run that is unknown has no points.
        key: one metric; all of them when empty.

    Raises:
        PointsDamaged: a block or a segment is not as it was written.
    """
    spooled: list[Series] = []
    sent: list[Series] = []
    query = select(run_segment.c.digest, run_segment.c.is_spool).where(run_segment.c.run == run)
    for digest, is_spool in context.read.execute(query.order_by(run_segment.c.seq)).all():
        part = _of_object(context, Digest(digest), key)
        (spooled if is_spool else sent).append(part)
    sent += [part.of_key(key) if key else part for _, part in blocks(context.read, run)]
    if _is_running(context, run):
        # A process that logs in this workspace: what it said is nowhere else yet.
        for path in spools_of(context.home, run):
            part = read_spool_points(path)
            spooled.append(part.of_key(key) if key else part)
    return joined([*spooled, joined(sent).distinct()]) if sent else joined(spooled)


def _is_running(context: Context, run: RunId) -> bool:
    query = select(run_table.c.status).where(run_table.c.id == run)
    return context.read.execute(query).scalar() == "running"


def _of_object(context: Context, digest: Digest, key: str) -> Series:
    path = context.store.open_path(digest)
    if is_segment(path):
        return read_points_of(path, key)
    part = read_spool_points(path)
    return part.of_key(key) if key else part
