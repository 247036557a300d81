"""The append-only journal of events: write transactions, reading back, replay.

Contract: a transaction that returned survives power loss; one that did not, left nothing. Sequence numbers
are gapless, and times never run backwards. One write transaction at a time in a workspace, granted in turn;
readers never wait. The same in SQLite and in PostgreSQL (`ledger/database`).
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select

from ropeway.core.canonical import canonical
from ropeway.core.clock import Clock, from_text, to_text
from ropeway.core.ids import EventId, PersonId, new_id
from ropeway.ledger import projections, tables, tree, upgrade
from ropeway.ledger.database import Hold, Place, open_database
from ropeway.ledger.errors import (
    CommitUnknown,
    LedgerDamaged,
    LedgerMoved,
    LedgerUnreachable,
    UnknownEvent,
    WorkspaceNewer,
)
from ropeway.ledger.event import TYPES_BY_CLASS, TYPES_BY_VERB, Event, EventType, Fact

FORMAT = 2
"""The version of the tables of truth. A database with a higher one is refused."""

NONCE_BYTES = 16
REPLAY_BATCH = 1_000
COMMIT_PATIENCE_S = 10.0
"""How long to wait for a server that was lost within a commit: it alone knows how that ended."""

# Built once: putting a statement together costs more than running it.
INSERT_EVENT = insert(tables.event)
INSERT_PAYLOAD = insert(tables.event_payload)
MOVED = "moved"
"""The key in `meta` under which a ledger that was left behind says where the history is now."""
MOVED_TO = select(tables.meta.c.value).where(tables.meta.c.key == MOVED)
LAST_EVENT = (
    select(
        tables.event.c.seq,
        tables.event.c.at,
        MOVED_TO.scalar_subquery().label(MOVED),
        tree.TOP.label("top"),
    )
    .order_by(tables.event.c.seq.desc())
    .limit(1)
)

E = TypeVar("E", bound=Event)


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


class Transaction:
    """One open write transaction: append events, read what they moved. Made by `Ledger.transaction`."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self._clock = clock
        last = connection.execute(LAST_EVENT).first()
        self.moved: str | None = last.moved if last else connection.execute(MOVED_TO).scalar()
        """Where the history is now, if it was moved: then nothing may be written here."""
        self._seq: int = last.seq if last else 0
        self._at: datetime | None = from_text(last.at) if last else None
        self.last_id: EventId | None = None
        """The newest event of this transaction: none before the first `append`."""
        self._growth = tree.Growth(connection, self._seq, last.top if last else None)

    def append(self, event: E, *, actor: PersonId, auth: str = "none") -> Fact[E]:
        """Record one event and move the projections with it. Durable when the transaction has ended."""
        event_type = TYPES_BY_CLASS[type(event)]
        now = self._clock.now()
        # A clock that was set back must not make history run backwards.
        self._at = now if self._at is None else max(now, self._at)
        self._seq += 1
        event_id = self.last_id = EventId(new_id("ev"))
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
            auth=auth,
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
    """The workspace's history, in one database.

    Args:
        place: a file for SQLite, or a schema of a PostgreSQL database; made when absent.
        clock: where times come from.

    Attributes:
        after_commit: called with the number of events that a transaction appended, once they are durable
            and the write lock is free again.

    Raises:
        WorkspaceNewer: the database has a newer format.
        LedgerDamaged: the file is not a sound database.
        LedgerOnNetwork: the file is on a network file system.
        LedgerUnreachable: the server does not answer.
        LedgerUnsuited: the server is too old, or its database cannot hold every text.
    """

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place = place
        self._clock = clock
        self.after_commit: Callable[[int], None] | None = None
        self._database = open_database(place)
        try:
            self._prepare()
        # Whatever was wrong goes on its way; no connection stays behind.
        except BaseException:
            self._database.close()
            raise

    @property
    def name(self) -> str:
        """How messages call it: the file's path, or the URL without its password."""
        return self._database.name

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one consistent snapshot."""
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The write transaction: all of it is durable when the block ends, or none of it happened.

        Raises:
            LedgerMoved: the history is elsewhere now.
            CommitUnknown: the connection was lost at the very end, and the server did not come back to say.
        """
        transaction, appended = None, 0
        try:
            with self._database.writing() as connection:
                transaction = Transaction(connection, self._clock)
                if transaction.moved is not None:
                    raise LedgerMoved(self.name, transaction.moved)
                yield transaction
                appended = transaction.finish()
        except CommitUnknown as error:
            if transaction is None or not self._has_happened(transaction, error):
                raise LedgerUnreachable(self.name, "the connection was lost before the end") from error
        # The lock is let go, and what was acknowledged is durable whatever comes of this.
        if appended and self.after_commit is not None:
            self.after_commit(appended)

    def problems(self, connection: Connection) -> list[str]:
        """What is wrong with the database itself, in words; nothing when it is sound."""
        return self._database.problems(connection)

    def now(self, connection: Connection) -> datetime:
        """The time that terms go by: of the database where several machines share it, else the clock's."""
        return self._database.now(connection, self._clock)

    def try_hold(self, name: str) -> Hold | None:
        """Say that this process is at a piece of work; None when another, living one has said so."""
        return self._database.try_hold(name)

    def _has_happened(self, transaction: Transaction, unknown: CommitUnknown) -> bool:
        """Ask once the server is back: under the write lock, what is not there now will never be."""
        if transaction.last_id is None:
            # Nothing that this turn alone could have written shows whether it is there.
            raise unknown
        until = time.monotonic() + COMMIT_PATIENCE_S
        question = select(tables.event.c.seq).where(tables.event.c.id == transaction.last_id)
        while True:
            try:
                with self._database.writing() as connection:
                    return connection.execute(question).first() is not None
            except (LedgerUnreachable, CommitUnknown) as error:
                if time.monotonic() > until:
                    raise unknown from error

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

    def remake(self, transaction: Transaction) -> int:
        """Within a transaction: drop every projection and replay all events; gives the number of events."""
        return self._rebuild(transaction.connection)

    def _rebuild(self, connection: Connection) -> int:
        # A projection of another release may be left over; it goes with the rest.
        for name in self._database.tables(connection) - set(tables.recorded.tables):
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
        # All are gone: to ask after each would be a question to the server a table.
        tables.projected.create_all(connection, checkfirst=False)
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
            raise LedgerDamaged(self.name, f"event {row.seq} cannot be read ({error})") from error
        event_type = TYPES_BY_VERB.get((record.verb, record.v))
        if event_type is None:
            raise UnknownEvent(record.verb, record.v, record.seq)
        return fact_of(record, event_type, row.value)

    def _prepare(self) -> None:
        """Make what is missing, refuse what is newer, rebuild projections of another shape."""
        with self._database.reading() as connection:
            if self._is_current(connection):
                return
        with self._database.writing() as connection:
            if self._is_current(connection):
                return
            if isinstance(self.place, Path):
                upgrade.keep_old(connection, self.place, self._clock, to=FORMAT)
            self._database.make_truth(connection)
            for key, value in {"format": str(FORMAT), **upgrade.fill(connection)}.items():
                set_meta(connection, key, value)
            self._rebuild(connection)

    def _is_current(self, connection: Connection) -> bool:
        if tables.meta.name not in self._database.tables(connection):
            return False
        rows = connection.execute(select(tables.meta.c.key, tables.meta.c.value))
        found: dict[str, str] = {row.key: row.value for row in rows}
        if "format" in found and int(found["format"]) > FORMAT:
            raise WorkspaceNewer(self.name, int(found["format"]), FORMAT)
        if MOVED in found:
            raise LedgerMoved(self.name, found[MOVED])
        return found.get("format") == str(FORMAT) and found.get("projections") == projections.shape()


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
