"""Which segments are sealed, and the Parquet of each: found without the workspace being opened.

A serving process must find a prediction though its workspace is busy or half gone, so the ledger is only
read, over a connection of its own that writes nothing and is closed at once.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import Digest
from ropeway.ledger.database import driver
from ropeway.ledger.errors import LedgerBusy, LedgerDamaged
from ropeway.predictions.identity import segment_name
from ropeway.store import Store

DATABASE = "ledger.db"
WAIT_S = 5.0
_COLUMNS = (
    "kind, replica, segment, records, first_at, last_at, models, environments, content, root, torn, damaged"
)
_ALL = f"SELECT {_COLUMNS} FROM sealed_segment"


class SealedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed segment as the ledger knows it."""

    kind: str
    replica: str
    segment: int
    records: int
    first_at: datetime | None
    last_at: datetime | None
    models: list[str]
    environments: list[str]
    content: Digest
    root: str
    torn: bool
    damaged: bool

    @property
    def file_name(self) -> str:
        """The name that its file had."""
        return segment_name(self.replica, self.segment)


def find_sealed(home: Path, kind: str, replica: str, segment: int) -> SealedSegment | None:
    """The sealed segment with that place; None where it is not sealed."""
    query = f"{_ALL} WHERE kind = ? AND replica = ? AND segment = ?"
    with _reading(home) as connection:
        row = None if connection is None else connection.execute(query, (kind, replica, segment)).fetchone()
    return None if row is None else _sealed(row)


def list_sealed(
    home: Path, kind: str, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[SealedSegment], set[str]]:
    """The sealed segments of a kind that have records in `[since, until)`, and the file names of all sealed.

    Both from one snapshot: a file that is not among the names is not counted by the segments either.
    """
    query, values = f"{_ALL} WHERE kind = ?", [kind]
    if since is not None:
        query, values = f"{query} AND last_at >= ?", [*values, to_text(since)]
    if until is not None:
        query, values = f"{query} AND first_at < ?", [*values, to_text(until)]
    with _reading(home) as connection:
        if connection is None:
            return [], set()
        connection.execute("BEGIN")
        rows = connection.execute(f"{query} ORDER BY replica, segment", values).fetchall()
        names = connection.execute("SELECT replica, segment FROM sealed_segment WHERE kind = ?", (kind,))
        return [_sealed(row) for row in rows], {segment_name(*place) for place in names.fetchall()}


def parquet_of(home: Path, sealed: SealedSegment) -> Path:
    """The file that holds a sealed segment's records, verified.

    Raises:
        ObjectMissing, ObjectDamaged: it is not there, or not what it was.
    """
    return _store(home).open_path(sealed.content)


@lru_cache(maxsize=8)
def _store(home: Path) -> Store:
    """One store for each workspace, so that an object is hashed once a process and not at each use."""
    return Store(home)


def _sealed(row: tuple[Any, ...]) -> SealedSegment:
    return SealedSegment(
        kind=row[0],
        replica=row[1],
        segment=row[2],
        records=row[3],
        first_at=from_text(row[4]) if row[4] else None,
        last_at=from_text(row[5]) if row[5] else None,
        models=msgspec.json.decode(row[6], type=list[str]),
        environments=msgspec.json.decode(row[7], type=list[str]),
        content=Digest(row[8]),
        root=row[9],
        torn=bool(row[10]),
        damaged=bool(row[11]),
    )


@contextlib.contextmanager
def _reading(home: Path) -> Iterator[Any]:
    """A connection that cannot write; None where there is no ledger, or one that has sealed nothing yet."""
    module, path = driver(), home / DATABASE
    if not path.exists():
        yield None
        return
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(module.connect(uri, uri=True, timeout=WAIT_S)) as connection:
            known = "SELECT count(*) FROM sqlite_master WHERE name = 'sealed_segment'"
            yield connection if connection.execute(known).fetchone()[0] else None
    except (module.DatabaseError, sqlite3.DatabaseError) as error:
        reason = str(error)
        if "malformed" in reason or "not a database" in reason:
            raise LedgerDamaged(str(path), reason) from error
        raise LedgerBusy(str(path), reason) from error
