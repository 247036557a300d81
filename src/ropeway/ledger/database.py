"""The SQLite database below the ledger: driver, settings, and errors in our words."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from ropeway.ledger.errors import DiskFull, LedgerBusy, LedgerDamaged

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL when one connection resets it while another checkpoints
# (sqlite.org/wal.html#walresetbug). On such a driver only the holder of the write lock checkpoints.
WAL_RESET_FIXED = (3, 51, 3)


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
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        module=module,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 30.0},
    )
    is_safe = module.sqlite_version_info >= WAL_RESET_FIXED

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if not is_safe:
            connection.execute("PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_write = connection.get_execution_options().get("ropeway_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

    return engine


def needs_checkpoint_under_lock() -> bool:
    """Whether this driver's SQLite has the WAL-reset bug, so that we checkpoint only under the write lock."""
    version: tuple[int, int, int] = driver().sqlite_version_info
    return version < WAL_RESET_FIXED


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn the driver's errors into ours: disk full, damaged, busy. Others pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        lowered = reason.lower()
        if "disk is full" in lowered:
            raise DiskFull(str(path)) from error
        if "malformed" in lowered or "not a database" in lowered:
            raise LedgerDamaged(str(path), reason) from error
        if any(word in lowered for word in ("locked", "readonly", "unable to open", "disk i/o")):
            raise LedgerBusy(str(path), reason) from error
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(str(path)) from error
        raise
