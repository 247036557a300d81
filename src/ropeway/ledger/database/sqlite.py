"""A ledger in one SQLite file: driver, settings, the write lock beside it, and errors in our words."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from ropeway.core.clock import Clock
from ropeway.ledger import tables
from ropeway.ledger.database.mounts import network_type
from ropeway.ledger.database.sqlite_check import TRIGGERS, problems_of
from ropeway.ledger.errors import DiskFull, LedgerBusy, LedgerDamaged, LedgerDiskFailing, LedgerOnNetwork
from ropeway.ledger.lock import WriteLock
from ropeway.ledger.making import make
from ropeway.ledger.waiting import write_before_questions

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL when one connection resets it while another checkpoints
# (sqlite.org/wal.html#walresetbug). On such a driver only the holder of the write lock checkpoints.
WAL_RESET_FIXED = (3, 51, 3)
PEEK_WAIT_S = 5.0
CHECKPOINT_PAGES = 4_000
"""So much of the log (16 MB) goes into the file at once: a commit of many events is a megabyte by itself."""
FULL_BELOW_BYTES = 64 << 10
LAST_EVENT = f"SELECT id FROM {tables.event.name} ORDER BY seq DESC LIMIT 1"
DAMAGE = ("malformed", "not a database", "could not decode", "no such column", "no such table")
"""What SQLite says of a file in which bytes, or its own description of them, are not what they were."""


class SqliteDatabase:
    """A ledger in a file. The write turn is a lock on a file beside it, then `BEGIN IMMEDIATE`.

    Raises:
        LedgerOnNetwork: the file is on a network file system.
    """

    def __init__(self, path: Path) -> None:
        kind = network_type(path)
        if kind is not None:
            raise LedgerOnNetwork(str(path), kind)
        self.name = str(path)
        self._path = path
        self._lock_path = path.with_name("write.lock")
        self._engine = open_engine(path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `Database.reading`."""
        with in_our_words(self._path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `Database.writing`."""
        lock = WriteLock(self._lock_path)
        lock.acquire()
        try:
            with (
                in_our_words(self._path),
                self._engine.connect().execution_options(ropeway_write=True) as connection,
            ):
                with connection.begin():
                    yield connection
                if needs_checkpoint_under_lock():
                    connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # type: ignore[union-attr]
        finally:
            lock.release()

    def in_our_words(self) -> AbstractContextManager[None]:
        """See `Database.in_our_words`."""
        return in_our_words(self._path)

    def make_truth(self, connection: Connection) -> None:
        """See `Database.make_truth`."""
        make(connection, tables.recorded, there=self.tables(connection))
        for trigger in TRIGGERS:
            connection.exec_driver_sql(trigger)

    def tables(self, connection: Connection) -> set[str]:
        """See `Database.tables`."""
        rows = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        return {name for name in rows.scalars() if not name.startswith("sqlite_")}

    def problems(self, connection: Connection) -> list[str]:
        """See `Database.problems`."""
        return problems_of(connection)

    def now(self, connection: Connection, clock: Clock) -> datetime:  # noqa: ARG002  the port's shape
        """See `Database.now`."""
        return clock.now()

    def try_hold(self, name: str) -> "FileHold | None":
        """See `Database.try_hold`."""
        return FileHold.take(self._path.with_name(f"{name}.lock"))

    def watch(self) -> "FileWatch":
        """See `Database.watch`."""
        return FileWatch(self._path)

    def close(self) -> None:
        """See `Database.close`."""
        self._engine.dispose()


class FileHold:
    """A lock on a file, which the kernel takes back when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> "FileHold | None":
        """The lock; None when another has it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def is_held(self) -> bool:
        """See `Hold.is_held`."""
        return self._descriptor is not None

    def release(self) -> None:
        """See `Hold.release`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FileWatch:
    """A connection that is kept to be asked one thing, past all that stands between a question and SQLite.

    It takes two microseconds, where a question through the pool takes two hundred.
    """

    def __init__(self, path: Path) -> None:
        self._module = driver()
        with in_our_words(path):
            self._connection: sqlite3.Connection = self._module.connect(
                path, isolation_level=None, timeout=PEEK_WAIT_S, check_same_thread=False
            )

    def mark(self) -> str | None:
        """See `Watch.mark`."""
        try:
            found: tuple[str] | None = self._connection.execute(LAST_EVENT).fetchone()
        # The pool's connections say what is wrong, in our words, to whoever asks them next.
        except self._module.Error:
            return None
        return found[0] if found else None

    def close(self) -> None:
        """See `Watch.close`."""
        self._connection.close()


def driver() -> ModuleType:
    """The most current SQLite driver at hand: pysqlite3's bundled one, else the standard library's."""
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    module: ModuleType = dbapi2
    return module


def open_engine(path: Path) -> Engine:
    """An engine on the database file, with WAL, `synchronous=FULL` and explicit transactions."""
    module = driver()
    # SQLite makes files that others may read, and gives its log the mode of the database. Only where there is
    # none: to close a file is to let go of this process's locks on it.
    if not path.exists():
        with in_our_words(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=module,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 30.0},
        # One more costs little; to wait for one that others hold could stop a server's event loop.
        max_overflow=-1,
    )
    write_before_questions(engine)
    is_safe = module.sqlite_version_info >= WAL_RESET_FIXED

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        # The driver cannot even repeat what SQLite says is wrong with such a schema.
        except UnicodeDecodeError as error:
            raise LedgerDamaged(str(path), f"its schema is no text ({error})") from error
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES if is_safe else 0}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("ropeway_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine


@contextmanager
def peek_file(path: Path) -> Iterator[Connection | None]:
    """See `peek`."""
    if not path.exists():
        yield None
        return
    module = driver()
    engine = create_engine(
        "sqlite+pysqlite://",
        module=module,
        creator=lambda: module.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=PEEK_WAIT_S, isolation_level=None
        ),
        poolclass=NullPool,
    )
    with in_our_words(path), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


def needs_checkpoint_under_lock() -> bool:
    """Whether this driver's SQLite has the WAL-reset bug, so that we checkpoint only under the write lock."""
    version: tuple[int, int, int] = driver().sqlite_version_info
    return version < WAL_RESET_FIXED


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn the driver's errors into ours: disk full or failing, damaged, busy. Others pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        lowered = reason.lower()
        # SQLite calls it an I/O error too where there is no room for its shared memory.
        if "disk is full" in lowered or ("disk i/o" in lowered and _is_full(path)):
            raise DiskFull(str(path)) from error
        if "disk i/o" in lowered:
            raise LedgerDiskFailing(str(path), reason) from error
        if any(word in lowered for word in DAMAGE):
            raise LedgerDamaged(str(path), reason) from error
        if any(word in lowered for word in ("locked", "readonly", "unable to open")):
            raise LedgerBusy(str(path), reason) from error
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(str(path)) from error
        if error.errno == errno.EIO:
            raise LedgerDiskFailing(str(path), str(error.strerror)) from error
        raise


def _is_full(path: Path) -> bool:
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < FULL_BELOW_BYTES
