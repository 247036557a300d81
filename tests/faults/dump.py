"""Everything that can be read from a SQLite ledger, as text: what two databases differ in, if they do.

Every row of every table by a walk over the table, the same by each index alone, and what SQLite understands
of the schema: columns, indexes, triggers, encoding. What is not here can be read by nobody.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ropeway.ledger.database import driver

Dump = dict[str, list[str]]


def dump_of(home: Path, names: Sequence[str]) -> Dump | None:
    """What stands in a copy of the database; None where it cannot be read.

    Args:
        home: the workspace's folder.
        names: the database file, with its log or without.
    """
    module = driver()
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            if (home / name).exists():
                shutil.copyfile(home / name, Path(scratch) / name)
        try:
            connection = module.connect(Path(scratch) / "ledger.db")
            try:
                return {name: sorted(map(repr, rows)) for name, rows in _parts(connection)}
            finally:
                connection.close()
        except (module.Error, sqlite3.Error, UnicodeDecodeError):
            return None


def _parts(connection: Any) -> Iterator[tuple[str, list[Any]]]:
    def ask(question: str, *words: str) -> list[Any]:
        return list(connection.execute(question, words))

    yield "encoding", ask("PRAGMA encoding")
    yield "names", ask("SELECT type, name, tbl_name FROM sqlite_master")
    triggers = ask("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    yield "triggers", [(name, " ".join(sql.split())) for name, sql in triggers]
    for (table,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
        yield table, ask(f'SELECT * FROM "{table}" NOT INDEXED')
        yield f"columns of {table}", ask("SELECT * FROM pragma_table_info(?)", table)
        for index in ask('SELECT name, "unique" FROM pragma_index_list(?)', table):
            columns = ask("SELECT * FROM pragma_index_xinfo(?)", index[0])
            yield f"columns of {index}", columns
            listed = ", ".join(f'"{column[2]}"' for column in columns if column[5] and column[2])
            if listed:
                question = f'SELECT {listed}, rowid FROM "{table}" INDEXED BY "{index[0]}"'
                yield f"index {index[0]}", ask(f"{question} ORDER BY {listed}")
