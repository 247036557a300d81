"""Bringing points to rest that nobody else does: of runs that log for weeks, of runs logged to after the end.

A run's end seals its points. Where none comes, many would wait in the ledger; so whoever looks after a
workspace looks for them: a server each minute, without one whoever comes next. No batch waits for that: what
waits is as safe as what rests.
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ropeway.core.errors import Damaged
from ropeway.core.ids import RunId
from ropeway.ledger.tables import point_block
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.seal import seal_points
from ropeway.workspace import LocalWorkspace

logger = logging.getLogger("ropeway.tracking")

BOUND_POINTS = 1 << 20
"""So many points wait of a run that lives: they fit into memory while they are packed."""
BOUND_BYTES = 32 << 20
LIVING = ("running", "scheduled")


class Waiting(NamedTuple):
    """What waits of one run; `upto` is the ordinal of its last block."""

    run: RunId
    is_living: bool
    points: int
    size_bytes: int
    upto: int


def waiting(connection: Connection) -> list[Waiting]:
    """The runs that have points in the ledger."""
    block = point_block.c
    sums = (func.sum(block.count), func.sum(func.length(block.data)), func.max(block.ordinal))
    query = select(run_table.c.id, run_table.c.status, *sums).join(run_table, run_table.c.id == block.run)
    rows = connection.execute(query.group_by(run_table.c.id, run_table.c.status)).all()
    return [Waiting(RunId(run), status in LIVING, *map(int, numbers)) for run, status, *numbers in rows]


def seal_waiting(
    workspace: LocalWorkspace,
    before: Mapping[RunId, int] | None = None,
    *,
    bound_points: int = BOUND_POINTS,
    bound_bytes: int = BOUND_BYTES,
) -> dict[RunId, int]:
    """Seal what waits too long; gives how far the blocks of the other runs have come.

    Args:
        workspace: where to look.
        before: what the last look gave: an ended run is sealed once nothing has come since then. Without it,
            at once.
        bound_points: a run that lives is sealed when so many of its points wait,
        bound_bytes: or so many bytes.
    """
    with workspace.ledger.reading() as connection:
        found = waiting(connection)
    left: dict[RunId, int] = {}
    for each in found:
        is_much = each.points >= bound_points or each.size_bytes >= bound_bytes
        is_quiet = before is None or before.get(each.run) == each.upto
        if is_much or (is_quiet and not each.is_living):
            try:
                seal_points(workspace, run=each.run)
            except Damaged as error:
                # `fsck` names it too; other runs need not wait until somebody has mended it.
                logger.warning("points of %s were not sealed: %s", each.run, error)
        else:
            left[each.run] = each.upto
    return left
