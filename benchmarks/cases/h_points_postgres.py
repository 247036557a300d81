"""Points into PostgreSQL on a disk, beside COPY into a bare table; and two servers at once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.postgres import PostgresServer, find_program

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.points.afar import Sent, begin, send, served, told
from benchmarks.points.copied import copied_per_s
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.tracking.start import start_run

CLIENTS = 4
BATCHES = (1_000, 10_000)
STALL_MS = 40
"""What a kernel that waits to acknowledge adds, where an answer goes out in two pieces."""


def measure(bench: Bench) -> list[Figure]:
    if find_program("postgres") is None:
        return []
    with _database() as database:
        copied = {points: copied_per_s(bench, database.schema(), CLIENTS, points) for points in BATCHES}
        figures = []
        for points in BATCHES:
            (sent,) = _sent(bench, [bench.folder(f"postgres-{points}")], database.schema(), points)
            figures.append(_rate(sent, points, copied[points]))
        folders = [bench.folder(name) for name in ("postgres-one", "postgres-two")]
        figures.append(_kept("one ledger in PostgreSQL", _sent(bench, folders, database.schema(), 0)))
    one = bench.folder("sqlite-two")
    return [*figures, _kept("one folder", _sent(bench, [one, one], None, 0))]


@contextmanager
def _database() -> Iterator[PostgresServer]:
    database = PostgresServer(on_disk=True)
    try:
        yield database
    finally:
        database.destroy()


def _sent(bench: Bench, folders: list[Path], ledger: str | None, points: int) -> list[Sent]:
    """Batches sent to as many servers at once as there are folders, each by its share of the clients."""
    toml = f'{MINIMAL_PROJECT}\n[workspace]\nledger = "{ledger}"\n' if ledger else MINIMAL_PROJECT
    for folder in set(folders):
        make_workspace(folder, toml=toml).close()
    with make_workspace(folders[0], toml=toml) as workspace, start_run(workspace) as run:
        pass
    share = CLIENTS // len(folders)
    with ExitStack() as stack:
        ports = [stack.enter_context(served(folder)) for folder in folders]
        if len(ports) == 1:
            return [send(bench, ports[0], run.id, clients=share, points=points)]
        return [
            told(each)
            for each in [begin(bench, port, run.id, clients=share, points=points) for port in ports]
        ]


def _rate(sent: Sent, points: int, copied: float) -> Figure:
    return Figure(
        what=f"points over HTTP into PostgreSQL in batches of {points:,}, {CLIENTS} clients, durable",
        ours=sent.per_s * points,
        unit="points/s",
        beside={"COPY into a bare table, one transaction a batch": copied},
        note=sent.note,
    )


def _kept(where: str, sent: list[Sent]) -> Figure:
    return Figure(
        what=f"a small answer of two servers of {where}, {CLIENTS} kept connections, the slowest 1 %",
        ours=max(each.p99_ms for each in sent),
        unit="ms",
        beside={"the median": max(each.p50_ms for each in sent)},
        goal=STALL_MS,
        note="; ".join(f"{each.per_s:.0f} requests a second, {each.note}" for each in sent),
    )


CASE = Case(name="points-postgres", title="Points from afar, in PostgreSQL", measure=measure)
