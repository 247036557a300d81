"""Rows that may be there already: kept as they are, or as they are now. In SQLite and PostgreSQL alike."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def keep_first(connection: Connection, table: Table, /, *rows: dict[str, Any]) -> None:
    """Insert rows; one whose place (primary key or unique columns) is taken changes nothing."""
    if rows:
        connection.execute(_first(connection.dialect.name, table), list(rows))


def keep_latest(connection: Connection, table: Table, /, **row: Any) -> None:
    """Insert a row; one with the same primary key takes these values instead of its own."""
    connection.execute(_latest(connection.dialect.name, table, tuple(row)), row)


# Built once: putting a statement together costs more than running it.
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
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
