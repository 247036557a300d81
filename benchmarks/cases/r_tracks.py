"""MLflow's own client against a Ropeway server, loops that log, a server's start: beside the peers."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure
from benchmarks.environments import QUIET, Environment

HERE = Path(__file__).resolve().parents[1] / "tracks"
SECONDS = 10.0
LOOPS = {"trackio": 50_000, "wandb": 20_000, "aim": 20_000, "mlflow": 500}
OURS = 1_000_000
GOAL_CALLS, GOAL_DONE, GOAL_BYTES = 400_000, 150_000, 12
GOAL_NEW_S, GOAL_START_S, GOAL_MB = 0.3, 1.5, 150
OF_CEILING = 0.8
START_S = 60.0
Beside = dict[str, float | str]


def measure(bench: Bench) -> list[Figure]:
    return [*_loops(bench), *_servers(bench)]


def _loops(bench: Bench) -> list[Figure]:
    ours = _loop(bench, sys.executable, "ropeway", bench.times(OURS, 10_000))
    beside: dict[str, Beside] = {"calls": {}, "done": {}, "bytes": {}}
    for name, points in LOOPS.items():
        peer = bench.peer(name)
        told: dict[str, float] | str = peer if isinstance(peer, str) else ""
        if isinstance(peer, Environment):
            told = _loop(bench, peer.python, name, points if not bench.quick else 100)
        for key, found in beside.items():
            found[name] = told if isinstance(told, str) else told[key]
    calls = "calls of log() a second, one metric each"
    done = f"points a second, from the first call to the run's end on disk ({OURS:,})"
    return [
        _rate(calls, ours["calls"], "calls/s", beside["calls"], GOAL_CALLS, "each safe from kill -9"),
        _rate(done, ours["done"], "points/s", beside["done"], GOAL_DONE, "the project is made before"),
        Figure(
            what="bytes on disk for each of these points",
            ours=ours["bytes"],
            unit="bytes",
            beside=beside["bytes"],
            goal=GOAL_BYTES,
        ),
    ]


def _loop(bench: Bench, python: str, library: str, points: int) -> dict[str, float]:
    folder = bench.folder(library)
    words = [python, str(HERE / "loop.py"), library, str(folder), str(points)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=QUIET)
    if done.returncode != 0:
        raise CaseFailed(f"{library}: {done.stderr[-500:]}")
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def _rate(what: str, ours: float, unit: str, beside: Beside, goal: float | None, note: str) -> Figure:
    return Figure(what=what, ours=ours, unit=unit, beside=beside, goal=goal, higher_is_better=True, note=note)


def _servers(bench: Bench) -> list[Figure]:
    peer = bench.peer("mlflow")
    home = bench.ours()
    ropeway = Path(sys.executable).with_name("ropeway") if isinstance(home, str) else home.command("ropeway")
    folder = bench.folder("server")
    began = time.perf_counter()
    bench.run([str(ropeway), "init", "--name", "tracks"], folder=folder)
    new_s = time.perf_counter() - began
    rates: dict[str, dict[str, float]] = {}
    starts: dict[str, tuple[float, float]] = {}
    theirs: Beside = {}
    with _served([str(ropeway), "server", "--port", "{port}"], folder, "/health") as (url, *start):
        starts["ropeway"] = (start[0], start[1])
        if isinstance(peer, Environment):
            rates["ropeway"] = _client(bench, peer, url)
    if isinstance(peer, str):
        theirs["mlflow"] = peer
    else:
        with _hollow() as url:
            rates["hollow"] = _client(bench, peer, url)
        words = [peer.python, "-m", "mlflow", "server", "--port", "{port}", "--workers", "1"]
        with _served(words, bench.folder("mlflow-server"), "/health") as (url, *start):
            starts["mlflow"] = (start[0], start[1])
            rates["mlflow"] = _client(bench, peer, url)
    figures = [
        Figure(what="a new project", ours=new_s, unit="s", beside={}, goal=GOAL_NEW_S),
        Figure(
            what="a server's start to its first answer, on a new store",
            ours=starts["ropeway"][0],
            unit="s",
            beside=theirs or {"mlflow server": starts["mlflow"][0]},
            goal=GOAL_START_S,
        ),
        Figure(
            what="resident memory of all its processes then",
            ours=starts["ropeway"][1],
            unit="MB",
            beside=theirs or {"mlflow server": starts["mlflow"][1]},
            goal=GOAL_MB,
        ),
    ]
    return figures if theirs else [*figures, *_through_client(rates)]


def _through_client(rates: dict[str, dict[str, float]]) -> list[Figure]:
    note = "the goal is 80 % of what the same client reaches against a server that does nothing"
    shown = {
        "log_metric": ("MLflow's client, log_metric one at a time", "calls/s"),
        "log_batch": ("MLflow's client, log_batch of 1,000 points", "points/s"),
    }
    return [
        _rate(
            what,
            rates["ropeway"][key],
            unit,
            {"a server that does nothing": rates["hollow"][key], "mlflow server": rates["mlflow"][key]},
            OF_CEILING * rates["hollow"][key],
            note,
        )
        for key, (what, unit) in shown.items()
    ]


def _client(bench: Bench, peer: Environment, url: str) -> dict[str, float]:
    seconds = str(0.3 if bench.quick else SECONDS)
    words = [peer.python, str(HERE / "client.py"), url, seconds]
    said = subprocess.run(words, capture_output=True, text=True, check=False, env=QUIET)
    if said.returncode != 0:
        raise CaseFailed(f"MLflow's client at {url}: {said.stderr[-500:]}")
    told: dict[str, float] = json.loads(said.stdout.strip().splitlines()[-1])
    return told


@contextmanager
def _hollow() -> Iterator[str]:
    words = [sys.executable, str(HERE / "hollow.py")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


@contextmanager
def _served(words: list[str], folder: Path, path: str) -> Iterator[tuple[str, float, float]]:
    """A server on a free port: its URL, seconds until it answered, megabytes resident then."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [word.replace("{port}", str(port)) for word in words]
    log = folder.with_name(f"{folder.name}.log")
    began = time.perf_counter()
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env=QUIET) as server,
    ):
        try:
            while not _answers(url + path):
                if server.poll() is not None or time.perf_counter() - began > START_S:
                    raise CaseFailed(f"{command[0]} did not come up: {log.read_text()[-500:]}")
                time.sleep(0.01)
            yield url, time.perf_counter() - began, _resident_mb(server.pid)
        finally:
            server.terminate()
    shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _resident_mb(process: int) -> float:
    """Of a process and all that it started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(_resident_mb(int(child)) for child in children)


CASE = Case(name="tracks", title="Experiment tracking beside others", measure=measure)
