"""The tables of holds, collections and backups."""

from sqlalchemy import Column, Connection, Integer, String, Table, update

from ropeway.core.clock import to_text
from ropeway.keeping.events import BackupMade, Collected, HoldPlaced, HoldReleased, Restored
from ropeway.ledger import Fact, add, projected, projects

hold = Table(
    "hold",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("held", String, nullable=False),
    Column("reason", String),
    Column("placed_at", String, nullable=False),
    Column("placed_by", String, nullable=False),
    Column("released_at", String),
    Column("released_by", String),
)

collection = Table(
    "collection",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("count", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("listed", String, nullable=False),
)

# Made here or restored from: both say up to where the history lies elsewhere too.
backup = Table(
    "backup",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("what", String, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("place", String),
)


@projects(HoldPlaced)
def _place(fact: Fact[HoldPlaced], connection: Connection) -> None:
    add(
        connection,
        hold,
        id=fact.event.hold,
        seq=fact.seq,
        held=fact.event.held,
        reason=fact.event.reason,
        placed_at=to_text(fact.at),
        placed_by=fact.actor,
    )


@projects(HoldReleased)
def _release(fact: Fact[HoldReleased], connection: Connection) -> None:
    connection.execute(
        update(hold)
        .where(hold.c.id == fact.event.hold)
        .values(released_at=to_text(fact.at), released_by=fact.actor)
    )


@projects(Collected)
def _collect(fact: Fact[Collected], connection: Connection) -> None:
    add(
        connection,
        collection,
        id=fact.event.collection,
        seq=fact.seq,
        at=to_text(fact.at),
        by=fact.actor,
        count=fact.event.count,
        size_bytes=fact.event.size_bytes,
        listed=fact.event.listed,
    )


@projects(BackupMade)
def _back_up(fact: Fact[BackupMade], connection: Connection) -> None:
    _note(fact, "made", connection)


@projects(Restored)
def _restore(fact: Fact[Restored], connection: Connection) -> None:
    _note(fact, "restored", connection)


def _note(fact: Fact[BackupMade] | Fact[Restored], what: str, connection: Connection) -> None:
    add(
        connection,
        backup,
        seq=fact.seq,
        id=fact.event.backup,
        what=what,
        at=to_text(fact.at),
        by=fact.actor,
        last_seq=fact.event.last_seq,
        place=fact.event.place,
    )
