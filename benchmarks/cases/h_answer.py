"""One row asked over HTTP, beside the same model called in process, and beside mlflow's service.

The model is that of the tweets example: TF-IDF over words and pairs, logistic regression.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure
from benchmarks.load import Load, post_load
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.examples import copy_template
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.models.load import load_model
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[1] / "answer"
SECONDS = 8.0
CONNECTIONS = (1, 16)
READY_S = 120.0


def measure(bench: Bench) -> list[Figure]:
    root, seconds = bench.folder("tweets"), 0.5 if bench.quick else SECONDS
    texts = train_tweets(root)
    in_process_ms = _in_process(bench, root, texts)
    with _process([sys.executable, str(HERE / "ropeway_serve.py"), str(root)]) as child:
        port = int(_first_line(child).rpartition(":")[2])
        ours = {
            n: _load(port, "/predict", texts, seconds, n, lambda text: {"text": text}) for n in CONNECTIONS
        }
    peer = _mlflow(bench, root, texts, seconds)
    figures = []
    for n in CONNECTIONS:
        beside: dict[str, float | str] = {"in process": in_process_ms} if n == 1 else {}
        beside["mlflow models serve"] = peer if isinstance(peer, str) else peer[n].p50_ms
        others = (
            "not installed"
            if isinstance(peer, str)
            else f"{peer[n].p99_ms:.2f} ms, {peer[n].per_s:,.0f} a second"
        )
        figures.append(
            Figure(
                what=f"one row over HTTP, {n} connection{'s' if n > 1 else ''}, p50",
                ours=ours[n].p50_ms,
                unit="ms",
                beside=beside,
                note=f"p99 {ours[n].p99_ms:.2f} ms, {ours[n].per_s:,.0f} requests a second, "
                f"{ours[n].failed} failed; mlflow: p99 {others}",
            )
        )
    return figures


def train_tweets(root: Path) -> list[str]:
    """The tweets project as far as a registered model; gives its texts."""
    copy_template("tweets", root)
    with LocalWorkspace(root, actor="ana") as workspace:
        add(workspace, root / "data" / "tweets.parquet", name="ratings")
        import_ratings(workspace, "sentiment")
        snapshot(workspace, "sentiment")
        run = run_pipeline(workspace, overrides={"c": "5", "balanced": "true"})
        register(workspace, run.run, name="sentiment")
        frame = load(workspace, resolve(workspace, "tweets"))
    rows = {"text": frame["text"].to_list(), "label": frame["sentiment"].to_list()}
    (root / "rows.json").write_bytes(msgspec.json.encode(rows))
    return frame["text"].to_list()


def _in_process(bench: Bench, root: Path, texts: list[str]) -> float:
    rows = [pl.DataFrame({"text": [text]}) for text in texts[:500]]
    with LocalWorkspace(root, actor="ana") as workspace, load_model(workspace, "sentiment@1") as model:
        return bench.median_ms(lambda: [model.predict(row) for row in rows], times=bench.times(7)) / len(rows)


def _load(port: int, path: str, texts: list[str], seconds: float, connections: int, shape: object) -> Load:
    assert callable(shape)
    bodies = [msgspec.json.encode(shape(text)) for text in texts]
    return post_load(
        "127.0.0.1", port, path, lambda n: bodies[n % len(bodies)], connections=connections, seconds=seconds
    )


def _mlflow(bench: Bench, root: Path, texts: list[str], seconds: float) -> dict[int, Load] | str:
    mlflow = bench.peer("mlflow")
    if isinstance(mlflow, str):
        return mlflow
    port = _free_port()
    with _process(
        [mlflow.python, str(HERE / "mlflow_serve.py"), str(root), str(port)], is_quiet=True
    ) as child:
        ends = time.monotonic() + READY_S
        while not _answers(port):
            if child.poll() is not None or time.monotonic() > ends:
                raise CaseFailed("mlflow's service did not begin to answer")
            time.sleep(0.5)
        return {
            n: _load(port, "/invocations", texts, seconds, n, lambda text: {"inputs": [text]})
            for n in CONNECTIONS
        }


@contextmanager
def _process(command: list[str], *, is_quiet: bool = False) -> "Iterator[subprocess.Popen[str]]":
    # A pipe that nobody empties would stop a server that logs each request to its standard output.
    child = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL if is_quiet else subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        # mlflow's server is a tree of processes: its own session is ended as a whole.
        subprocess.run(["kill", "-KILL", "--", f"-{child.pid}"], check=False, capture_output=True)
        child.wait(timeout=30)


def _first_line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    line = child.stdout.readline().strip()
    if not line:
        raise CaseFailed("the service did not begin to answer")
    return line


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


CASE = Case(name="answer", title="Answering one row", measure=measure)
