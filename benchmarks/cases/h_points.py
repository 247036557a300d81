"""Points from afar: acknowledged durable over HTTP, sealed, and read again; and what one costs at rest."""

import subprocess
from pathlib import Path

import numpy as np

from benchmarks import environments
from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.points.afar import send, served
from ropeway.core.ids import RunId
from ropeway.stats.thinned import thinned
from ropeway.testing import make_workspace
from ropeway.tracking.afar.finding import metric_history
from ropeway.tracking.history import history
from ropeway.tracking.live import append_points
from ropeway.tracking.operations import seal_points
from ropeway.tracking.projections import run_segment
from ropeway.tracking.series import Series
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[1]
BATCHES = (1_000, 10_000)
CLIENTS = 4
HISTORY = 100_000
LARGE = 1_000_000
DRAWN = 2_000
GOAL_HTTP, GOAL_BYTES, GOAL_HISTORY_MS, GOAL_DRAWN_MS = 250_000, 12, 50, 100


def measure(bench: Bench) -> list[Figure]:
    folder = bench.folder("points")
    return [*_over_http(bench, folder / "served"), *_at_rest(bench, folder / "rest")]


def _over_http(bench: Bench, folder: Path) -> list[Figure]:
    with make_workspace(folder) as workspace, start_run(workspace) as run:
        pass
    with served(folder) as port:
        return [
            Figure(
                what=f"points over HTTP in batches of {points:,}, {CLIENTS} clients, acknowledged durable",
                ours=sent.per_s * points,
                unit="points/s",
                beside={},
                goal=GOAL_HTTP,
                higher_is_better=True,
                note=sent.note,
            )
            for points in BATCHES
            for sent in (send(bench, port, run.id, clients=CLIENTS, points=points),)
        ]


def _at_rest(bench: Bench, folder: Path) -> list[Figure]:
    count, large = bench.times(HISTORY, 10_000), bench.times(LARGE, 20_000)
    with make_workspace(folder) as workspace:
        small = _filled(workspace, count, at_once=100)
        waiting_ms = _read_ms(bench, workspace, small, "loss")
        theirs = _mlflow_ms(bench, count)
        big = _filled(workspace, large, at_once=10_000)
        seal_points(workspace, run=big)
        seal_points(workspace, run=small)
        with workspace.ledger.reading() as connection:
            digests = connection.execute(run_segment.select()).all()
        bytes_a_point = sum(workspace.store.size(row.digest) for row in digests) / (count + large)
        return [
            Figure(
                what="bytes a point at rest",
                ours=bytes_a_point,
                unit="bytes",
                beside={},
                goal=GOAL_BYTES,
                note="random values, times that jitter, steps of one",
            ),
            *(
                Figure(what=what, ours=taken, unit="ms", beside=beside, goal=goal)
                for what, taken, goal, beside in (
                    (f"history of {count:,} points that wait", waiting_ms, GOAL_HISTORY_MS, {}),
                    (
                        f"history of {count:,} points at rest",
                        _read_ms(bench, workspace, small, "loss"),
                        GOAL_HISTORY_MS,
                        {"mlflow (its store)": theirs},
                    ),
                    (
                        f"a page of 25,000 of {count:,} points, as MLflow's client asks",
                        _page_ms(bench, workspace, small),
                        GOAL_HISTORY_MS,
                        {},
                    ),
                    (
                        f"history of {large:,} points at rest",
                        _read_ms(bench, workspace, big, "loss"),
                        None,
                        {},
                    ),
                    (
                        f"{large:,} points at rest to {DRAWN:,}, extremes kept",
                        _read_ms(bench, workspace, big, "loss", drawn=DRAWN),
                        GOAL_DRAWN_MS,
                        {},
                    ),
                )
            ),
        ]


def _mlflow_ms(bench: Bench, count: int) -> float | str:
    peer = bench.peer("mlflow")
    if isinstance(peer, str):
        return peer
    script, folder = HERE / "runs" / "mlflow_history.py", bench.folder("mlflow-history")
    words = [peer.python, str(script), str(folder), str(count), str(bench.times(3, 1))]
    done = subprocess.run(words, capture_output=True, check=False, env=environments.QUIET)
    return float(done.stdout) if done.returncode == 0 else done.stderr.decode()[-200:]


def _page_ms(bench: Bench, workspace: LocalWorkspace, run: RunId) -> float:
    return bench.median_ms(
        lambda: metric_history(workspace, run=run, key="loss", limit=25_000, after=25_000),
        times=bench.times(15, 3),
    )


def _filled(workspace: LocalWorkspace, count: int, *, at_once: int) -> RunId:
    """A run with one metric, which came in batches."""
    random = np.random.default_rng(0)
    with start_run(workspace) as run:
        pass
    for first in range(0, count, at_once):
        step = np.arange(first, min(first + at_once, count))
        rows = Series(
            ["loss"],
            np.zeros(step.size, dtype=np.int32),
            1_700_000_000_000_000 + 1_000 * step + random.integers(0, 500, step.size),
            step,
            random.random(step.size),
            np.ones(step.size, dtype=bool),
        )
        with workspace.ledger.transaction() as transaction:
            append_points(transaction, run.id, rows)
    return run.id


def _read_ms(bench: Bench, workspace: LocalWorkspace, run: RunId, key: str, drawn: int = 0) -> float:
    def read() -> None:
        with workspace._context() as context:
            found = history(context, run, key).ordered()
            if drawn:
                found.take(thinned(found.value, points=drawn))

    return bench.median_ms(read, times=bench.times(15, 3))


CASE = Case(name="points", title="Points from afar", measure=measure)
