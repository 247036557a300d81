"""Filter and order, the first hundred: how many pass, times how the order goes with the filter."""

import json
import subprocess
from itertools import product
from pathlib import Path

from benchmarks import environments
from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.runs.made import fill
from ropeway.testing import make_workspace
from ropeway.tracking.frame import runs_frame
from ropeway.tracking.search import search_runs
from ropeway.workspace import LocalWorkspace

GOALS_MS = {5_000: 10.0, 100_000: 50.0, 1_000_000: None}
SHARES = {"50 %": 0.5, "1 %": 0.99, "0.01 %": 0.9999}
ORDERS = {"with": "m1", "against": "m2", "apart from": "m3"}
FRAME_MS = 100.0
SCRIPT = Path(__file__).parents[1] / "runs" / "mlflow_store.py"


def measure(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    for count, goal in GOALS_MS.items():
        if bench.quick and count > 5_000:
            continue
        with make_workspace(bench.folder(f"runs-{count}") / "project") as workspace:
            fill(workspace.ledger, count)
            theirs = _mlflow(bench, count) if count == 5_000 else {}
            figures += _cells(bench, workspace, count, goal, theirs)
            if count == 5_000:
                figures.append(_frame(bench, workspace, theirs))
    return figures


def _cells(
    bench: Bench, workspace: LocalWorkspace, count: int, goal: float | None, theirs: dict[str, float | str]
) -> list[Figure]:
    found = []
    for (share, above), (way, key) in product(SHARES.items(), ORDERS.items()):
        where, sort = f"metrics.m0 > {above}", f"-metrics.{key}"
        taken = bench.median_ms(
            lambda where=where, sort=sort: search_runs(workspace, where=where, sort=[sort], limit=100),  # type: ignore[misc]
            times=bench.times(15, 2),
        )
        peer = theirs.get(f"{where} | metrics.{key} DESC", theirs.get("why", ""))
        found.append(
            Figure(
                what=f"top 100 of {count:,} runs; {share} pass; order {way} the filter",
                ours=taken,
                unit="ms",
                beside={"mlflow": peer} if peer != "" else {},
                goal=goal,
                note="all params, tags and metrics of the hundred included",
            )
        )
    worst = max(found, key=lambda figure: figure.ours)
    told = Figure(what=f"worst cell of {count:,} runs", ours=worst.ours, unit="ms", beside={}, goal=goal)
    return [*found, told]


def _frame(bench: Bench, workspace: LocalWorkspace, theirs: dict[str, float | str]) -> Figure:
    taken = bench.median_ms(lambda: runs_frame(workspace), times=bench.times(9, 1))
    beside = {"mlflow (entities, no frame yet)": theirs.get("all", theirs.get("why", ""))}
    return Figure(what="5,000 runs to a frame", ours=taken, unit="ms", beside=beside, goal=FRAME_MS)


def _mlflow(bench: Bench, count: int) -> dict[str, float | str]:
    peer = bench.peer("mlflow")
    if isinstance(peer, str):
        return {"why": peer}
    asked = [
        word
        for above, key in product(SHARES.values(), ORDERS.values())
        for word in (f"metrics.m0 > {above}", f"metrics.{key} DESC")
    ]
    folder, times = bench.folder("mlflow"), bench.times(5, 1)
    words = [peer.python, str(SCRIPT), str(folder), str(count), str(times), *asked]
    done = subprocess.run(words, capture_output=True, check=False, env=environments.QUIET)
    if done.returncode != 0:
        return {"why": done.stderr.decode()[-200:]}
    said = json.loads(done.stdout)
    return {**said["cells"], "all": said["all"]}


CASE = Case(name="search", title="Searching runs", measure=measure)
