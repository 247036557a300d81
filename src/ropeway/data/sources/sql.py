"""A query on a database, by SQLAlchemy: all of its rows, or those after a cursor.

The database's address with its password stands in an environment variable and nowhere else: not in the
project file, not on record, not in an error. The query runs in a transaction that is rolled back.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from sqlalchemy import NullPool, Row, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from ropeway.data.sources.errors import QueryFailed, SourceUnreachable, SourceUnset
from ropeway.data.sources.state import Fetched, State, rows_in_words
from ropeway.workspace.tables.source import Source

ROWS_AT_ONCE = 10_000
_PLAIN = (bool, int, float, str, bytes, date, datetime, time, timedelta, Decimal, list, dict)


def fetch_rows(name: str, source: Source, state: State) -> Fetched | None:
    """The rows that the query gives now; None where there are none.

    Raises:
        SourceUnset: the environment variable is not.
        SourceUnreachable: the database does not answer.
        QueryFailed: it does not run the query, or the result is no table, or is larger than `max_bytes`.
    """
    address = os.environ.get(source.url_env or "")
    if not address:
        raise SourceUnset(name, source.url_env or "")
    columns, rows = _ask(name, source, state, address)
    if not rows:
        return None
    frame = _frame(name, source, columns, rows)
    if source.cursor is None:
        return Fetched(frame, state, rows_in_words(frame))
    at = columns.index(source.cursor)
    values = [row[at] for piece in rows for row in piece if row[at] is not None]
    if not values:
        raise QueryFailed(name, f"its cursor '{source.cursor}' is missing in every row")
    try:
        moved = state.at(max(values))
    except TypeError as error:
        raise QueryFailed(name, f"'{source.cursor}': {error}") from error
    return Fetched(frame, moved, f"{rows_in_words(frame)}, '{source.cursor}' up to {moved.cursor}")


def _ask(name: str, source: Source, state: State, address: str) -> tuple[list[str], list[Sequence[Row[Any]]]]:
    given = {} if source.cursor is None else {"cursor": state.cursor_value}
    try:
        engine = create_engine(address, poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        # Not the error's own words: they may quote the address.
        reason = f"${source.url_env} holds no address of a database that can be spoken to"
        raise SourceUnreachable(f"source {name}", f"{reason} ({type(error).__name__})") from None
    try:
        with engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(
                text(source.query or ""), given
            )
            columns = list(result.keys())
            return columns, list(_pieces(result.partitions(ROWS_AT_ONCE)))
    except OperationalError as error:
        raise _told(name, error, address, is_reach=True) from None
    except SQLAlchemyError as error:
        raise _told(name, error, address, is_reach=False) from None
    finally:
        engine.dispose()


def _pieces(partitions: Iterator[Sequence[Row[Any]]]) -> Iterator[Sequence[Row[Any]]]:
    yield from partitions


def _told(
    name: str, error: SQLAlchemyError, address: str, *, is_reach: bool
) -> QueryFailed | SourceUnreachable:
    """What the driver said, without the password."""
    said = str(getattr(error, "orig", None) or error).splitlines()
    reason = said[0] if said else type(error).__name__
    password = make_url(address).password
    if password:
        reason = reason.replace(str(password), "***")
    # SQLite calls a mistake in the query an operational error too.
    if is_reach and not any(word in reason for word in ("no such", "syntax error", "ambiguous")):
        return SourceUnreachable(f"source {name}", reason)
    return QueryFailed(name, reason)


def _frame(name: str, source: Source, columns: list[str], rows: list[Sequence[Row[Any]]]) -> pl.DataFrame:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise QueryFailed(name, f"it gives two columns of the name '{twice[0]}'")
    if source.cursor is not None and source.cursor not in columns:
        raise QueryFailed(name, f"it gives no column '{source.cursor}', which is its cursor")
    pieces: list[pl.DataFrame] = []
    size = 0
    for piece in rows:
        plain = [tuple(map(_plain, row)) for row in piece]
        pieces.append(pl.DataFrame(plain, schema=columns, orient="row", infer_schema_length=None))
        size += int(pieces[-1].estimated_size())
        if size > source.max_bytes:
            raise QueryFailed(name, f"it gives more than {source.max_bytes:,} bytes (`max_bytes`)")
    return pl.concat(pieces, how="vertical_relaxed")


def _plain(value: Any) -> Any:
    """A value that a table can hold; what a driver makes of its own types (UUIDs, addresses) as text."""
    return value if value is None or isinstance(value, _PLAIN) else str(value)
