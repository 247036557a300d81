"""From an older format to this one: a copy of the database first, then all of it in one transaction.

| format | what came with it |
|---|---|
| 1 | events, payloads, answers, leases |
| 2 | the Merkle tree over the events, signed checkpoints, the ledger's own id |
| 3 | points that are in no sealed segment yet, and how far each sender of them has come |

Killed anywhere, the ledger has its old format or the new one, wholly; the copy is complete or not there.
"""

import os
from pathlib import Path

from sqlalchemy import Connection, inspect, select

from ropeway.core.clock import Clock
from ropeway.core.ids import new_id
from ropeway.ledger import tree
from ropeway.ledger.database import driver
from ropeway.ledger.errors import DiskFull, LedgerBusy
from ropeway.ledger.tables import meta

BACKUPS = "backups"
LEDGER_ID = "ledger"


def keep_old(connection: Connection, path: Path, clock: Clock, *, to: int) -> Path | None:
    """Before anything is changed: a copy of a ledger of an older format. Gives where it lies.

    Args:
        connection: the write transaction's, in which nothing was written yet.
        path: the database file.
        clock: for the copy's name.
        to: the format to come.

    Raises:
        DiskFull: there is no space for the copy; nothing was changed.
    """
    if not inspect(connection).has_table(meta.name):
        return None
    found = connection.execute(select(meta.c.value).where(meta.c.key == "format")).scalar()
    if found is None or int(found) >= to:
        return None
    return _copy(path, f"ledger-format-{found}-{clock.now():%Y%m%dT%H%M%SZ}.db")


def fill(connection: Connection) -> dict[str, str]:
    """Make what a ledger of this format has besides its tables; gives the entries of `meta` that it lacks."""
    tree.catch_up(connection, tree.size_of(connection))
    known = connection.execute(select(meta.c.value).where(meta.c.key == LEDGER_ID)).scalar()
    return {} if known else {LEDGER_ID: new_id("ledger")}


def _copy(path: Path, name: str) -> Path:
    """A whole copy under this name, durable, or none."""
    folder = path.parent / BACKUPS
    partial = folder / ".partial"
    module = driver()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        partial.unlink(missing_ok=True)
        # A connection of its own sees what was committed, and we hold the lock under which others commit.
        source = module.connect(str(path), timeout=30.0)
        try:
            source.execute("VACUUM INTO ?", (str(partial),))
        finally:
            source.close()
        _sync(partial)
        partial.rename(folder / name)
        _sync(folder)
    except module.Error as error:
        if "full" in str(error):
            raise DiskFull(str(folder)) from error
        raise LedgerBusy(str(path), f"no copy could be made before the upgrade ({error})") from error
    return folder / name


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
