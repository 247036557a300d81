"""The projections against a replay: every table as the events make it, in a database of its own."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, select

from ropeway.keeping.audit.findings import Findings
from ropeway.ledger import Ledger, projected, projections
from ropeway.ledger.database import driver

SHOWN = 3


def compare_projections(ledger: Ledger, connection: Connection, findings: Findings) -> None:
    """Replay all events beside the ledger, and hold each table against what it should be."""
    with tempfile.TemporaryDirectory(prefix="ropeway-audit-") as folder:
        engine = create_engine(f"sqlite+pysqlite:///{Path(folder) / 'replay.db'}", module=driver())

        # Nothing of it is kept: a crash may take it.
        @event.listens_for(engine, "connect")
        def _configure(raw: Any, _record: object) -> None:
            raw.execute("PRAGMA synchronous=OFF")
            raw.execute("PRAGMA journal_mode=OFF")

        try:
            with engine.begin() as scratch:
                _compare(ledger, connection, scratch, findings)
        finally:
            engine.dispose()


def _compare(ledger: Ledger, connection: Connection, scratch: Connection, findings: Findings) -> None:
    projected.create_all(scratch, checkfirst=False)
    seq = 0
    try:
        for fact in ledger.facts(connection):
            seq = fact.seq
            projections.apply(fact, scratch)
    # Any handler of any room may trip over an event that should not be there.
    except Exception as error:  # noqa: BLE001
        findings.add("projection", f"the events cannot be replayed after {seq}: {error}", seq + 1)
        return
    for table in projected.sorted_tables:
        stands = Counter(_plain(row) for row in connection.execute(select(table)))
        stands.subtract(Counter(_plain(row) for row in scratch.execute(select(table))))
        added = [row for row, count in stands.items() if count > 0]
        lost = [row for row, count in stands.items() if count < 0]
        if added:
            findings.add(
                "projection", f"'{table.name}' has {len(added)} rows that no event made: {_few(added)}"
            )
        if lost:
            findings.add(
                "projection", f"'{table.name}' lacks {len(lost)} rows that events made: {_few(lost)}"
            )


def _few(rows: list[tuple[Any, ...]]) -> str:
    return "; ".join(sorted(map(repr, rows))[:SHOWN])


def _plain(row: Any) -> tuple[Any, ...]:
    """A row that can be counted."""
    return tuple(repr(value) if isinstance(value, dict | list) else value for value in row)
