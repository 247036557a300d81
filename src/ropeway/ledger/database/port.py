"""The port: what a ledger asks of the database below it."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from ropeway.core.clock import Clock
from ropeway.ledger.database.place import Place


class Hold(Protocol):
    """That this process is alive and at a piece of work. Death lets go of it."""

    def is_held(self) -> bool:
        """Whether it is still ours."""
        ...

    def release(self) -> None:
        """Let go of it. Once is enough, twice does no harm."""
        ...


class Watch(Protocol):
    """Tells whether anything happened, whoever did it, in less time than questions take. For one thread."""

    def mark(self) -> str | None:
        """The id of the last event that is durable; None where there is none, or it cannot be told.

        As long as it stays the same, so does all that events decide. What changes without one may not. A
        number would not do: a copy that was put back has it again soon, with another history.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Database(Protocol):
    """A database that holds one workspace's ledger.

    Atomicity: a write turn happens whole or not at all; one that returned survives power loss. Concurrency:
    one write turn at a time, granted in the order of asking, between threads, processes and machines; readers
    never wait. May be used from several threads. Errors: the driver's come out as the ledger's own
    (`ledger/errors.py`). A connection that was lost before a turn or a snapshot began is made anew, for about
    two seconds; one that is lost within is an error, and nothing has happened, unless `CommitUnknown` says
    that nobody knows.
    """

    @property
    def name(self) -> str:
        """How messages call it: the file's path, or the URL without its password."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one consistent snapshot."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """One write turn: all of it is durable when the block ends, or none of it happened.

        It may be begun by one thread, gone on with by others, one at a time, and ended by any.

        Raises:
            CommitUnknown: the connection was lost while the turn was being made durable.
        """
        ...

    def in_our_words(self) -> AbstractContextManager[None]:
        """Turn the driver's errors into the ledger's own, for what is done on a connection within it."""
        ...

    def make_truth(self, connection: Connection) -> None:
        """Make the tables of truth and what keeps them append-only, where they are missing."""
        ...

    def tables(self, connection: Connection) -> set[str]:
        """The tables that there are."""
        ...

    def problems(self, connection: Connection) -> list[str]:
        """What is wrong with the database itself; nothing when it is sound."""
        ...

    def now(self, connection: Connection, clock: Clock) -> datetime:
        """The time that terms go by where several machines share the database; else the clock's."""
        ...

    def try_hold(self, name: str) -> Hold | None:
        """Say that this process is at a piece of work; None when another, living one has said so."""
        ...

    def watch(self) -> Watch | None:
        """What tells of events at once; None where that would be a question to a server as any other is."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_database(place: Place) -> Database:
    """The database at a place; a file is made when absent.

    Raises:
        LedgerOnNetwork: the file is on a network file system.
        PostgresDriverMissing: the extra `postgres` is not installed.
    """
    if isinstance(place, Path):
        from ropeway.ledger.database.sqlite import SqliteDatabase

        return SqliteDatabase(place)
    from ropeway.ledger.database.postgres import PostgresDatabase

    return PostgresDatabase(place)


def peek(place: Place) -> AbstractContextManager[Connection | None]:
    """A look into a ledger that is not opened, prepared or made: read only; None where there is none."""
    if isinstance(place, Path):
        from ropeway.ledger.database.sqlite import peek_file

        return peek_file(place)
    from ropeway.ledger.database.postgres import peek_schema

    return peek_schema(place)
