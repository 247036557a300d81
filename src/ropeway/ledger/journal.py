"""The append-only journal of events: write transactions, reading back, replay.

Contract: a transaction that returned survives power loss; one that did not, left nothing. Sequence numbers
are gapless, and times never run backwards. One write transaction at a time in a workspace, granted in turn;
readers never wait. The same in SQLite and in PostgreSQL (`ledger/database`).
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select

from ropeway.core.clock import Clock
from ropeway.core.ids import EventId
from ropeway.ledger import projections, tables, upgrade
from ropeway.ledger.database import Hold, Place, Watch, open_database
from ropeway.ledger.errors import (
    CommitUnknown,
    LedgerDamaged,
    LedgerMoved,
    LedgerUnreachable,
    UnknownEvent,
    WorkspaceNewer,
)
from ropeway.ledger.event import TYPES_BY_VERB, Event, Fact
from ropeway.ledger.making import make
from ropeway.ledger.record import Record, fact_of
from ropeway.ledger.transaction import MOVED, Tip, Transaction
from ropeway.ledger.turns import Turns

FORMAT = 3
"""The version of the tables of truth. A database with a higher one is refused."""

REPLAY_BATCH = 1_000
COMMIT_PATIENCE_S = 10.0
"""How long to wait for a server that was lost within a commit: it alone knows how that ended."""


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
        self._turns = Turns(self._database, self._begin, self._note_end)
        self._tip: Tip | None = None
        try:
            self.prepare()
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
    def transaction(self, *, alone: bool = False) -> Iterator[Transaction]:
        """The write transaction: all of it is durable when the block ends, or none of it happened.

        Threads that wait for each other become durable together (`ledger/turns.py`). What is read within may
        be another's that is not durable yet; it is by the time the block ends.

        Args:
            alone: shares its commit with nobody; for what takes long, or looks on from another connection.

        Raises:
            LedgerMoved: the history is elsewhere now.
            CommitUnknown: the connection was lost at the very end, and the server did not come back to say.
        """
        appended, last_id = 0, None
        try:
            with self._turns.turn(alone=alone) as transaction:
                before = transaction.seq
                yield transaction
                appended = transaction.seq - before
                last_id = transaction.last_id if appended else None
        except CommitUnknown as error:
            if not self._has_happened(last_id, error):
                raise LedgerUnreachable(self.name, "the connection was lost before the end") from error
        # The lock is let go, and what was acknowledged is durable whatever comes of this.
        if appended and self.after_commit is not None:
            self.after_commit(appended)

    def _begin(self, connection: Connection) -> Transaction:
        # Whoever writes takes the tip along, and brings it back once that is durable.
        tip, self._tip = self._tip, None
        transaction = Transaction(connection, self._clock, tip)
        if transaction.moved is not None:
            raise LedgerMoved(self.name, transaction.moved)
        return transaction

    def _note_end(self, transaction: Transaction) -> None:
        self._tip = transaction.tip()

    def problems(self, connection: Connection) -> list[str]:
        """What is wrong with the database itself, in words; nothing when it is sound."""
        return self._database.problems(connection)

    def now(self, connection: Connection) -> datetime:
        """The time that terms go by: of the database where several machines share it, else the clock's."""
        return self._database.now(connection, self._clock)

    def try_hold(self, name: str) -> Hold | None:
        """Say that this process is at a piece of work; None when another, living one has said so."""
        return self._database.try_hold(name)

    def watch(self) -> Watch | None:
        """What tells whether anything happened; None where that costs as much as asking what it was."""
        return self._database.watch()

    def _has_happened(self, last_id: EventId | None, unknown: CommitUnknown) -> bool:
        """Ask once the server is back: under the write lock, what is not there now will never be."""
        if last_id is None:
            # Nothing that this turn alone could have written shows whether it is there.
            raise unknown
        until = time.monotonic() + COMMIT_PATIENCE_S
        question = select(tables.event.c.seq).where(tables.event.c.id == last_id)
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
        with self.transaction(alone=True) as transaction:
            return self._rebuild(transaction.connection)

    def remake(self, transaction: Transaction) -> int:
        """Within a transaction: empty every projection and replay all events; gives the number of events.

        Who reads meanwhile finds what was there before.
        """
        return self._rebuild(transaction.connection, kept=self._emptied(transaction.connection))

    def _emptied(self, connection: Connection) -> set[str]:
        """The projections that could be emptied, of this release's shape."""
        # PostgreSQL shows a table that was made anew to whoever looked before, and without its rows; and they
        # that read several would wait for one that is to be dropped, as it waits for them.
        if isinstance(self.place, Path) or get_meta(connection, "projections") != projections.shape():
            return set()
        there = self._database.tables(connection) & set(tables.projected.tables)
        for name in sorted(there):
            connection.execute(tables.projected.tables[name].delete())
        return there

    def _rebuild(self, connection: Connection, *, kept: Collection[str] = ()) -> int:
        # A projection of another release may be left over; it goes with the rest.
        for name in self._database.tables(connection) - {*tables.recorded.tables, *kept}:
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
        make(connection, tables.projected, there=kept)
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

    def prepare(self) -> None:
        """Make what is missing, refuse what is newer, rebuild projections of another shape.

        Done at opening; again by who holds the tables against the events, since a process of another release
        may have made them in its own way meanwhile.
        """
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
