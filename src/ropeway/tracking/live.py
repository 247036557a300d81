"""Points that were sent from afar and are durable, before they are sealed: blocks, and tips of their metrics.

A batch that was acknowledged is one block and the tips that it moved, in one transaction; no event. Blocks of
few points are gathered as they grow many, so that a history is read quickly however it came. `tracking.seal`
takes the blocks of a run to one object and one event.
"""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import (
    Connection,
    Row,
    Subquery,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    union_all,
)

from ropeway.core.ids import RunId
from ropeway.ledger import Transaction, add, keep_latest
from ropeway.ledger.tables import point_block, point_source, point_tip
from ropeway.tracking.projections import known_tips, put_tips, record_tips, run_metric
from ropeway.tracking.series import Series, joined, pack, unpack
from ropeway.tracking.tips import Tip, tips_of

WINDOWS = (64, 64 * 64)
"""After so many blocks of a run, those of them that are small are gathered."""
SMALL_POINTS = 4_096
"""A block with more is left as it is."""
FEW = 8
"""So many in a row are worth gathering."""


def _metric_now() -> Subquery:
    names = ("run", "key", *Tip.__struct_fields__)
    tips = select(*[point_tip.c[name] for name in names])
    # A tip says what was sealed before too: a run has one of the two for each metric.
    is_live = exists().where(point_tip.c.run == run_metric.c.run, point_tip.c.key == run_metric.c.key)
    rested = select(*[run_metric.c[name] for name in names]).where(~is_live)
    return union_all(tips, rested).subquery("metric_now")


metric_now = _metric_now()
"""Every metric of every run as of now: run, key, last (NULL is NaN), step, at_us, min, max, count."""

# Built once: putting a statement together costs more than running it.
_LAST_ORDINAL = select(func.coalesce(func.max(point_block.c.ordinal), -1)).where(
    point_block.c.run == bindparam("run_id")
)
_SENT_UPTO = select(point_source.c.upto).where(
    point_source.c.run == bindparam("run_id"), point_source.c.source == bindparam("source_id")
)


class Batch(msgspec.Struct, frozen=True):
    """Points ready to be kept: what takes long is done before the write turn."""

    count: int
    data: bytes
    tips: dict[str, Tip]


def packed(rows: Series) -> Batch:
    """Points made ready, in the order in which they were logged."""
    return Batch(len(rows), pack(rows), tips_of(rows))


def append_points(
    transaction: Transaction, run: RunId, rows: Series | Batch, *, source: str = "", upto: int = 1
) -> int:
    """Keep points; durable when the transaction has ended. Gives how many were new.

    Args:
        transaction: the write turn's.
        run: whose they are; that it exists is the caller's to know.
        rows: the points, made ready by `packed` best of all.
        source: who sends them, such as a spool's id; nothing is kept if `upto` was reached before.
        upto: how far the source has come with these.
    """
    connection = transaction.connection
    batch = packed(rows) if isinstance(rows, Series) else rows
    if not batch.count:
        return 0
    if source:
        if sent_upto(connection, run, source) >= upto:
            return 0
        keep_latest(connection, point_source, run=run, source=source, upto=upto)
    ordinal = 1 + connection.execute(_LAST_ORDINAL, {"run_id": run}).scalar_one()
    add(connection, point_block, run=run, ordinal=ordinal, count=batch.count, data=batch.data)
    move_tips(connection, run, batch.tips)
    for window in WINDOWS:
        if (ordinal + 1) % window == 0:
            _gather(connection, run, ordinal - window)
    return batch.count


def sent_upto(connection: Connection, run: RunId, source: str) -> int:
    """How far a source of a run's points has come; 0 at the beginning."""
    return connection.execute(_SENT_UPTO, {"run_id": run, "source_id": source}).scalar() or 0


def forget_source(transaction: Transaction, source: str) -> None:
    """Nothing will ever be sent again by it."""
    transaction.connection.execute(delete(point_source).where(point_source.c.source == source))


def move_tips(connection: Connection, run: RunId, tips: dict[str, Tip]) -> None:
    """Put summaries of more points on top of the tips of a run; what was sealed before counts."""
    known = known_tips(connection, point_tip, run, list(tips))
    rested = known_tips(connection, run_metric, run, sorted(tips.keys() - known.keys()))
    put_tips(connection, point_tip, run, tips, rested | known)


def take_over(connection: Connection, run: RunId, tips: dict[str, Tip]) -> None:
    """What has just come to rest beside a run's blocks, on top of those tips that it has."""
    known = known_tips(connection, point_tip, run, list(tips))
    record_tips(connection, point_tip, run, {key: tips[key] for key in known})


def has_blocks(connection: Connection, run: RunId) -> bool:
    """Whether a run has points that are not sealed."""
    return connection.execute(select(exists().where(point_block.c.run == run))).scalar_one()


def blocks(connection: Connection, run: RunId) -> Iterator[tuple[int, Series]]:
    """The blocks of a run, by their ordinals."""
    query = select(point_block.c.ordinal, point_block.c.data).where(point_block.c.run == run)
    for row in connection.execute(query.order_by(point_block.c.ordinal)):
        yield row.ordinal, unpack(bytes(row.data))


def _gather(connection: Connection, run: RunId, after: int) -> None:
    """Make one block of each row of small ones beyond an ordinal; the order of the points stays."""
    mine = point_block.c.run == run
    query = select(point_block.c.ordinal, point_block.c.count).where(mine, point_block.c.ordinal > after)
    found = connection.execute(query.order_by(point_block.c.ordinal)).all()
    for ordinals in _rows_of_small(found):
        these = (mine, point_block.c.ordinal.between(ordinals[0], ordinals[-1]))
        data = select(point_block.c.data).where(*these).order_by(point_block.c.ordinal)
        whole = joined([unpack(bytes(each)) for each in connection.execute(data).scalars()])
        connection.execute(delete(point_block).where(*these))
        connection.execute(
            insert(point_block).values(run=run, ordinal=ordinals[-1], count=len(whole), data=pack(whole))
        )


def _rows_of_small(found: Sequence[Row[int, int]]) -> Iterator[list[int]]:
    row: list[int] = []
    points = 0
    for ordinal, count in found:
        if count > SMALL_POINTS or points + count > 16 * SMALL_POINTS:
            if len(row) >= FEW:
                yield row
            row, points = [], 0
        if count <= SMALL_POINTS:
            row.append(ordinal)
            points += count
    if len(row) >= FEW:
        yield row
