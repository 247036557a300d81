"""What the loop costs the answers: one row over HTTP with its log, and with a shadow, beside neither.

Four services of the same model run at once and are asked in turns, a moment each, so that whatever else
the machine does falls on all of them alike. What a shadow is still to be asked is waited for after its turn:
else the others would pay for it. Two of the four have neither log nor shadow: by how much one of them differs
from the other is what the machine adds by itself, and no figure here is surer than that.
"""

import http.client
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure
from benchmarks.cases.h_answer import CONNECTIONS, _first_line, _process
from benchmarks.load import Load, post_load
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.examples import copy_template
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

SCRIPT = Path(__file__).resolve().parents[1] / "monitored" / "serve.py"
SECONDS = 1.5
ROUNDS = 16
DRAIN_S = 60.0
GOAL_PERCENT = 5.0
RESAMPLES = 300
BARE, AGAIN, MONITORED, SHADOWED = WAYS = ("bare", "again", "monitored", "shadowed")
SAID = {
    AGAIN: "nothing, a second time",
    MONITORED: "log, entity and segments by age",
    SHADOWED: "the same, and a shadow asked every row",
}


def measure(bench: Bench) -> list[Figure]:
    root = bench.folder("tweets")
    texts = _train(root)
    bodies = {way: [_body(way, n, text) for n, text in enumerate(texts)] for way in WAYS}
    seconds, rounds = (0.3, 1) if bench.quick else (SECONDS, ROUNDS)
    figures = []
    with ExitStack() as stack:
        ports = {way: _start(stack, root, way) for way in WAYS}
        for connections in CONNECTIONS:
            taken: dict[str, list[Load]] = {way: [] for way in WAYS}
            for turn in range(rounds):
                # Each way has each place equally often.
                first = turn % len(WAYS)
                for way in WAYS[first:] + WAYS[:first]:
                    taken[way].append(_load(ports[way], bodies[way], connections, seconds))
                    _wait_until_asked(ports[way])
            figures += [each for way in SAID for each in _figures(way, connections, taken)]
    return figures


def _figures(way: str, connections: int, taken: dict[str, list[Load]]) -> Iterator[Figure]:
    """What a way costs over bare, by all requests of all rounds; and between what, by drawing rounds anew."""
    rounds, draw = len(taken[BARE]), np.random.default_rng(0)
    again = [draw.integers(0, rounds, rounds) for _ in range(RESAMPLES)]
    at = f"{connections} connection{'s' if connections > 1 else ''}"
    for name, of in MEASURED.items():
        added = of(taken[way], taken[BARE])
        drawn = [of([taken[way][i] for i in one], [taken[BARE][i] for i in one]) for one in again]
        low, high = np.quantile(drawn, (0.025, 0.975))
        yield Figure(
            what=f"{SAID[way]}, {at}: {name}",
            ours=added * 100,
            unit="%",
            beside={"between": f"{low * 100:.1f} and {high * 100:.1f}"},
            goal=None if way == AGAIN else GOAL_PERCENT,
            note=f"{_says(taken[way])}; without: {_says(taken[BARE])}" if name == FIRST else "",
        )


def _quantile_added(loads: list[Load], bare: list[Load], share: float) -> float:
    ours, theirs = (np.concatenate([each.each_ms for each in some]) for some in (loads, bare))
    return float(np.quantile(ours, share) / np.quantile(theirs, share) - 1)


FIRST = "added to p50"
MEASURED: dict[str, Callable[[list[Load], list[Load]], float]] = {
    FIRST: lambda loads, bare: _quantile_added(loads, bare, 0.5),
    "added to p99": lambda loads, bare: _quantile_added(loads, bare, 0.99),
    "fewer requests a second": lambda loads, bare: 1 - _per_s(loads) / _per_s(bare),
}


def _per_s(loads: list[Load]) -> float:
    return statistics.mean(load.per_s for load in loads)


def _says(loads: list[Load]) -> str:
    p50, p99, per_s = (
        statistics.median(getattr(load, name) for load in loads) for name in ("p50_ms", "p99_ms", "per_s")
    )
    failed = sum(load.failed for load in loads)
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {per_s:,.0f} a second, {failed} failed"


def _train(root: Path) -> list[str]:
    """The tweets project as far as two registered versions; gives its texts."""
    copy_template("tweets", root)
    with LocalWorkspace(root, actor="ana") as workspace:
        add(workspace, root / "data" / "tweets.parquet", name="ratings")
        import_ratings(workspace, "sentiment")
        snapshot(workspace, "sentiment")
        for c in ("5", "2"):
            run = run_pipeline(workspace, overrides={"c": c, "balanced": "true"})
            register(workspace, run.run, name="sentiment")
        texts: list[str] = load(workspace, resolve(workspace, "tweets"))["text"].to_list()
    return texts


def _body(way: str, number: int, text: str) -> bytes:
    more = {} if way in (BARE, AGAIN) else {"customer": f"c{number % 500}", "id": number}
    return msgspec.json.encode({"text": text, **more})


def _start(stack: ExitStack, root: Path, way: str) -> int:
    child = stack.enter_context(_process([sys.executable, str(SCRIPT), str(root), way]))
    return int(_first_line(child).rpartition(":")[2])


def _load(port: int, bodies: list[bytes], connections: int, seconds: float) -> Load:
    return post_load(
        "127.0.0.1",
        port,
        "/predict",
        lambda n: bodies[n % len(bodies)],
        connections=connections,
        seconds=seconds,
    )


def _wait_until_asked(port: int) -> None:
    """Until no row waits for a shadow."""
    ends = time.monotonic() + DRAIN_S
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DRAIN_S)
    try:
        while time.monotonic() < ends:
            connection.request("GET", "/health")
            if not msgspec.json.decode(connection.getresponse().read())["mirrored_rows_waiting"]:
                return
            time.sleep(0.05)
    finally:
        connection.close()
    raise CaseFailed("the shadow was not asked in time")


CASE = Case(name="monitored", title="Answering while watched", measure=measure)
