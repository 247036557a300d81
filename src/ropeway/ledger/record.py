"""What is kept of an event: its canonical form, and apart from it what may be erased one day."""

import hashlib
from typing import Any

import msgspec

from ropeway.core.clock import from_text
from ropeway.core.ids import EventId, PersonId
from ropeway.ledger.event import Event, EventType, Fact


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event's canonical form, for ever. `auth` says how the actor proved who it is, as in `Fact`."""

    v: int
    seq: int
    id: EventId
    at: str
    actor: PersonId
    auth: str
    verb: str
    subject: str
    body: dict[str, Any]
    payload: str | None


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The erasable values of an event, and the nonce of the digest that commits to them."""

    nonce: bytes
    value: bytes


def fact_of(record: Record, event_type: EventType, payload: bytes | None) -> Fact[Event]:
    """An event with its place, from its canonical form; what was erased is None."""
    erasable = dict.fromkeys(event_type.erasable)
    if payload is not None:
        erasable.update(msgspec.json.decode(payload))
    event = msgspec.convert({**record.body, **erasable}, event_type.cls)
    return Fact(
        seq=record.seq,
        id=record.id,
        at=from_text(record.at),
        actor=record.actor,
        event=event,
        auth=record.auth,
    )


def commitment(nonce: bytes, value: bytes) -> str:
    """The salted digest that an event carries for its payload: SHA-256 of nonce and value."""
    return hashlib.sha256(nonce + value).hexdigest()
