"""One open write transaction: what is appended to history, in one turn or in several that end together."""

import secrets
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import Connection, insert, select

from ropeway.core.canonical import canonical
from ropeway.core.clock import Clock, from_text, to_text
from ropeway.core.ids import EventId, PersonId, ordered_id
from ropeway.core.merkle import Frontier
from ropeway.ledger import projections, tables, tree
from ropeway.ledger.event import TYPES_BY_CLASS, Event, Fact
from ropeway.ledger.record import Payload, Record, commitment, fact_of
from ropeway.ledger.waiting import let_wait

NONCE_BYTES = 16
MOVED = "moved"
"""The key in `meta` under which a ledger that was left behind says where the history is now."""

# Built once: putting a statement together costs more than running it.
INSERT_EVENT = insert(tables.event)
INSERT_PAYLOAD = insert(tables.event_payload)
MOVED_TO = select(tables.meta.c.value).where(tables.meta.c.key == MOVED)
LAST_EVENT = (
    select(
        tables.event.c.seq,
        tables.event.c.id,
        tables.event.c.at,
        MOVED_TO.scalar_subquery().label(MOVED),
        tree.TOP.label("top"),
    )
    .order_by(tables.event.c.seq.desc())
    .limit(1)
)

E = TypeVar("E", bound=Event)


class Tip(NamedTuple):
    """Where the history ended when this process last wrote: its last event, the tree's right edge there."""

    last: EventId
    frontier: Frontier


class Mark(NamedTuple):
    """A place in a transaction to which it can go back."""

    seq: int
    at: datetime | None
    last_id: EventId | None


class Transaction:
    """Append events, read what they moved. Made by `Ledger.transaction`.

    Args:
        connection: with the write lock.
        clock: where times come from.
        tip: where this process knows the history to end; of use if nobody has written since.
    """

    def __init__(self, connection: Connection, clock: Clock, tip: Tip | None = None) -> None:
        self.connection = connection
        self._clock = clock
        last = connection.execute(LAST_EVENT).first()
        self.moved: str | None = last.moved if last else connection.execute(MOVED_TO).scalar()
        """Where the history is now, if it was moved: then nothing may be written here."""
        self.seq: int = last.seq if last else 0
        """The number of the newest event."""
        self._at: datetime | None = from_text(last.at) if last else None
        self.last_id: EventId | None = None
        """The newest event of this transaction: none before the first `append`."""
        self._tip = tip
        known = tip.frontier if tip and last and tip.last == last.id else None
        self._growth = tree.Growth(connection, self.seq, last.top if last else None, known)
        self._waiting = let_wait(connection)

    def append(self, event: E, *, actor: PersonId, auth: str = "none") -> Fact[E]:
        """Record one event and move the projections with it. Durable when the transaction has ended."""
        event_type = TYPES_BY_CLASS[type(event)]
        now = self._clock.now()
        # A clock that was set back must not make history run backwards.
        self._at = now if self._at is None else max(now, self._at)
        self.seq += 1
        event_id = self.last_id = EventId(ordered_id("ev", self._at))
        body = {
            name: getattr(event, name) for name in event.__struct_fields__ if name not in event_type.erasable
        }
        payload = self._keep_payload(event_id, {name: getattr(event, name) for name in event_type.erasable})
        record = Record(
            v=event_type.version,
            seq=self.seq,
            id=event_id,
            at=to_text(self._at),
            actor=actor,
            auth=auth,
            verb=event_type.verb,
            subject=event.subject(),
            body=body,
            payload=commitment(payload.nonce, payload.value) if payload else None,
        )
        kept = canonical(record)
        self._waiting.add(
            INSERT_EVENT,
            {
                "seq": record.seq,
                "id": record.id,
                "at": record.at,
                "actor": record.actor,
                "verb": record.verb,
                "subject": record.subject,
                "record": kept,
            },
        )
        self._growth.add(kept)
        # The handlers see the event as a replay will: canonical bytes tell no 1.0 from 1 and sort keys.
        fact = fact_of(msgspec.json.decode(kept, type=Record), event_type, payload.value if payload else None)
        projections.apply(fact, self.connection)
        return cast("Fact[E]", fact)

    def finish(self) -> None:
        """Send all that waits, and the tree's nodes of what was appended, as the last thing of a turn."""
        self._growth.write()
        self._waiting.write()

    def mark(self) -> Mark:
        """Where it stands now. Everything before must have been finished."""
        return Mark(self.seq, self._at, self.last_id)

    def go_back(self, mark: Mark) -> None:
        """Forget what came after a mark, as the database has."""
        self.seq, self._at, self.last_id = mark
        self._waiting.forget()
        self._growth.go_back(mark.seq)

    def tip(self) -> Tip | None:
        """Where the history ends with this transaction, if it is known."""
        if self.last_id is None:
            return self._tip
        frontier = self._growth.frontier
        return None if frontier is None else Tip(self.last_id, frontier)

    def _keep_payload(self, event_id: EventId, values: dict[str, Any]) -> Payload | None:
        """Keep the erasable values apart, with the nonce that salts their digest."""
        if all(value is None for value in values.values()):
            return None
        payload = Payload(nonce=secrets.token_bytes(NONCE_BYTES), value=canonical(values))
        self._waiting.add(
            INSERT_PAYLOAD,
            {"event_id": event_id, "nonce": payload.nonce, "value": payload.value},
        )
        return payload
