"""The walk over all events: as their bytes say, where the tree has them, payloads as committed to."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from ropeway.core.ids import EventId
from ropeway.core.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_count, node_hash
from ropeway.keeping.audit.findings import Findings
from ropeway.ledger.record import Record, commitment
from ropeway.ledger.tables import event, event_payload, tree
from ropeway.ledger.tree import leaves_in

BATCH = 2_000


class Walked(msgspec.Struct, kw_only=True):
    """What a walk saw: how many events, erased payloads, and the roots at the sizes that were asked for."""

    events: int = 0
    erased: int = 0
    roots: dict[int, bytes] = {}


def walk(
    connection: Connection, sizes: Collection[int], erased: Collection[EventId], findings: Findings
) -> Walked:
    """Read every event, payload and node once, in order, in bounded memory.

    A node that is not what the ones below it make is reported once, and what stands in the database is gone
    on with: so one change is one finding, and the roots are those of the stored tree.
    """
    walked, wanted = Walked(), set(sizes)
    nodes = _Nodes(connection)
    leaves = leaves_of(connection)
    frontier = Frontier()
    at = ""
    if 0 in wanted:
        walked.roots[0] = EMPTY_ROOT
    for row in rows_of(connection):
        if row.seq <= frontier.size or row.seq > max(leaves, frontier.size + 1):
            findings.add("event", f"an event stands at {row.seq}, where the sequence and the tree have none")
            continue
        for absent in range(frontier.size + 1, row.seq):
            findings.add("event", "an event is missing", absent)
            _climb(frontier, nodes, None, findings)
        walked.events += 1
        at = _check_row(row, at, findings)
        walked.erased += _check_payload(row, erased, findings)
        _climb(frontier, nodes, leaf_hash(plain_bytes(row.record)), findings)
        if frontier.size in wanted:
            walked.roots[frontier.size] = frontier.root()
    if nodes.is_left:
        what = f"the tree has nodes of events after the last, {frontier.size}"
        findings.add("tree", what, frontier.size + 1, max(leaves, frontier.size + 1))
    _check_strays(connection, findings)
    return walked


def leaves_of(connection: Connection) -> int:
    """How many events the stored tree is of, by its last place."""
    top = connection.execute(select(func.max(tree.c.place))).scalar()
    return 0 if top is None else leaves_in(top + 1)


def plain_bytes(value: object) -> bytes:
    """What a column holds, as bytes: SQLite lets who writes by hand put text or a number there."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def _check_row(row: Row[*tuple[Any, ...]], before: str, findings: Findings) -> str:
    """An event's columns against its bytes; gives its time."""
    try:
        record = msgspec.json.decode(plain_bytes(row.record), type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        findings.add("event", "an event cannot be read", row.seq)
        return before
    said = (record.seq, record.id, record.at, record.actor, record.verb, record.subject)
    if said != (row.seq, row.id, row.at, row.actor, row.verb, row.subject):
        findings.add("event", "an event does not say what its columns say", row.seq)
    if record.at < before:
        findings.add("event", "an event is earlier than the one before it", row.seq)
    return max(before, record.at)


def _check_payload(row: Row[*tuple[Any, ...]], erased: Collection[EventId], findings: Findings) -> int:
    """A payload against the digest that its event carries; 1 when it was erased."""
    try:
        committed = msgspec.json.decode(plain_bytes(row.record), type=Record).payload
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    if row.nonce is None:
        if committed is None:
            return 0
        if row.id in erased:
            return 1
        findings.add("payload", "a payload is gone, and no erasure is on record", row.seq)
    elif committed is None:
        findings.add("payload", "a payload stands where the event has none", row.seq)
    elif commitment(plain_bytes(row.nonce), plain_bytes(row.value)) != committed:
        findings.add("payload", "a payload is not what the event committed to", row.seq)
    return 0


def _climb(frontier: Frontier, nodes: "_Nodes", leaf: bytes | None, findings: Findings) -> None:
    """One leaf and what it completes, against what is stored. None: the event is missing."""
    seq, place, level = frontier.size + 1, node_count(frontier.size), 0
    node = leaf
    while True:
        stored = nodes.at(place)
        if stored is None:
            findings.add("tree", "a node of the tree is missing", seq)
        elif node is not None and stored != node:
            what = (
                "an event is not the one that the tree has"
                if level == 0
                else "a node is not what is below it"
            )
            findings.add("event" if level == 0 else "tree", what, seq)
        kept = stored if stored is not None else node or bytes(32)
        if not frontier.size >> level & 1:
            frontier.put(level, kept)
            frontier.size += 1
            return
        node = node_hash(frontier.take(level), kept)
        place, level = place + 1, level + 1


class _Nodes:
    """The stored nodes, read in the order of their places."""

    def __init__(self, connection: Connection) -> None:
        self._rows = _nodes(connection)
        self._next = next(self._rows, None)

    def at(self, place: int) -> bytes | None:
        """The node at a place; places only go up."""
        while self._next is not None and self._next.place < place:
            self._next = next(self._rows, None)
        if self._next is None or self._next.place != place:
            return None
        node = plain_bytes(self._next.hash)
        self._next = next(self._rows, None)
        return node

    @property
    def is_left(self) -> bool:
        """Whether there are nodes after the last that was asked for."""
        return self._next is not None


def rows_of(connection: Connection) -> Iterator[Row[*tuple[Any, ...]]]:
    """Every event with the nonce and value of its payload, in order, whatever their bytes say."""
    query = (
        select(event, event_payload.c.nonce, event_payload.c.value)
        .select_from(event.outerjoin(event_payload, event_payload.c.event_id == event.c.id))
        .order_by(event.c.seq)
        .limit(BATCH)
    )
    after: int | None = None
    while True:
        rows = connection.execute(query if after is None else query.where(event.c.seq > after)).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].seq


def _nodes(connection: Connection) -> Iterator[Row[*tuple[Any, ...]]]:
    query = select(tree).order_by(tree.c.place).limit(BATCH)
    after: int | None = None
    while True:
        rows = connection.execute(query if after is None else query.where(tree.c.place > after)).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].place


def _check_strays(connection: Connection, findings: Findings) -> None:
    """Payloads of events that there are not."""
    query = (
        select(func.count())
        .select_from(event_payload.outerjoin(event, event_payload.c.event_id == event.c.id))
        .where(event.c.id.is_(None))
    )
    strays = connection.execute(query).scalar_one()
    if strays:
        findings.add("payload", f"{strays} payloads belong to no event")
