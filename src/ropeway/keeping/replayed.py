"""Are the tables that answer questions what the events say? A copy is replayed and held against them."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ropeway.core.errors import RopewayError
from ropeway.core.ids import new_id
from ropeway.ledger import Ledger, projected, projections
from ropeway.ledger.database import driver
from ropeway.workspace import Context
from ropeway.workspace.finding import Finding


def check_projections(context: Context) -> list[Finding]:
    """Replay every event in a copy of the ledger, and compare row by row; writers are not held up.

    Of a ledger in a file; `audit verify` does the same for any.
    """
    if not isinstance(context.ledger.place, Path):
        return []
    scratch = context.home / "tmp" / new_id("replay")
    scratch.mkdir(mode=0o700)
    try:
        was, now = scratch / "was.db", scratch / "now.db"
        copy_database(context.ledger.place, was)
        shutil.copyfile(was, now)
        is_of_this_release = _shape_in(was) == projections.shape()
        ledger = Ledger(now, context.clock)
        try:
            ledger.rebuild()
        finally:
            ledger.close()
        # Of tables of another release, which this one would make anew, nothing can be said.
        return list(_differences(was, now)) if is_of_this_release else []
    # Whatever an event does that is not as it was written: it is said, and the check of the rest goes on.
    except (RopewayError, ValueError, TypeError, LookupError, ArithmeticError, driver().Error) as error:
        return [Finding(what=f"the events cannot be replayed: {error}")]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy_database(source: Path, target: Path) -> None:
    """One consistent copy of a SQLite database while it is written to, with what is still in its log."""
    module = driver()
    with (
        contextlib.closing(module.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as there,
        contextlib.closing(module.connect(target)) as here,
    ):
        there.backup(here)
    target.chmod(0o600)


def _shape_in(path: Path) -> str | None:
    """What the database says of which release its tables of answers are."""
    with contextlib.closing(driver().connect(path)) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'projections'").fetchone()
        return None if row is None else str(row[0])


def _differences(was: Path, now: Path) -> Iterator[Finding]:
    with contextlib.closing(driver().connect(was)) as connection:
        connection.execute("ATTACH ? AS replayed", (str(now),))
        for table in projected.sorted_tables:
            lost = _count(connection, table.name, "replayed", "main")
            extra = _count(connection, table.name, "main", "replayed")
            if lost or extra:
                yield Finding(
                    what=f"the table '{table.name}' is not what the events say: {lost} rows are missing or "
                    f"changed, {extra} should not be so",
                    is_derived=True,
                )


def _count(connection: Any, table: str, one: str, other: str) -> int:
    """How many distinct rows a table has in one database and not in the other."""
    query = f'SELECT count(*) FROM (SELECT * FROM {one}."{table}" EXCEPT SELECT * FROM {other}."{table}")'
    found: int = connection.execute(query).fetchone()[0]
    return found
