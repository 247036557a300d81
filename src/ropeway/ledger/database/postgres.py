"""A ledger in a schema of a PostgreSQL database: connections, write turns, holds.

The write turn is one advisory lock of the transaction, which the server grants in the order of asking and
takes back when the session ends. Readers see one snapshot (REPEATABLE READ, read only).
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.hashing import digest_bytes
from ropeway.ledger import tables
from ropeway.ledger.database.place import PostgresPlace
from ropeway.ledger.database.postgres_check import check_server, problems_of
from ropeway.ledger.database.postgres_engine import open_engine
from ropeway.ledger.database.postgres_errors import in_our_words, is_lost, is_passing, reason_of, translate
from ropeway.ledger.errors import CommitUnknown, LedgerBusy
from ropeway.ledger.making import make
from ropeway.ledger.waiting import write_before_questions

PATIENCE_S = 2.0
"""How long a turn or a snapshot waits for a server that is starting again."""
PAUSE_S = 0.05
KEPT = 8
TURN = text("SELECT pg_advisory_xact_lock(:key)")
SNAPSHOT = text("SELECT 1")
TABLES = text("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()")


class PostgresDatabase:
    """A ledger in a schema of a PostgreSQL database; the schema is made when absent.

    Raises:
        PostgresDriverMissing: the extra `postgres` is not installed.
    """

    def __init__(self, place: PostgresPlace) -> None:
        self.name = place.name
        self._schema = place.schema
        self._engine = open_engine(place)
        write_before_questions(self._engine)
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Database.reading`."""
        # The server takes the snapshot at the first question: asked here, it shows too that it is there.
        connection = self._begin(self._reader, lambda connection: connection.execute(SNAPSHOT))
        with _closing(connection), in_our_words(self.name):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `Database.writing`."""
        key = key_of(self._schema, "write")
        # READ COMMITTED: what is read after the lock was granted is what the turn before has left.
        connection = self._begin(self._engine, lambda connection: connection.execute(TURN, {"key": key}))
        with _closing(connection):
            with in_our_words(self.name):
                yield connection
            self._commit(connection)

    def _begin(self, engine: Engine, first: Callable[[Connection], object]) -> Connection:
        """A connection that has answered its first question, from a server that may be starting again."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                connection = engine.connect()
                try:
                    first(connection)
                # Whatever it was goes on its way; the connection goes back first.
                except BaseException:
                    connection.close()
                    raise
            except DBAPIError as error:
                if not is_passing(error) or time.monotonic() > until:
                    raise translate(error, self.name) from error
            except PoolTimeout as error:
                reason = "all of this process's connections are in use"
                raise LedgerBusy(self.name, reason, on_server=True) from error
            else:
                return connection
            time.sleep(PAUSE_S)

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except DBAPIError as error:
            # An error that the server sent is a refusal. Where the line went dead, nobody here can tell.
            if is_lost(error):
                raise CommitUnknown(self.name, reason_of(error)) from error
            raise translate(error, self.name) from error

    def in_our_words(self) -> AbstractContextManager[None]:
        """See `Database.in_our_words`."""
        return in_our_words(self.name)

    def make_truth(self, connection: Connection) -> None:
        """See `Database.make_truth`."""
        check_server(connection, self.name)
        # Without the right to make schemas, one that somebody made beforehand will do.
        known = text("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = :schema")
        if not connection.execute(known, {"schema": self._schema}).scalar_one():
            connection.exec_driver_sql(f'CREATE SCHEMA "{self._schema}"')
        make(connection, tables.recorded, there=self.tables(connection))
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION ropeway_forbid() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END $$"
        )
        for table, does, says in tables.FORBIDDEN:
            # Emptied at once is changed too.
            also = " OR TRUNCATE" if does == "UPDATE" else ""
            connection.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER {tables.trigger_name(table, does)} "
                f"BEFORE {does}{also} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ropeway_forbid('{says}')"
            )
        table, does, says, unless = tables.ERASED_FIRST
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION ropeway_erased_first() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF NOT EXISTS ({unless}) THEN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END IF; "
            "RETURN OLD; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER {tables.trigger_name(table, does)} BEFORE {does} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION ropeway_erased_first('{says}')"
        )

    def tables(self, connection: Connection) -> set[str]:
        """See `Database.tables`."""
        return set(connection.execute(TABLES).scalars())

    def problems(self, connection: Connection) -> list[str]:
        """See `Database.problems`."""
        return problems_of(connection)

    def now(self, connection: Connection, clock: Clock) -> datetime:
        """See `Database.now`."""
        if not isinstance(clock, SystemClock):
            return clock.now()
        at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return at.astimezone(UTC)

    def try_hold(self, name: str) -> "SessionHold | None":
        """See `Database.try_hold`."""
        question = text("SELECT pg_try_advisory_lock(:key)")
        key = {"key": key_of(self._schema, f"hold {name}")}
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        connection = self._begin(alone, lambda connection: connection.execute(SNAPSHOT))
        # Out of the pool: the session is the hold, and ends with it.
        connection.detach()
        with in_our_words(self.name):
            is_ours = connection.execute(question, key).scalar_one()
        if not is_ours:
            connection.close()
            return None
        return SessionHold(connection)

    def watch(self) -> None:
        """See `Database.watch`."""

    def close(self) -> None:
        """See `Database.close`."""
        self._engine.dispose()


class SessionHold:
    """An advisory lock of a session of its own: the server takes it back when this process is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    def is_held(self) -> bool:
        """See `Hold.is_held`."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(SNAPSHOT)
        except DBAPIError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """See `Hold.release`."""
        if self._connection is not None:
            with contextlib.suppress(DBAPIError):
                self._connection.close()
            self._connection = None


@contextmanager
def peek_schema(place: PostgresPlace) -> Iterator[Connection | None]:
    """See `peek`."""
    database = _peeking(place)
    with database.reading() as connection:
        yield connection if database.tables(connection) else None


_known: dict[PostgresPlace, PostgresDatabase] = {}
"""Those that were looked into last, kept, since to connect takes longer than to ask."""


def _peeking(place: PostgresPlace) -> PostgresDatabase:
    found = _known.pop(place, None) or PostgresDatabase(place)
    _known[place] = found
    while len(_known) > KEPT:
        oldest = _known.pop(next(iter(_known)), None)
        if oldest is not None:
            oldest.close()
    return found


def key_of(schema: str, use: str) -> int:
    """The number of an advisory lock; those of one database are all in one space."""
    digest = digest_bytes(f"ropeway {schema} {use}".encode())
    return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)


@contextmanager
def _closing(connection: Connection) -> Iterator[None]:
    """Give the connection back, rolled back if need be; one that was lost is none to give back."""
    try:
        yield
    finally:
        with contextlib.suppress(DBAPIError):
            connection.close()
