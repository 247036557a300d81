"""The tables of this room: which segments are sealed, found by place and by time."""

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    update,
)

from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, projected, projects
from ropeway.predictions.events import SegmentRewritten, SegmentSealed

# `sealed.py` reads this table by its names over a connection of its own.
sealed_segment = Table(
    "sealed_segment",
    projected,
    Column("kind", String, nullable=False),
    Column("replica", String, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("first_at", String),
    Column("last_at", String),
    Column("models", String, nullable=False),
    Column("environments", String, nullable=False),
    Column("content", String, nullable=False),
    Column("root", String, nullable=False),
    Column("torn", Boolean, nullable=False),
    Column("damaged", Boolean, nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("kind", "replica", "segment"),
    Index("sealed_segment_time", "kind", "last_at", "first_at"),
)


@projects(SegmentSealed)
def _seal(fact: Fact[SegmentSealed], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        sealed_segment,
        kind=event.kind,
        replica=event.replica,
        segment=event.segment,
        records=event.records,
        first_at=to_text(event.first_at) if event.first_at else None,
        last_at=to_text(event.last_at) if event.last_at else None,
        models=msgspec.json.encode(event.models).decode(),
        environments=msgspec.json.encode(event.environments).decode(),
        content=event.content,
        root=event.root,
        torn=event.torn,
        damaged=event.damaged,
        seq=fact.seq,
    )


@projects(SegmentRewritten)
def _rewrite(fact: Fact[SegmentRewritten], connection: Connection) -> None:
    event, place = fact.event, sealed_segment.c
    connection.execute(
        update(sealed_segment)
        .where(place.kind == event.kind, place.replica == event.replica, place.segment == event.segment)
        # As where damage took some: what is left does not stand in the row that its ordinal says.
        .values(records=event.records, root=event.root, content=event.content, damaged=True)
    )
