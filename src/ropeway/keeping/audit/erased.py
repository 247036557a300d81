"""Which payloads are gone because somebody had them erased, as the ledger itself says."""

from sqlalchemy import Connection

from ropeway.core.ids import EventId


def erased_events(connection: Connection) -> frozenset[EventId]:  # noqa: ARG001  what erases will be asked here
    """The events whose payload was erased, with the erasure on record. Nothing erases yet, so none."""
    return frozenset()
