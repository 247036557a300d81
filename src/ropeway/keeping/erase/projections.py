"""The table of erasures."""

from sqlalchemy import Column, Connection, Integer, String, Table, insert, update

from ropeway.core.clock import to_text
from ropeway.keeping.erase.events import ErasureBegun, ErasureFinished
from ropeway.ledger import Fact, projected, projects

erasure = Table(
    "erasure",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("what", String, nullable=False),
    Column("begun_at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("request", String),
    Column("payloads", Integer, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("listed", String, nullable=False),
    # NULL until all that was named is gone.
    Column("finished_at", String),
    Column("certificate", String),
)


@projects(ErasureBegun)
def _begin(fact: Fact[ErasureBegun], connection: Connection) -> None:
    event = fact.event
    connection.execute(
        insert(erasure).values(
            id=event.erasure,
            seq=fact.seq,
            what=event.what,
            begun_at=to_text(fact.at),
            by=fact.actor,
            request=event.request,
            payloads=event.payloads,
            objects=event.count,
            size_bytes=event.size_bytes,
            listed=event.listed,
        )
    )


@projects(ErasureFinished)
def _finish(fact: Fact[ErasureFinished], connection: Connection) -> None:
    connection.execute(
        update(erasure)
        .where(erasure.c.id == fact.event.erasure)
        .values(finished_at=to_text(fact.at), certificate=fact.event.certificate)
    )
