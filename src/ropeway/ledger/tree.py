"""The Merkle tree over all events, kept beside them: what makes a change of history visible.

A leaf is an event's canonical bytes (`event.record`), in the order of `seq`. Nodes are written in the
transaction that appends the events, about two for each, and never changed. What a tree proves is
`core.merkle`'s business.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select

from ropeway.core import merkle
from ropeway.ledger.errors import LedgerDamaged
from ropeway.ledger.tables import event, tree
from ropeway.ledger.waiting import put

CATCH_UP_BATCH = 5_000

INSERT_NODE = insert(tree)
READ_NODES = select(tree.c.place, tree.c.hash).where(tree.c.place.in_(bindparam("places", expanding=True)))
TOP = select(func.max(tree.c.place)).scalar_subquery()
"""The last place that is taken: part of a question that each write transaction asks anyway."""


class Growth:
    """The leaves that one write transaction appends. Made at its beginning, written at the end of each turn.

    Args:
        connection: the write transaction's.
        size: how many events there are before it.
        top: the last place that is taken; None in an empty tree.
        frontier: the tree's right edge, where it is known without asking.

    Raises:
        LedgerDamaged: the tree has nodes of events that are not there.
    """

    def __init__(
        self, connection: Connection, size: int, top: int | None, frontier: merkle.Frontier | None = None
    ) -> None:
        self._connection = connection
        self._size = size
        self._leaves: list[bytes] = []
        places = 0 if top is None else top + 1
        if places > merkle.node_count(size):
            raise LedgerDamaged(
                str(connection.engine.url.database), f"the tree goes on after the last event, {size}"
            )
        self._is_behind = places < merkle.node_count(size)
        self.frontier = frontier if frontier is not None and frontier.size == size else None
        """The tree's right edge after what was written; None where nobody has asked for it yet."""

    def add(self, record: bytes) -> None:
        """Append an event's canonical bytes."""
        self._leaves.append(merkle.leaf_hash(record))

    def write(self) -> None:
        """Write the nodes that became final."""
        if not self._leaves:
            return
        # An older Ropeway that had the ledger open while it was upgraded appends events alone.
        if self._is_behind:
            catch_up(self._connection, self._size)
            self._is_behind, self.frontier = False, None
        frontier = self.frontier or merkle.frontier_of(self._size, reader(self._connection))
        # Should a node not get there, what is in memory is no longer what is kept.
        self.frontier = None
        nodes = [node for leaf in self._leaves for node in frontier.add(leaf)]
        first = merkle.node_count(self._size)
        put(
            self._connection,
            INSERT_NODE,
            *({"place": place, "hash": node} for place, node in enumerate(nodes, first)),
        )
        self.frontier = frontier
        self._size += len(self._leaves)
        self._leaves = []

    def go_back(self, size: int) -> None:
        """Forget the leaves after the first `size`."""
        if self._size != size:
            self._size, self.frontier = size, None
        self._leaves = []


def reader(connection: Connection) -> merkle.NodeReader:
    """Reads the ledger's nodes for `core.merkle`, as many as are asked for in one statement.

    Raises:
        LedgerDamaged: a node is missing.
    """

    def read(places: Sequence[int]) -> list[bytes]:
        found = {row.place: row.hash for row in connection.execute(READ_NODES, {"places": list(places)})}
        missing = [place for place in places if place not in found]
        if missing:
            where = str(connection.engine.url.database)
            raise LedgerDamaged(where, f"the tree lacks {len(missing)} of its nodes")
        return [found[place] for place in places]

    return read


def root_at(connection: Connection, size: int) -> bytes:
    """The root over the first `size` events."""
    return merkle.root_of(size, reader(connection))


def size_of(connection: Connection) -> int:
    """How many events there are."""
    return connection.execute(select(func.max(event.c.seq))).scalar() or 0


def catch_up(connection: Connection, size: int) -> None:
    """Write the nodes of the first `size` events that are missing at the tree's end."""
    top = connection.execute(select(TOP)).scalar()
    places = 0 if top is None else top + 1
    known = leaves_in(places)
    if merkle.node_count(known) != places:
        where = str(connection.engine.url.database)
        raise LedgerDamaged(where, f"the tree ends in the middle of what event {known + 1} completes")
    while known < size:
        rows = connection.execute(
            select(event.c.record)
            .where(event.c.seq > known, event.c.seq <= min(size, known + CATCH_UP_BATCH))
            .order_by(event.c.seq)
        ).scalars()
        leaves = [merkle.leaf_hash(record) for record in rows]
        if not leaves:
            where = str(connection.engine.url.database)
            raise LedgerDamaged(where, f"there are no events after {known}")
        nodes = merkle.grow(known, leaves, reader(connection))
        connection.execute(INSERT_NODE, [{"place": place, "hash": node} for place, node in nodes])
        known += len(leaves)


def leaves_in(places: int) -> int:
    """How many leaves the first places hold, whole with the subtrees that they complete."""
    low, high = 0, places
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if merkle.node_count(middle) <= places else (low, middle - 1)
    return low
