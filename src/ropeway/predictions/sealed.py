"""Which segments are sealed, and the Parquet of each: found without the workspace being opened.

A serving process must find a prediction though its workspace is busy or half gone, so the ledger is only
read, over a connection of its own that writes nothing and is closed at once.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, inspect, select

from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import Digest
from ropeway.ledger.database import peek
from ropeway.predictions.identity import segment_name
from ropeway.predictions.projections import sealed_segment
from ropeway.store import Store
from ropeway.workspace.place import ledger_place
from ropeway.workspace.stores import open_store

_AT = sealed_segment.c


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
    query = select(sealed_segment).where(_AT.kind == kind, _AT.replica == replica, _AT.segment == segment)
    with _reading(home) as connection:
        row = None if connection is None else connection.execute(query).first()
    return None if row is None else _sealed(row)


def list_sealed(
    home: Path, kind: str, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[SealedSegment], set[str]]:
    """The sealed segments of a kind that have records in `[since, until)`, and the file names of all sealed.

    Both from one snapshot: a file that is not among the names is not counted by the segments either.
    """
    query = select(sealed_segment).where(_AT.kind == kind)
    if since is not None:
        query = query.where(_AT.last_at >= to_text(since))
    if until is not None:
        query = query.where(_AT.first_at < to_text(until))
    with _reading(home) as connection:
        if connection is None:
            return [], set()
        rows = connection.execute(query.order_by(_AT.replica, _AT.segment)).all()
        names = connection.execute(select(_AT.replica, _AT.segment).where(_AT.kind == kind))
        return [_sealed(row) for row in rows], {segment_name(*place) for place in names}


def is_any_sealed(home: Path, kind: str) -> bool:
    """Whether a segment of the kind was ever sealed."""
    with _reading(home) as connection:
        found = select(_AT.segment).where(_AT.kind == kind).limit(1)
        return connection is not None and connection.execute(found).first() is not None


def parquet_of(home: Path, sealed: SealedSegment) -> Path:
    """The file that holds a sealed segment's records, verified.

    Raises:
        ObjectMissing, ObjectDamaged: it is not there, or not what it was.
    """
    return _store(home).open_path(sealed.content)


@lru_cache(maxsize=8)
def _store(home: Path) -> Store:
    """One store for each workspace, so that an object is hashed once a process and not at each use."""
    return open_store(home)


def _sealed(row: Row[Any]) -> SealedSegment:
    return SealedSegment(
        kind=row.kind,
        replica=row.replica,
        segment=row.segment,
        records=row.records,
        first_at=from_text(row.first_at) if row.first_at else None,
        last_at=from_text(row.last_at) if row.last_at else None,
        models=msgspec.json.decode(row.models, type=list[str]),
        environments=msgspec.json.decode(row.environments, type=list[str]),
        content=Digest(row.content),
        root=row.root,
        torn=row.torn,
        damaged=row.damaged,
    )


@contextlib.contextmanager
def _reading(home: Path) -> Iterator[Connection | None]:
    """A connection that cannot write; None where there is no ledger, or one that has sealed nothing yet."""
    with peek(ledger_place(home)) as connection:
        if connection is None or not inspect(connection).has_table(sealed_segment.name):
            yield None
        else:
            yield connection
