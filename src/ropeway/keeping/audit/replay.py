"""The projections against a replay: every table as the events make it, in a database of its own."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, event, select
from sqlalchemy.exc import DBAPIError

from ropeway.core.ids import new_id
from ropeway.keeping.audit.findings import Findings
from ropeway.ledger import Ledger, projected, projections
from ropeway.ledger.database import driver
from ropeway.ledger.making import make
from ropeway.ledger.move import fingerprint
from ropeway.ledger.waiting import let_wait, write_before_questions

SHOWN = 3


def compare_projections(ledger: Ledger, connection: Connection, folder: Path, findings: Findings) -> None:
    """Replay all events beside the ledger, and hold each table against what it should be.

    Writers are not held up: both sides are of one snapshot.

    Args:
        ledger: in a file or in PostgreSQL.
        connection: the snapshot.
        folder: where the replay's own database may lie meanwhile.
        findings: where differences go; what erasure took is `erased` on both sides, and none.
    """
    scratch = folder / new_id("replay")
    scratch.mkdir(mode=0o700, parents=True)
    engine = create_engine(f"sqlite+pysqlite:///{scratch / 'replay.db'}", module=driver())

    write_before_questions(engine)

    # Nothing of it is kept: a crash may take it.
    @event.listens_for(engine, "connect")
    def _configure(raw: Any, _record: object) -> None:
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA journal_mode=OFF")

    try:
        with engine.begin() as replayed:
            if _has_replayed(ledger, connection, replayed, findings):
                for table in projected.sorted_tables:
                    _compare(table, connection, replayed, findings)
    finally:
        engine.dispose()
        shutil.rmtree(scratch, ignore_errors=True)


def _has_replayed(ledger: Ledger, connection: Connection, replayed: Connection, findings: Findings) -> bool:
    make(replayed, projected)
    seq, waiting = 0, let_wait(replayed)
    try:
        for fact in ledger.facts(connection):
            seq = fact.seq
            projections.apply(fact, replayed)
        waiting.write()
    # Any handler of any room may trip over an event that should not be there.
    except Exception as error:  # noqa: BLE001
        findings.add("event", f"the events cannot be replayed: {error}", seq + 1)
        return False
    return True


def _compare(table: Table, connection: Connection, replayed: Connection, findings: Findings) -> None:
    try:
        # Sums first: rows are held beside each other only where a table differs.
        if fingerprint(connection, table) == fingerprint(replayed, table):
            return
    # A value that no text, JSON or number can be made of any more.
    except (DBAPIError, ValueError) as error:
        findings.add("projection", f"'{table.name}' cannot be read: {error}")
        return
    stands = Counter(_plain(row) for row in connection.execute(select(table)))
    stands.subtract(Counter(_plain(row) for row in replayed.execute(select(table))))
    added = [row for row, count in stands.items() if count > 0]
    lost = [row for row, count in stands.items() if count < 0]
    wrong = [f"has {len(added)} rows that no event made ({_few(added)})"] if added else []
    if lost:
        wrong.append(f"lacks {len(lost)} rows that events made ({_few(lost)})")
    findings.add("projection", f"'{table.name}' {' and '.join(wrong)}")


def _few(rows: list[tuple[Any, ...]]) -> str:
    return "; ".join(sorted(map(repr, rows))[:SHOWN])


def _plain(row: Any) -> tuple[Any, ...]:
    """A row that can be counted."""
    return tuple(repr(value) if isinstance(value, dict | list) else value for value in row)
