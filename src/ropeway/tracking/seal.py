"""Sealing: the blocks of a run become one object in the store and one event; their rows go with it."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from ropeway.core.ids import Digest, RunId, new_id
from ropeway.ledger.tables import point_block, point_tip
from ropeway.store import Store
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.events import PointsSealed
from ropeway.tracking.live import blocks, has_blocks, move_tips
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.projections import run_segment
from ropeway.tracking.segment import write_segment
from ropeway.tracking.series import Series, joined
from ropeway.tracking.tips import sealed, tips_of
from ropeway.workspace import Context, operation


class _Packed(NamedTuple):
    """The blocks up to an ordinal, in the store already."""

    upto: int
    state: list[tuple[int, ...]]
    points: Series
    digest: Digest


@operation("runs.seal", kind="command", permission="runs:write")
def seal_points(context: Context, *, run: RunId) -> int:
    """Bring a run's points to rest in the store; gives how many. Nothing happens where none wait.

    Done at a run's end, and whenever many have come. What arrives meanwhile waits for the next time.

    Raises:
        RunNotFound: it never began here.
    """
    if context.read.execute(select(run_table.c.id).where(run_table.c.id == run)).first() is None:
        raise RunNotFound(run)
    if not has_blocks(context.read, run):
        return 0
    found = _pack(context, run)
    context.begin()
    if found is not None and _state(context.read, run, found.upto) != found.state:
        # Another sealed them meanwhile, or gathered some. What is packed now cannot change any more.
        found = _pack(context, run)
    if found is None:
        return 0
    metrics = {key: sealed(tip) for key, tip in tips_of(found.points).items()}
    context.append(PointsSealed(run=run, segment=found.digest, count=len(found.points), metrics=metrics))
    these = (point_block.c.run == run, point_block.c.ordinal <= found.upto)
    context.read.execute(delete(point_block).where(*these))
    context.read.execute(delete(point_tip).where(point_tip.c.run == run))
    left = joined([part for _, part in blocks(context.read, run)])
    move_tips(context.read, run, tips_of(left))
    return len(found.points)


def put_points(points: Series, run: RunId, store: Store, scratch: Path) -> Digest:
    """Keep points as an object, durably."""
    path = scratch / new_id("points")
    try:
        write_segment(points, run, path)
        return store.put_file(path)
    finally:
        path.unlink(missing_ok=True)


def _pack(context: Context, run: RunId) -> _Packed | None:
    ordinals, parts = [], []
    for ordinal, part in blocks(context.read, run):
        ordinals.append(ordinal)
        parts.append(part)
    if not parts:
        return None
    # What came from afar may have been said twice; it is one point.
    points = joined(parts).distinct()
    state = _state(context.read, run, ordinals[-1])
    return _Packed(ordinals[-1], state, points, put_points(points, run, context.store, context.home / "tmp"))


def _state(connection: Connection, run: RunId, upto: int) -> list[tuple[int, ...]]:
    """What tells the blocks up to an ordinal from any others that ever were."""
    newest = select(func.coalesce(func.max(run_segment.c.seq), 0)).where(run_segment.c.run == run)
    query = select(point_block.c.ordinal, point_block.c.count).where(
        point_block.c.run == run, point_block.c.ordinal <= upto
    )
    found = connection.execute(query.order_by(point_block.c.ordinal)).all()
    return [(connection.execute(newest).scalar_one(),), *[tuple(row) for row in found]]
