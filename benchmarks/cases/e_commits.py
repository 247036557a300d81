"""Durable commits a second: one event each through the ledger, beside one bare row each through SQLite."""

import os
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.core.ids import PersonId, new_id
from ropeway.ledger.database import driver
from ropeway.ledger.people import PersonIntroduced
from ropeway.testing import make_workspace

SECONDS = 5.0
BATCH = 100
RECORD_BYTES = 300


def measure(bench: Bench) -> list[Figure]:
    folder = bench.folder("commits")
    bare = {"bare SQLite, WAL, FULL, one row": _bare(bench, folder), "write + fsync": _synced(bench, folder)}
    with make_workspace(folder / "project") as workspace:

        def commit(events: int = 1) -> None:
            with workspace.ledger.transaction() as transaction:
                for _ in range(events):
                    someone = PersonId(new_id("person"))
                    transaction.append(PersonIntroduced(person=someone, name="ana"), actor=someone)

        one = bench.rate(commit, seconds=0.2 if bench.quick else SECONDS)
        many = BATCH * bench.rate(lambda: commit(BATCH), seconds=0.2 if bench.quick else SECONDS)
    return [
        Figure(
            what="ledger, one event a transaction",
            ours=one,
            unit="commits/s",
            beside=bare,
            higher_is_better=True,
            note="an event is a record, its payload, a projection row and three index entries",
        ),
        Figure(
            what=f"ledger, {BATCH} events a transaction",
            ours=many,
            unit="events/s",
            beside={},
            higher_is_better=True,
        ),
    ]


def _bare(bench: Bench, folder: Path) -> float:
    connection = driver().connect(str(folder / "bare.db"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, record BLOB)")
    record = os.urandom(RECORD_BYTES)

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO event (record) VALUES (?)", (record,))
        connection.execute("COMMIT")

    try:
        return bench.rate(commit, seconds=0.2 if bench.quick else SECONDS)
    finally:
        connection.close()


def _synced(bench: Bench, folder: Path) -> float:
    descriptor = os.open(folder / "bare.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    record = os.urandom(RECORD_BYTES)

    def commit() -> None:
        os.write(descriptor, record)
        os.fsync(descriptor)

    try:
        return bench.rate(commit, seconds=0.2 if bench.quick else SECONDS)
    finally:
        os.close(descriptor)


CASE = Case(name="commits", title="Recording events", measure=measure)
