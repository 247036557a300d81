"""Durable commits a second, by one writer and by eight at once, beside one bare row each through SQLite.

Eight writers are threads of one process, as in a server. Over HTTP the eight are connections of a process of
their own, and each request is a command that records a run, in the way of any other command.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.core.ids import PersonId, new_id
from ropeway.ledger.database import driver
from ropeway.ledger.people import PersonIntroduced
from ropeway.testing import make_workspace

HERE = Path(__file__).resolve().parents[1] / "commits"
SECONDS = 5.0
WRITERS, TEN, BATCH = 8, 10, 100
GOAL_EVENTS = 10_000
REPLAYED, GOAL_REPLAY = 200_000, 50_000
RECORD_BYTES = 300


def measure(bench: Bench) -> list[Figure]:
    folder = bench.folder("commits")
    bare = {"bare SQLite, WAL, FULL, one row": _bare(bench, folder), "write + fsync": _synced(bench, folder)}
    seconds = 0.2 if bench.quick else SECONDS
    with make_workspace(folder / "project") as workspace:

        def commit(events: int = 1) -> None:
            with workspace.ledger.transaction() as transaction:
                for _ in range(events):
                    someone = PersonId(new_id("person"))
                    transaction.append(PersonIntroduced(person=someone, name="ana"), actor=someone)

        one = bench.rate(commit, seconds=seconds)
        many = BATCH * bench.rate(lambda: commit(BATCH), seconds=seconds)
        together = _at_once(commit, seconds)
        ten = TEN * _at_once(lambda: commit(TEN), seconds)
        hundred = BATCH * _at_once(lambda: commit(BATCH), seconds)
        commit(1)
    return [
        _figure("one writer, one event a transaction", one, bare, note=NOTE),
        _figure(f"one writer, {BATCH} events a transaction", many, {}, unit="events/s"),
        _figure(f"{WRITERS} writers, one event a transaction", together, bare),
        _figure(f"{WRITERS} writers, {TEN} events a transaction", ten, {}, unit="events/s", goal=GOAL_EVENTS),
        _figure(
            f"{WRITERS} writers, {BATCH} events a transaction", hundred, {}, unit="events/s", goal=GOAL_EVENTS
        ),
        *_over_http(folder / "served", seconds, bare),
        _replay(bench, folder / "replayed"),
    ]


NOTE = "an event is a record, its payload, a node of the tree, a projection row and their index entries"


def _figure(
    what: str,
    ours: float,
    beside: dict[str, float | str],
    *,
    unit: str = "commits/s",
    goal: float | None = None,
    note: str = "",
) -> Figure:
    return Figure(what=what, ours=ours, unit=unit, beside=beside, goal=goal, higher_is_better=True, note=note)


def _at_once(work: Callable[[], object], seconds: float) -> float:
    """How often a second some work is done by all writers together."""
    work()
    done = [0] * WRITERS
    began = time.perf_counter()

    def write(number: int) -> None:
        while time.perf_counter() - began < seconds:
            work()
            done[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - began)


def _over_http(folder: Path, seconds: float, bare: dict[str, float | str]) -> list[Figure]:
    make_workspace(folder).close()
    command = [sys.executable, str(HERE / "serve.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port, code, environment = server.stdout.readline().split()
            figures = []
            for connections in (1, WRITERS):
                load = [sys.executable, str(HERE / "load.py"), port, code, environment, str(connections)]
                said = subprocess.run(
                    [*load, str(seconds)], check=True, capture_output=True, text=True
                ).stdout.split()
                figures.append(
                    _figure(
                        f"commands over HTTP, {connections} client{'s' if connections > 1 else ''}",
                        float(said[0]),
                        bare,
                        note=f"p50 {said[1]} ms, p99 {said[2]} ms, {said[3]} failed, beside the server",
                    )
                )
            return figures
        finally:
            server.terminate()


def _replay(bench: Bench, folder: Path) -> Figure:
    events = bench.times(REPLAYED, 2_000)
    with make_workspace(folder) as workspace:
        with workspace.ledger.transaction() as transaction:
            for _ in range(events):
                someone = PersonId(new_id("person"))
                transaction.append(PersonIntroduced(person=someone, name="ana"), actor=someone)
        began = time.perf_counter()
        assert workspace.ledger.rebuild() == events
        rate = events / (time.perf_counter() - began)
    return _figure(f"replay of {events:,} events", rate, {}, unit="events/s", goal=GOAL_REPLAY)


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
