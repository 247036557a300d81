"""What the loop costs the answers: one row over HTTP with its log, and with a shadow, beside neither.

Four services of the same model run at once and are asked in turns, two seconds each, so that whatever else
the machine does falls on all of them alike. What a shadow is still to be asked is waited for after its turn:
else the others would pay for it. Two of the four have neither log nor shadow: by how much one of them differs
from the other is what the machine adds by itself, and no figure here is surer than that.
"""

import http.client
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

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
SECONDS = 2.0
ROUNDS = 16
DRAIN_S = 60.0
GOAL_PERCENT = 5.0
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
            figures += [_figure(way, connections, taken) for way in SAID]
    return figures


def _figure(way: str, connections: int, taken: dict[str, list[Load]]) -> Figure:
    """What a way costs, each round's figure over that round's without."""
    pairs = list(zip(taken[way], taken[BARE], strict=True))
    more_p50 = statistics.median(one.p50_ms / bare.p50_ms - 1 for one, bare in pairs) * 100
    more_p99 = statistics.median(one.p99_ms / bare.p99_ms - 1 for one, bare in pairs) * 100
    less = statistics.median(1 - one.per_s / bare.per_s for one, bare in pairs) * 100
    return Figure(
        what=f"{SAID[way]}, {connections} connection{'s' if connections > 1 else ''}: added to p50",
        ours=more_p50,
        unit="%",
        beside={"added to p99": more_p99, "fewer requests a second": less},
        goal=None if way == AGAIN else GOAL_PERCENT,
        note=f"{_says(taken[way])}; without: {_says(taken[BARE])}",
    )


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
