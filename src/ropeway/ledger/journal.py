"""The append-only journal of events: write transactions, reading back, replay.

Contract: a transaction that returned survives power loss (WAL, `synchronous=FULL`); one that did not, left
nothing. Sequence numbers are gapless, and times never run backwards. One write transaction at a time in a
workspace, granted in turn; readers never wait.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, text

from ropeway.core.canonical import canonical
from ropeway.core.clock import Clock, from_text, to_text
from ropeway.core.ids import EventId, PersonId, new_id
from ropeway.ledger import projections, tables, tree, upgrade
from ropeway.ledger.database import in_our_words, needs_checkpoint_under_lock, open_engine
from ropeway.ledger.errors import LedgerDamaged, UnknownEvent, WorkspaceNewer
from ropeway.ledger.event import TYPES_BY_CLASS, TYPES_BY_VERB, Event, EventType, Fact
from ropeway.ledger.lock import WriteLock

FORMAT = 2
"""The version of the tables of truth. A database with a higher one is refused."""

NONCE_BYTES = 16
REPLAY_BATCH = 1_000

# Built once: putting a statement together costs more than running it.
INSERT_EVENT = insert(tables.event)
INSERT_PAYLOAD = insert(tables.event_payload)
LAST_EVENT = (
    select(tables.event.c.seq, tables.event.c.at, tree.TOP.label("top"))
    .order_by(tables.event.c.seq.desc())
    .limit(1)
)

E = TypeVar("E", bound=Event)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event's canonical form, for ever. `auth` says how the actor proved who it is: "none" so far."""

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


class Transaction:
    """One open write transaction: append events, read what they moved. Made by `Ledger.transaction`."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock
        last = connection.execute(LAST_EVENT).first()
        self._seq: int = last.seq if last else 0
        self._at: datetime | None = from_text(last.at) if last else None
        self._growth = tree.Growth(connection, self._seq, last.top if last else None)

    def append(self, event: E, *, actor: PersonId) -> Fact[E]:
        """Record one event and move the projections with it. Durable when the transaction has ended."""
        event_type = TYPES_BY_CLASS[type(event)]
        now = self._clock.now()
        # A clock that was set back must not make history run backwards.
        self._at = now if self._at is None else max(now, self._at)
        self._seq += 1
        event_id = EventId(new_id("ev"))
        body = {
            name: getattr(event, name) for name in event.__struct_fields__ if name not in event_type.erasable
        }
        payload = self._keep_payload(event_id, {name: getattr(event, name) for name in event_type.erasable})
        record = Record(
            v=event_type.version,
            seq=self._seq,
            id=event_id,
            at=to_text(self._at),
            actor=actor,
            auth="none",
            verb=event_type.verb,
            subject=event.subject(),
            body=body,
            payload=commitment(payload.nonce, payload.value) if payload else None,
        )
        kept = canonical(record)
        self.connection.execute(
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

    def finish(self) -> int:
        """Write the tree's nodes of what was appended, as the last thing; gives how many events that is."""
        appended = self._growth.appended
        self._growth.write()
        return appended

    def _keep_payload(self, event_id: EventId, values: dict[str, Any]) -> Payload | None:
        """Keep the erasable values apart, with the nonce that salts their digest."""
        if all(value is None for value in values.values()):
            return None
        payload = Payload(nonce=secrets.token_bytes(NONCE_BYTES), value=canonical(values))
        self.connection.execute(
            INSERT_PAYLOAD, {"event_id": event_id, "nonce": payload.nonce, "value": payload.value}
        )
        return payload


class Ledger:
    """The workspace's history, in one SQLite database.

    Args:
        path: the database file; made when absent.
        clock: where times come from.

    Attributes:
        after_commit: called with the number of events that a transaction appended, once they are durable
            and the write lock is free again.

    Raises:
        WorkspaceNewer: the database has a newer format.
        LedgerDamaged: the file is not a sound database.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock_path = path.with_name("write.lock")
        self.after_commit: Callable[[int], None] | None = None
        self._engine = open_engine(path)
        with in_our_words(path):
            self._prepare()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one consistent snapshot, from its first question on."""
        with in_our_words(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The write transaction: all of it is durable when the block ends, or none of it happened."""
        with self._writing() as connection:
            transaction = Transaction(connection, self._clock)
            yield transaction
            appended = transaction.finish()
        # The lock is let go, and what was acknowledged is durable whatever comes of this.
        if appended and self.after_commit is not None:
            self.after_commit(appended)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        lock = WriteLock(self._lock_path)
        lock.acquire()
        try:
            with (
                in_our_words(self.path),
                self._engine.connect().execution_options(ropeway_write=True) as connection,
            ):
                with connection.begin():
                    yield connection
                if needs_checkpoint_under_lock():
                    connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # type: ignore[union-attr]
        finally:
            lock.release()

    def facts(
        self, connection: Connection, *, after: int = 0, limit: int | None = None
    ) -> Iterator[Fact[Event]]:
        """The events after a sequence number, oldest first."""
        while limit is None or limit > 0:
            batch = REPLAY_BATCH if limit is None else min(REPLAY_BATCH, limit)
            rows = connection.execute(
                select(tables.event.c.seq, tables.event.c.record, tables.event_payload.c.value)
                .select_from(
                    tables.event.outerjoin(
                        tables.event_payload, tables.event_payload.c.event_id == tables.event.c.id
                    )
                )
                .where(tables.event.c.seq > after)
                .order_by(tables.event.c.seq)
                .limit(batch)
            ).all()
            for row in rows:
                yield self._decode(row)
            if len(rows) < batch:
                return
            after = rows[-1].seq
            limit = None if limit is None else limit - len(rows)

    def rebuild(self) -> int:
        """Drop every projection and replay all events into new ones; gives the number of events."""
        with self.transaction() as transaction:
            return self._rebuild(transaction.connection)

    def _rebuild(self, connection: Connection) -> int:
        for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all():
            # A projection of another release may be left over; it goes with the rest.
            if row.name not in tables.recorded.tables and not row.name.startswith("sqlite_"):
                connection.exec_driver_sql(f'DROP TABLE "{row.name}"')
        tables.projected.create_all(connection)
        count = 0
        for fact in self.facts(connection):
            projections.apply(fact, connection)
            count += 1
        set_meta(connection, "projections", projections.shape())
        return count

    def _decode(self, row: Row[*tuple[Any, ...]]) -> Fact[Event]:
        try:
            record = msgspec.json.decode(row.record, type=Record)
        except msgspec.DecodeError as error:
            raise LedgerDamaged(str(self.path), f"event {row.seq} cannot be read ({error})") from error
        event_type = TYPES_BY_VERB.get((record.verb, record.v))
        if event_type is None:
            raise UnknownEvent(record.verb, record.v, record.seq)
        return fact_of(record, event_type, row.value)

    def _prepare(self) -> None:
        """Make what is missing, refuse what is newer, rebuild projections of another shape."""
        with self._engine.connect() as connection, connection.begin():
            if self._is_current(connection):
                return
        with self._writing() as connection:
            if self._is_current(connection):
                return
            upgrade.keep_old(connection, self.path, self._clock, to=FORMAT)
            tables.recorded.create_all(connection)
            for trigger in tables.TRIGGERS:
                connection.exec_driver_sql(trigger)
            for key, value in {"format": str(FORMAT), **upgrade.fill(connection)}.items():
                set_meta(connection, key, value)
            self._rebuild(connection)

    def _is_current(self, connection: Connection) -> bool:
        has_meta = connection.execute(
            text("SELECT count(*) FROM sqlite_master WHERE name = 'meta' AND type = 'table'")
        ).scalar_one()
        if not has_meta:
            return False
        rows = connection.execute(select(tables.meta.c.key, tables.meta.c.value))
        found: dict[str, str] = {row.key: row.value for row in rows}
        if "format" in found and int(found["format"]) > FORMAT:
            raise WorkspaceNewer(str(self.path), int(found["format"]), FORMAT)
        return found.get("format") == str(FORMAT) and found.get("projections") == projections.shape()


def fact_of(record: Record, event_type: EventType, payload: bytes | None) -> Fact[Event]:
    """An event with its place, from its canonical form; what was erased is None."""
    erasable = dict.fromkeys(event_type.erasable)
    if payload is not None:
        erasable.update(msgspec.json.decode(payload))
    event = msgspec.convert({**record.body, **erasable}, event_type.cls)
    return Fact(seq=record.seq, id=record.id, at=from_text(record.at), actor=record.actor, event=event)


def commitment(nonce: bytes, value: bytes) -> str:
    """The salted digest that an event carries for its payload: SHA-256 of nonce and value."""
    return hashlib.sha256(nonce + value).hexdigest()


def count_events(connection: Connection) -> int:
    """How many events there are."""
    return connection.execute(select(func.count()).select_from(tables.event)).scalar_one()


def get_meta(connection: Connection, key: str) -> str | None:
    """What the ledger says of itself: `format`, `ledger` (its id), `verifier` (who signs its heads)."""
    return connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == key)).scalar()


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Say something else of the ledger itself."""
    connection.execute(delete(tables.meta).where(tables.meta.c.key == key))
    connection.execute(insert(tables.meta).values(key=key, value=value))
