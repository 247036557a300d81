"""Filter and order, the first hundred: how many pass, times how the order goes with the filter."""

import json
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks import environments
from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.runs.made import enliven, fill
from ropeway.testing import make_workspace
from ropeway.tracking.afar.finding import find_tracked
from ropeway.tracking.frame import runs_frame
from ropeway.tracking.search import search_runs
from ropeway.workspace import LocalWorkspace

GOALS_MS = {5_000: 10.0, 100_000: 50.0, 1_000_000: None}
SHARES = {"50 %": 0.5, "1 %": 0.99, "0.01 %": 0.9999}
ORDERS = {"with": "m1", "against": "m2", "apart from": "m3"}
FRAME_MS = 100.0
THEIRS = 5_000
"""So many runs go into the peer's store at the most: with 100,000 it needs minutes for each search."""
LIVING = 100
SCRIPT = Path(__file__).parents[1] / "runs" / "mlflow_store.py"


def measure(bench: Bench, counts: Sequence[int] = (5_000, 100_000)) -> list[Figure]:
    figures: list[Figure] = []
    for count in counts:
        goal = GOALS_MS[count]
        if bench.quick and count > 5_000:
            continue
        with make_workspace(bench.folder(f"runs-{count}") / "project") as workspace:
            fill(workspace.ledger, count)
            theirs = _mlflow(bench, count) if count <= THEIRS else {}
            found = _cells(bench, workspace, count, goal, theirs)
            found += _lists(bench, workspace, count, goal)
            if count == 5_000:
                figures.append(_frame(bench, workspace, theirs))
            enliven(workspace.ledger, LIVING)
            found += _cells(bench, workspace, count, goal, {}, f"; {LIVING} of them log on")
            worst = max(found, key=lambda figure: figure.ours)
            told = f"worst cell of {count:,} runs: {worst.what}"
            figures += [*found, Figure(what=told, ours=worst.ours, unit="ms", beside={}, goal=goal)]
    return figures


def _cells(
    bench: Bench,
    workspace: LocalWorkspace,
    count: int,
    goal: float | None,
    theirs: dict[str, float | str],
    also: str = "",
) -> list[Figure]:
    found = []
    for (share, above), (way, key) in product(SHARES.items(), ORDERS.items()):
        where = f"metrics.m0 > {above}"
        ask = partial(search_runs, workspace, where=where, sort=[f"-metrics.{key}"], limit=100)
        peer = theirs.get(f"{where} | metrics.{key} DESC", theirs.get("why", ""))
        what = f"top 100 of {count:,} runs; {share} pass; order {way} the filter{also}"
        found.append(_figure(bench, what, ask, goal, {"mlflow": peer} if peer != "" else {}))
    return found


def _lists(bench: Bench, workspace: LocalWorkspace, count: int, goal: float | None) -> list[Figure]:
    """What the clients of MLflow ask for all day, and two conditions at once."""
    both = "metrics.m0 > 0.5 and params.p1 = 'adam'"
    half, best = "metrics.m0 > 0.5", ["metrics.m2 DESC"]
    asked = {
        "newest 100": partial(find_tracked, workspace, experiments=["0"], limit=100),
        "50 % pass; order against": partial(
            find_tracked, workspace, experiments=["0"], where=half, sort=best, limit=100
        ),
        "50 % pass a param": partial(
            find_tracked, workspace, experiments=["0"], where="params.p1 = 'adam'", limit=100
        ),
    }
    return [
        *(
            _figure(bench, f"as MLflow's client asks, of {count:,} runs: {name}", ask, goal)
            for name, ask in asked.items()
        ),
        _figure(
            bench,
            f"top 100 of {count:,} runs; 25 % pass two conditions",
            partial(search_runs, workspace, where=both, sort=["-metrics.m2"], limit=100),
            goal,
        ),
        _figure(
            bench,
            f"top 100 of {count:,} runs; order by a param",
            partial(search_runs, workspace, sort=["-params.p2"], limit=100),
            goal,
        ),
    ]


def _figure(
    bench: Bench,
    what: str,
    ask: Callable[[], object],
    goal: float | None,
    beside: dict[str, float | str] | None = None,
) -> Figure:
    return Figure(
        what=what,
        ours=bench.median_ms(ask, times=bench.times(15, 2)),
        unit="ms",
        beside=beside or {},
        goal=goal,
        note="all params, tags and metrics of the hundred included",
    )


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
    folder, times = bench.folder("mlflow"), bench.times(5 if count == 5_000 else 1, 1)
    words = [peer.python, str(SCRIPT), str(folder), str(count), str(times), *asked]
    done = subprocess.run(words, capture_output=True, check=False, env=environments.QUIET)
    if done.returncode != 0:
        return {"why": done.stderr.decode()[-200:]}
    said = json.loads(done.stdout)
    return {**said["cells"], "all": said["all"]}


CASE = Case(name="search", title="Searching runs", measure=measure)
