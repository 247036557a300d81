"""The whole history into another database: copied, replayed there, compared, and only then declared moved.

Nothing is written here meanwhile. All is copied in one transaction: an interruption leaves the target empty
and the source as it was. What was copied before and is the same is not copied again: a move that was cut off
between its two commits is finished by repeating it.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3
from sqlalchemy import Connection, Row, Table, insert, inspect, select

from ropeway.core.clock import Clock
from ropeway.ledger import tables
from ropeway.ledger.database import Place, driver, peek
from ropeway.ledger.database.place import SQLITE
from ropeway.ledger.errors import MoveDiffers, TargetNotEmpty
from ropeway.ledger.journal import Ledger, count_events
from ropeway.ledger.transaction import MOVED
from ropeway.ledger.tree import size_of
from ropeway.ledger.upsert import keep_latest

BATCH = 1_000
OF_THE_DATABASE = ("projections", MOVED)
"""What `meta` says of one database and not of the history."""
TRUTH = tuple(table for table in tables.recorded.sorted_tables if table not in (tables.meta, tables.lease))
"""Every table of truth; a lease is no history, and `meta` is taken along by its keys."""


class MovedLedger(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved, and where the settings must point now."""

    events: int
    rows: dict[str, int]
    digest: str
    to: str


class Print(msgspec.Struct, frozen=True):
    """How many rows a table has, and a digest that is the same in whatever order they come."""

    rows: int
    digest: int


def move(source: Ledger, to: Place, clock: Clock) -> MovedLedger:
    """Move the history to another place, and mark what is left behind.

    Raises:
        TargetNotEmpty: there is another history.
        MoveDiffers: what arrived is not what was sent, or a replay of it gives other tables.
    """
    said = SQLITE if isinstance(to, Path) else to.name
    if to == source.place:
        raise TargetNotEmpty(said)
    target = Ledger(to, clock)
    try:
        with source.transaction(alone=True) as old:
            with target.transaction(alone=True) as new:
                _bring(old.connection, new.connection, said)
                target.remake(new)
                _compare(old.connection, new.connection)
                rows = {table.name: fingerprint(new.connection, table).rows for table in TRUTH}
                moved = MovedLedger(
                    events=count_events(new.connection),
                    rows=rows,
                    digest=digest_of_records(new.connection),
                    to=said,
                )
            # There it is durable; from here on nothing more may be written here.
            keep_latest(old.connection, tables.meta, key=MOVED, value=said)
        return moved
    finally:
        target.close()


def copy(source: Connection, to: Place, clock: Clock) -> None:
    """The whole history as one snapshot sees it, into an empty place; replayed and compared there.

    Args:
        source: the snapshot.
        to: another file or schema; all of it is there afterwards, or nothing.
        clock: of the ledger to be.

    Raises:
        TargetNotEmpty: there is another history.
        MoveDiffers: what arrived is not what was sent, or a replay of it gives other tables.
    """
    target = Ledger(to, clock)
    try:
        with target.transaction(alone=True) as new:
            _bring(source, new.connection, target.name)
            target.remake(new)
            _compare(source, new.connection)
    finally:
        target.close()


def require_empty(place: Place) -> None:
    """Refuse a place that has a history, without making one there.

    Raises:
        TargetNotEmpty: there is one.
    """
    with peek(place) as connection:
        if (
            connection is not None
            and inspect(connection).has_table(tables.event.name)
            and size_of(connection)
        ):
            raise TargetNotEmpty(str(place) if isinstance(place, Path) else place.name)


def copy_to_file(source: Connection, path: Path, clock: Clock) -> None:
    """The whole history as one snapshot sees it, as one SQLite file without a log; in a folder of its own.

    Raises:
        MoveDiffers: what came from another database is not what was sent.
    """
    with contextlib.closing(driver().connect(path)) as raw:
        if source.dialect.name == "sqlite":
            source.connection.driver_connection.backup(raw)  # type: ignore[union-attr]
    if source.dialect.name != "sqlite":
        copy(source, path, clock)
    with contextlib.closing(driver().connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")


def _bring(old: Connection, new: Connection, said: str) -> None:
    """Copy every table of truth into an empty ledger; leave one that has the same already."""
    if any(fingerprint(new, table).rows for table in TRUTH):
        if all(fingerprint(new, table) == fingerprint(old, table) for table in TRUTH):
            return
        raise TargetNotEmpty(said)
    for row in old.execute(select(tables.meta)).all():
        if row.key not in OF_THE_DATABASE:
            keep_latest(new, tables.meta, key=row.key, value=row.value)
    for table in TRUTH:
        for rows in _batches(old, table):
            new.execute(insert(table), [dict(row._mapping) for row in rows])


def _compare(old: Connection, new: Connection) -> None:
    """Every table of truth and every projection, row by row; and the records in their order."""
    for table in (*TRUTH, *tables.projected.sorted_tables):
        if fingerprint(old, table) != fingerprint(new, table):
            raise MoveDiffers(table.name)
    if digest_of_records(old) != digest_of_records(new):
        raise MoveDiffers(tables.event.name)


def fingerprint(connection: Connection, table: Table) -> Print:
    """A table's rows as one number: the sum of their digests, so that no order is needed."""
    count = total = 0
    for rows in _batches(connection, table):
        count += len(rows)
        for row in rows:
            total += int.from_bytes(blake3(msgspec.msgpack.encode(list(row))).digest(), "big")
    return Print(count, total % 2**256)


def digest_of_records(connection: Connection) -> str:
    """One digest over the canonical bytes of all events, in their order."""
    hashed = blake3()
    question = select(tables.event.c.record).order_by(tables.event.c.seq)
    for record in connection.execute(question, execution_options={"yield_per": BATCH}).scalars():
        # With their lengths, so that no byte can wander from one record to the next.
        hashed.update(len(record).to_bytes(8, "big") + record)
    return hashed.hexdigest()


def _batches(connection: Connection, table: Table) -> Iterator[list[Row[Any]]]:
    question = select(table).order_by(*table.primary_key.columns)
    for rows in connection.execute(question, execution_options={"yield_per": BATCH}).partitions():
        yield list(rows)
