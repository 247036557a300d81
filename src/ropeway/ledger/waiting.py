"""Rows that wait to be written: many in one statement, and none later than the next question.

To send a statement costs more than to write a row. So what is only ever added waits in memory, beside its
connection, until the transaction ends or anybody asks anything on that connection: no reader can tell.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Float,
    Insert,
    Integer,
    LargeBinary,
    String,
    event,
)
from sqlalchemy.dialects import sqlite

MAX_ROWS = 1_000
AS_THEY_ARE = frozenset({BigInteger, Boolean, Float, Integer, LargeBinary, String})
"""Types whose values a driver takes without SQLAlchemy's help."""

Row = Mapping[str, Any]


class _Pile(NamedTuple):
    """Rows of one table that one statement writes."""

    statement: Insert
    columns: tuple[str, ...]
    rows: list[Row]


class Waiting:
    """The rows that wait on one connection, in the order of asking within each table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._piles: dict[str, _Pile] = {}

    def add(self, statement: Insert, row: Row) -> None:
        """Let a row wait. The statement inserts one, has no values of its own, and is built once."""
        table = statement.table.name
        columns = tuple(row)
        pile = self._piles.get(table)
        if pile is None or pile.statement is not statement or pile.columns != columns:
            self._write(table)
            pile = self._piles[table] = _Pile(statement, columns, [])
        pile.rows.append(row)
        if len(pile.rows) >= MAX_ROWS:
            self._write(table)

    def write(self) -> None:
        """Write whatever waits."""
        while self._piles:
            self._write(next(iter(self._piles)))

    def forget(self) -> None:
        """Drop whatever waits."""
        self._piles.clear()

    def _write(self, table: str) -> None:
        # Out of the pile first: to send it is a question too.
        pile = self._piles.pop(table, None)
        if pile is not None:
            send(self._connection, pile.statement, pile.rows)


_waiting: WeakKeyDictionary[Connection, Waiting] = WeakKeyDictionary()


def let_wait(connection: Connection) -> Waiting:
    """From here on rows may wait on this connection."""
    _waiting[connection] = made = Waiting(connection)
    return made


def put(connection: Connection, statement: Insert, *rows: Row) -> None:
    """Insert rows: with others, where rows may wait; else at once."""
    waiting = _waiting.get(connection)
    if waiting is not None:
        for row in rows:
            waiting.add(statement, row)
    elif rows:
        send(connection, statement, rows)


def write_before_questions(engine: Engine) -> None:
    """See to it that nobody asks on a connection of this engine past the rows that wait there."""

    @event.listens_for(engine, "before_cursor_execute")
    def _write(connection: Connection, *_: object) -> None:
        waiting = _waiting.get(connection)
        if waiting is not None:
            waiting.write()


def send(connection: Connection, statement: Insert, rows: Sequence[Row]) -> None:
    """Insert rows of the same columns, at once."""
    known = _in_sqlite(statement, tuple(rows[0])) if connection.dialect.name == "sqlite" else None
    if known is None:
        connection.execute(statement, list(rows))
        return
    written, columns = known
    connection.exec_driver_sql(written, [tuple([row[name] for name in columns]) for row in rows])


@lru_cache(maxsize=1024)
def _in_sqlite(statement: Insert, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """The statement in SQLite's words, and the order of its values; None where a type needs more."""
    if any(type(statement.table.columns[name].type) not in AS_THEY_ARE for name in columns):
        return None
    dialect = sqlite.dialect()
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    places = tuple(compiled.positiontup or ())
    return (str(compiled), places) if sorted(places) == sorted(columns) else None
