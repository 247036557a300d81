"""Eight clients log through MLflow's REST face, and something is broken under them, over and over.

The server is killed; or its PostgreSQL is stopped as by a crash; or connections are cut in the middle of
bodies; or its disk runs full. Whatever was acknowledged must be there once when it is over, every run
complete.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import msgspec
from tests.faults.disk import SmallDisk, mounted
from tests.faults.proxy import Wire, draw_cut
from tests.faults.tracks.held import problems_of_workspace, problems_over_http
from tests.faults.tracks.logger import API, NO_ROOM, Direct, Logger, Refused
from tests.faults.tracks.process import ServerProcess
from tests.faults.tracks.real import PYTHON, RealLogger
from tests.faults.writers import ledger_at

from ropeway.testing import make_workspace

CLIENTS = 8
UP_REQUESTS = 80
"""Between two faults at most so many are acknowledged, and a moment goes by."""
UP_S = 0.05
STARTING_S = 1.5
AT_STARTING = 0.15
"""Of the kills, so many hit a server that has just begun."""
PATIENCE_S = 3.0
"""Of a client whose cable was pulled."""
DISK_MEGABYTES = 192
DISK_PAUSE_S = 0.01
DISK_LARGEST = 4_000
LEAVES = (0, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144)
MOST_S = 60.0
Say = Callable[[str], None]


class Tracks(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign.

    Attributes:
        faults: how many were done.
        acknowledged: how many requests.
        sent_again: how many times one was repeated, not having been answered.
        begun_again: how many times a run was begun by a request that had to be repeated.
        runs, points, files: how many were acknowledged.
        answers: by status; 0 where no answer came.
        words: refusals by status and code.
        under_load_s: how long the clients were at it.
        problems: what did not hold.
    """

    faults: int
    acknowledged: int
    sent_again: int
    begun_again: int
    runs: int
    points: int
    files: int
    answers: dict[int, int]
    words: dict[str, int]
    under_load_s: float
    problems: list[str]


class Load:
    """Clients at work while something is done to what they talk to."""

    def __init__(self, loggers: Sequence[Logger | RealLogger]) -> None:
        self.loggers = loggers
        self.began = time.monotonic()
        self._is_over = threading.Event()
        self._pool = ThreadPoolExecutor(len(loggers))
        self._works: list[Future[None]] = [self._pool.submit(each.work, self._is_over) for each in loggers]

    def end(self) -> list[str]:
        """Let every client finish its run; gives what one was refused for good."""
        self._is_over.set()
        problems = []
        for work in self._works:
            try:
                work.result()
            except Refused as refused:
                problems.append(str(refused))
        self._pool.shutdown()
        return problems

    def go_on(self) -> bool:
        """Whether all still work."""
        return not any(work.done() for work in self._works)


def kill_server(folder: Path, kills: int, *, seed: int, say: Say, clients: int = CLIENTS) -> Tracks:
    """SIGKILL, at any moment of a server's life."""
    root, server = _project(folder)
    chance = random.Random(seed)
    server.start()
    server.wait()
    with _loaded(_clients(server, seed, clients, folder)) as load:
        for number in range(1, kills + 1):
            if chance.random() < AT_STARTING:
                time.sleep(chance.uniform(0.0, STARTING_S))
            else:
                _until_more(load, chance)
            server.kill()
            server.start()
            say(f"kill {number}, {_acknowledged(load)} acknowledged")
            if not load.go_on():
                break
        server.wait()
        problems = load.end()
    return _held(root, server, load, number, problems)


def stop_postgres(folder: Path, stops: int, *, seed: int, say: Say, clients: int = CLIENTS) -> Tracks:
    """PostgreSQL is stopped `immediate` under a server that goes on."""
    from tests.postgres import PostgresServer

    postgres, chance = PostgresServer(), random.Random(seed)
    try:
        with ledger_at(postgres.schema()):
            root, server = _project(folder)
            server.start()
            server.wait()
            with _loaded(_clients(server, seed, clients, folder)) as load:
                for number in range(1, stops + 1):
                    _until_more(load, chance)
                    postgres.stop()
                    postgres.start()
                    say(f"stop {number}, {_acknowledged(load)} acknowledged")
                    if not load.go_on():
                        break
                problems = load.end()
            return _held(root, server, load, number, problems)
    finally:
        postgres.destroy()


class Cutting:
    """A new connection for each request, most of which are cut at a random byte."""

    def __init__(self, wire: Wire, chance: random.Random) -> None:
        self._wire, self._chance = wire, chance

    def send(self, request: httpx.Request) -> httpx.Response:
        """One request over one connection."""
        is_cut = self._chance.random() < 0.6
        length = len(request.content) + 300
        self._wire.plan(draw_cut(self._chance, request_bytes=length, response_bytes=450) if is_cut else None)
        with httpx.Client(timeout=PATIENCE_S) as client:
            return client.send(request)

    def close(self) -> None:
        """There is nothing left open."""


def cut_network(folder: Path, cuts: int, *, seed: int, say: Say, clients: int = CLIENTS) -> Tracks:
    """Connections are cut in either direction, at any byte of head or body."""
    root, server = _project(folder)
    server.start()
    server.wait()
    with ExitStack() as stack:
        url = httpx.URL(server.url)
        wires = [stack.enter_context(closing(Wire(url.host, url.port or 0))) for _ in range(clients)]
        loggers = [
            Logger(Cutting(wire, random.Random(f"{seed} {place}")), wire.url, seed=seed, place=place)
            for place, wire in enumerate(wires)
        ]
        with _loaded(loggers) as load:
            while (struck := sum(len(wire.struck) for wire in wires)) < cuts and load.go_on():
                say(f"{struck} cuts")
                time.sleep(1)
            problems = load.end()
        struck = sum(len(wire.struck) for wire in wires)
    return _held(root, server, load, struck, problems)


def fill_disk(folder: Path, times: int, *, seed: int, say: Say, clients: int = CLIENTS) -> Tracks:
    """The server's disk runs full, to the last bytes, and is emptied again."""
    with mounted(folder / "disk", megabytes=DISK_MEGABYTES) as disk:
        assert isinstance(disk, SmallDisk), disk
        root, server = _project(disk.folder, log=folder / "log")
        server.start()
        server.wait()
        loggers = [
            Logger(
                Direct(server.url), server.url, seed=seed, place=n, pause_s=DISK_PAUSE_S, largest=DISK_LARGEST
            )
            for n in range(clients)
        ]
        problems = []
        with _loaded(loggers) as load:
            for number in range(1, times + 1):
                _until(load, lambda: all(each.runs for each in loggers))
                disk.fill(leave=LEAVES[number % len(LEAVES)])
                enough = _refused(loggers) + clients
                _until(load, lambda enough=enough: _refused(loggers) >= enough)
                problems += _reads(server, loggers)
                disk.empty()
                done = [each.acknowledged for each in loggers]
                _until(
                    load,
                    lambda done=done: all(
                        each.acknowledged > n for each, n in zip(loggers, done, strict=True)
                    ),
                )
                say(f"full {number} times, {_refused(loggers)} refusals")
                if not load.go_on():
                    break
            problems += load.end()
        return _held(root, server, load, number, problems)


def _project(folder: Path, log: Path | None = None) -> tuple[Path, ServerProcess]:
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "project"
    make_workspace(root).close()
    return root, ServerProcess(root, log or folder / "log")


def _clients(server: ServerProcess, seed: int, count: int, folder: Path) -> list[Logger | RealLogger]:
    """So many of ours, the last of them MLflow's own where it is installed."""
    ours: list[Logger | RealLogger] = [
        Logger(Direct(server.url), server.url, seed=seed, place=place) for place in range(count)
    ]
    if PYTHON.exists():
        ours[-1] = RealLogger(server.url, seed, folder / "mlflow.log")
    return ours


@contextmanager
def _loaded(loggers: Sequence[Logger | RealLogger]) -> Iterator[Load]:
    """Clients at work, who are let go whatever happens."""
    load = Load(loggers)
    try:
        yield load
    finally:
        load.end()


def _until(load: Load, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + MOST_S
    while not holds() and load.go_on() and time.monotonic() < end:
        time.sleep(0.02)


def _until_more(load: Load, chance: random.Random) -> None:
    """Some requests more, and a moment that falls anywhere in the next one."""
    enough = _acknowledged(load) + chance.randrange(UP_REQUESTS)
    _until(load, lambda: _acknowledged(load) >= enough)
    time.sleep(chance.uniform(0.0, UP_S))


def _acknowledged(load: Load) -> int:
    return sum(each.acknowledged for each in load.loggers)


def _refused(loggers: list[Logger]) -> int:
    return sum(each.answers[NO_ROOM] for each in loggers)


def _reads(server: ServerProcess, loggers: list[Logger]) -> list[str]:
    """Everything that is only read is answered."""
    run = loggers[0].runs[0].run
    asked = {
        "runs/get": {"run_id": run},
        "metrics/get-history": {"run_id": run, "metric_key": "loss"},
        "artifacts/list": {"run_id": run},
    }
    with httpx.Client(base_url=server.url, timeout=30) as client:
        told = {path: client.get(API + path, params=fields).status_code for path, fields in asked.items()}
        search = {"experiment_ids": ["0"], "filter": "metrics.loss > 0"}
        told["runs/search"] = client.post(f"{API}runs/search", json=search).status_code
    return [f"with a full disk {path} answered {status}" for path, status in told.items() if status != 200]


def _held(root: Path, server: ServerProcess, load: Load, faults: int, problems: list[str]) -> Tracks:
    """What came of it, once everything that was told has been looked for."""
    took, loggers = time.monotonic() - load.began, load.loggers
    with httpx.Client(base_url=server.url, timeout=60) as client:
        problems = [*problems, *problems_over_http(client, loggers)]
    problems += server.end()
    problems += problems_of_workspace(root)
    answers = sum((each.answers for each in loggers), Counter[int]())
    if answers[500]:
        problems.append(f"{answers[500]} requests were answered with 500")
    runs = [run for each in loggers for run in each.runs]
    return Tracks(
        faults=faults,
        acknowledged=sum(each.acknowledged for each in loggers),
        sent_again=sum(each.sent_again for each in loggers),
        begun_again=sum(each.begun_again for each in loggers),
        runs=len(runs),
        points=sum(len(run.points) for run in runs),
        files=sum(len(run.files) for run in runs),
        answers=dict(answers),
        words=dict(sum((each.words for each in loggers), Counter[str]())),
        under_load_s=round(took, 1),
        problems=problems,
    )
