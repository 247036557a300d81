"""Points that wait to be sealed: are their blocks as they were written, and their summaries what they say?"""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from ropeway.core.ids import RunId
from ropeway.ledger.tables import point_block, point_tip
from ropeway.tracking.errors import PointsDamaged
from ropeway.tracking.projections import known_tips, run_metric
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.series import Series, joined, unpack
from ropeway.tracking.tips import Tip, later, tips_of
from ropeway.workspace.finding import Finding


def check_points(connection: Connection) -> Iterator[Finding]:
    """Hold every block against its checksum, and every tip against the blocks and what was sealed before."""
    known = set(connection.execute(select(run_table.c.id)).scalars())
    of_blocks = connection.execute(select(point_block.c.run).distinct()).scalars().all()
    of_tips = connection.execute(select(point_tip.c.run).distinct()).scalars().all()
    for run in sorted({*of_blocks, *of_tips}):
        concerns = [run]
        if run not in known:
            yield Finding(what=f"There are points of the run '{run}', which never began.", concerns=concerns)
        parts, damage = _blocks(connection, RunId(run))
        for what in damage:
            yield Finding(what=what, concerns=concerns)
        if not damage and _expected(connection, RunId(run), joined(parts)) != _tips(connection, RunId(run)):
            what = f"The summaries of the metrics of '{run}' are not those of its points."
            yield Finding(what=what, concerns=concerns)


def _blocks(connection: Connection, run: RunId) -> tuple[list[Series], list[str]]:
    parts, damage = [], []
    query = select(point_block).where(point_block.c.run == run).order_by(point_block.c.ordinal)
    for ordinal, count, data in connection.execute(
        query.with_only_columns(point_block.c.ordinal, point_block.c.count, point_block.c.data)
    ):
        try:
            part = unpack(bytes(data))
        except PointsDamaged as error:
            damage.append(f"Block {ordinal} of the points of '{run}' is damaged: {error.what}")
            continue
        parts.append(part)
        if len(part) != count:
            damage.append(f"Block {ordinal} of the points of '{run}' has {len(part)} points, not {count}.")
    return parts, damage


def _expected(connection: Connection, run: RunId, points: Series) -> dict[str, Tip]:
    tips = tips_of(points)
    rested = known_tips(connection, run_metric, run, list(tips))
    return {key: later(rested[key], tip) if key in rested else tip for key, tip in tips.items()}


def _tips(connection: Connection, run: RunId) -> dict[str, Tip]:
    keys = connection.execute(select(point_tip.c.key).where(point_tip.c.run == run)).scalars().all()
    return known_tips(connection, point_tip, run, list(keys))
