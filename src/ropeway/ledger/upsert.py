"""Rows for a table: new ones, and such as may be there already. In SQLite and PostgreSQL alike.

Within a write transaction they may wait to be written together (`ledger/waiting.py`); who asks sees them all.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Table, insert
from sqlalchemy.dialects import sqlite

from ropeway.ledger.waiting import put

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def add(connection: Connection, table: Table, /, **row: Any) -> None:
    """Insert a new row. One whose place is taken is an error, by the transaction's end at the latest."""
    put(connection, _new(table), row)


def keep_first(connection: Connection, table: Table, /, *rows: dict[str, Any]) -> None:
    """Insert rows; one whose place (primary key or unique columns) is taken changes nothing."""
    put(connection, _first(connection.dialect.name, table), *rows)


def keep_latest(connection: Connection, table: Table, /, **row: Any) -> None:
    """Insert a row; one with the same primary key takes these values instead of its own."""
    put(connection, _latest(connection.dialect.name, table, tuple(row)), row)


# Built once: putting a statement together costs more than running it.
@lru_cache(maxsize=1024)
def _new(table: Table) -> Insert:
    return insert(table)


@lru_cache(maxsize=1024)
def _first(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@lru_cache(maxsize=1024)
def _latest(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    statement = _insert(dialect, table)
    key = [column.name for column in table.primary_key.columns]
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=changed)


def _insert(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    if dialect != "postgresql":
        return sqlite.insert(table)
    # Only here: loading it is a twentieth of what a command pays to start.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
