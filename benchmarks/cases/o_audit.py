"""What tamper evidence costs and gives: proofs of 1,000,000 events, appending with the tree, a check."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Connection, insert

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.core import merkle
from ropeway.core.canonical import canonical
from ropeway.core.clock import to_text
from ropeway.core.ids import EventId, PersonId, new_id
from ropeway.keeping.audit.operations import verify_history
from ropeway.ledger import tables, tree
from ropeway.ledger.people import PersonIntroduced
from ropeway.ledger.record import Record
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

LEAVES, CHECKED = 1_000_000, 100_000
PROOFS = 2_000
BATCH, FILL_BATCH = 100, 10_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
GOAL_MS = 5.0


def measure(bench: Bench) -> list[Figure]:
    folder = bench.folder("audit")
    return [*_proofs(bench, folder), *_appending(bench, folder), _whole(bench, folder)]


def _proofs(bench: Bench, folder: Path) -> list[Figure]:
    leaves, rng = bench.times(LEAVES, 10_000), random.Random(7)
    with make_workspace(folder / "proofs") as workspace:
        _fill(workspace, leaves)
        with workspace.ledger.reading() as connection:
            read = tree.reader(connection)
            root = merkle.root_of(leaves, read)

            def include() -> tuple[int, list[bytes]]:
                index = rng.randrange(leaves)
                return index, merkle.prove_inclusion(index, leaves, read)

            def extend() -> list[bytes]:
                return merkle.prove_consistency(rng.randrange(1, leaves), leaves, read)

            count = bench.times(PROOFS, 100)
            included, extended = _each_ms(include, count), _each_ms(extend, count)
            index, path = include()
            [leaf] = read([merkle.place_of(0, index)])

            def check() -> None:
                assert merkle.verify_inclusion(index, leaves, leaf, path, root)

            checked = _each_ms(check, count)
    return [
        _figure(f"inclusion proof, of {leaves:,} events", included),
        _figure(f"consistency proof, of {leaves:,} events", extended),
        _figure(f"verifying an inclusion proof, of {leaves:,} events", checked),
    ]


def _appending(bench: Bench, folder: Path) -> list[Figure]:
    figures = []
    for events in (1, BATCH):
        rates = {}
        for name in ("with", "without"):
            with make_workspace(folder / f"{name}-{events}") as workspace:
                if name == "without":
                    # Nothing else differs: no leaf is hashed, and no node is written.
                    with _no_tree():
                        rates[name] = events * bench.rate(_commit(workspace, events), seconds=_seconds(bench))
                else:
                    rates[name] = events * bench.rate(_commit(workspace, events), seconds=_seconds(bench))
        figures.append(
            Figure(
                what=f"appending, {events} events a transaction",
                ours=rates["with"],
                unit="events/s",
                beside={"ledger without its tree": rates["without"]},
                higher_is_better=True,
            )
        )
    return figures


def _whole(bench: Bench, folder: Path) -> Figure:
    events = bench.times(CHECKED, 2_000)
    with make_workspace(folder / "whole") as workspace:
        _fill(workspace, events)
        workspace.ledger.rebuild()
        began = time.perf_counter()
        report = verify_history(workspace)
        seconds = time.perf_counter() - began
    assert report.findings == []
    return Figure(
        what=f"ropeway audit verify, of {events:,} events",
        ours=events / seconds,
        unit="events/s",
        beside={},
        higher_is_better=True,
        note="records, columns, payloads, nodes, and a replay of the projections",
    )


def _fill(workspace: LocalWorkspace, count: int) -> None:
    """Events as they would have been written, by fewer statements."""
    with workspace.ledger.transaction() as transaction:
        for first in range(1, count + 1, FILL_BATCH):
            _insert(transaction.connection, range(first, min(count + 1, first + FILL_BATCH)))
        tree.catch_up(transaction.connection, count)


def _insert(connection: Connection, numbers: range) -> None:
    rows = []
    for seq in numbers:
        someone = PersonId(f"person_{seq}")
        record = Record(
            v=1,
            seq=seq,
            id=EventId(f"ev_{seq}"),
            at=to_text(BEGAN + timedelta(seconds=seq)),
            actor=someone,
            auth="none",
            verb="person-introduced",
            subject=f"person:{someone}",
            body={"person": someone},
            payload=None,
        )
        told = {name: getattr(record, name) for name in ("seq", "id", "at", "actor", "verb", "subject")}
        rows.append({**told, "record": canonical(record)})
    connection.execute(insert(tables.event), rows)


def _commit(workspace: LocalWorkspace, events: int) -> Callable[[], None]:
    def commit() -> None:
        with workspace.ledger.transaction() as transaction:
            for _ in range(events):
                someone = PersonId(new_id("person"))
                transaction.append(PersonIntroduced(person=someone, name="ana"), actor=someone)

    return commit


class _no_tree:  # noqa: N801  reads as what it does
    """While it lasts, the ledger keeps no tree."""

    def __enter__(self) -> None:
        self._kept = tree.Growth.add, tree.Growth.write
        tree.Growth.add = lambda *_: None  # type: ignore[method-assign]
        tree.Growth.write = lambda *_: None  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        tree.Growth.add, tree.Growth.write = self._kept  # type: ignore[method-assign]


def _each_ms(work: Callable[[], object], count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def _figure(what: str, times: list[float]) -> Figure:
    p99 = quantiles(times, n=100)[98]
    return Figure(what=what, ours=median(times), unit="ms", beside={}, goal=GOAL_MS, note=f"p99 {p99:.2f} ms")


def _seconds(bench: Bench) -> float:
    return 0.2 if bench.quick else 5.0


CASE = Case(name="audit", title="Tamper evidence", measure=measure)
