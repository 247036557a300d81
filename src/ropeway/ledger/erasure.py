"""Erasing payloads: the one way past the rule that nothing of history goes.

The database lets a payload go only when the event that says so is there (`tables.ERASED_FIRST`), so both are
written in one transaction. The event itself stays, and so does the digest that committed to the payload:
every proof holds. `leave_no_trace` then sees to it that the bytes are not left over in free pages and logs.
"""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, create_engine, delete, select, text

from ropeway.core.ids import EventId, PersonId
from ropeway.ledger.database import Place, driver
from ropeway.ledger.event import Event, event
from ropeway.ledger.lock import WriteLock
from ropeway.ledger.tables import PAYLOAD_ERASED, answered, event_payload
from ropeway.ledger.tables import event as event_table
from ropeway.ledger.transaction import Transaction

ANSWER_ERASED = b'"erased"'
"""What stands in place of a remembered answer that held an erased value; see `LocalWorkspace`."""
OF_THE_SERVER = "PostgreSQL's write-ahead log, archives, replicas and dumps: its operator's to let go of"
ASKED_AT_ONCE = 500
PATIENCE_S = 10.0
"""How long readers are waited for who keep the log from being emptied."""


@event(PAYLOAD_ERASED)
class PayloadErased(Event, frozen=True, kw_only=True):
    """The values that an event committed to are gone for good; the event and its proofs stay.

    Attributes:
        event: the event's id.
        seq: its number.
        certificate: the erasure that this is part of.
    """

    event: EventId
    seq: int
    certificate: str

    def subject(self) -> str:
        """The event."""
        return f"event:{self.event}"


def erase_payloads(
    transaction: Transaction, events: Iterable[EventId], *, certificate: str, actor: PersonId, auth: str
) -> list[EventId]:
    """Erase the payloads of some events, each with an event that says so; gives those that had one.

    The projections are not moved by it: `Ledger.remake` in the same transaction makes them again.
    """
    connection = transaction.connection
    wanted = sorted(set(events))
    erased: list[EventId] = []
    for first in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[first : first + ASKED_AT_ONCE]
        query = (
            select(event_table.c.id, event_table.c.seq)
            .join(event_payload, event_payload.c.event_id == event_table.c.id)
            .where(event_table.c.id.in_(part))
            .order_by(event_table.c.seq)
        )
        for row in connection.execute(query).all():
            gone = PayloadErased(event=EventId(row.id), seq=row.seq, certificate=certificate)
            transaction.append(gone, actor=actor, auth=auth)
            connection.execute(delete(event_payload).where(event_payload.c.event_id == row.id))
            erased.append(EventId(row.id))
    return erased


def empty_answers(connection: Connection, keys: Iterable[str]) -> None:
    """Empty some remembered answers of repeated commands.

    Their keys stay: what was done must not be done again by a request that comes twice.
    """
    for key in keys:
        change = answered.update().where(answered.c.key == key).values(result=ANSWER_ERASED)
        connection.execute(change)


def leave_no_trace(place: Place) -> str:
    """Write the database anew without what was deleted, and empty its log; gives what stayed, if anything.

    Waits for the write lock. Of a file: after it, no deleted byte is in it, nor in its log, unless another
    process has been reading all the while; that is said. Of PostgreSQL: the tables are written anew (VACUUM
    FULL); its write-ahead log, archives and replicas are its operator's.
    """
    return _rewrite_file(place) if isinstance(place, Path) else _rewrite_schema(place.url, place.schema)


def _rewrite_file(path: Path) -> str:
    lock = WriteLock(path.with_name("write.lock"))
    lock.acquire()
    try:
        with contextlib.closing(
            driver().connect(str(path), timeout=PATIENCE_S, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
            until = time.monotonic() + PATIENCE_S
            while True:
                is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not is_busy:
                    return ""
                if time.monotonic() > until:
                    return "another process reads the ledger: its log could not be emptied"
    finally:
        lock.release()


def _rewrite_schema(url: str, schema: str) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            query = text("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = :schema")
            for name in connection.execute(query, {"schema": schema}).scalars().all():
                connection.exec_driver_sql(f'VACUUM FULL "{schema}"."{name}"')
            connection.exec_driver_sql("CHECKPOINT")
    # The right to force a checkpoint is not everybody's; one comes by itself.
    except Exception as error:  # noqa: BLE001  whatever the server says is told, and the payloads are gone
        return f"PostgreSQL did not write all tables anew: {str(error).splitlines()[0]}"
    finally:
        engine.dispose()
    return OF_THE_SERVER
