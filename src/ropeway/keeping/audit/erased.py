"""Which payloads are gone because somebody had them erased, as the ledger itself says."""

from sqlalchemy import Connection, select

from ropeway.core.ids import EventId
from ropeway.ledger.tables import PAYLOAD_ERASED, event

SUBJECT = "event:"


def erased_events(connection: Connection) -> frozenset[EventId]:
    """The events whose payload was erased, with the erasure on record."""
    found = connection.execute(select(event.c.subject).where(event.c.verb == PAYLOAD_ERASED)).scalars()
    return frozenset(EventId(subject.removeprefix(SUBJECT)) for subject in found)
