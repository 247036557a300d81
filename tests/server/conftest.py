"""A real server on a free port over a real workspace, with operations of every kind for the trial."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ropeway.core.errors import Conflict, Failed
from ropeway.server.app import ServerApp
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.testing import make_workspace
from ropeway.workspace import Context, LocalWorkspace, Operation, rooms
from ropeway.workspace.operation import OPERATIONS


class Sum(msgspec.Struct, frozen=True):
    total: int
    of: list[int]


def add_up(context: Context, *, numbers: list[int], times: int = 1) -> Sum:
    """Add numbers up."""
    return Sum(sum(numbers) * times, numbers)


def crash(context: Context) -> int:
    """Raise what nobody foresaw."""
    raise RuntimeError(f"secret in {__file__}")


def clash(context: Context) -> int:
    """Raise an error of the family of conflicts."""
    raise Conflict("It is so already.", expected="otherwise", next_step="ropeway status")


def grow(context: Context, *, after: int = 0) -> Iterator[Sum]:
    """Count up to three, then fail."""
    raise Failed("counted enough")
    yield


def work(context: Context, *, how_long_s: float = 0.0, fails: bool = False) -> Sum:
    """Work for a while."""
    time.sleep(how_long_s)
    if fails:
        raise Conflict("The work is in conflict.")
    return Sum(1, [])


TRIALS = [
    Operation("trial.add-up", "query", "trial:read", add_up),
    Operation("trial.crash", "query", "trial:read", crash),
    Operation("trial.clash", "command", "trial:write", clash),
    Operation("trial.grow", "stream", "trial:read", grow),
    Operation("trial.work", "job", "trial:execute", work, runs_code=True),
]


class Server:
    """The whole server in a thread of this process."""

    def __init__(
        self, workspace: LocalWorkspace, *, kind: type[ServerApp] = ServerApp, **options: Any
    ) -> None:
        rooms.load_operations()
        self.workspace = workspace
        listener = bind("127.0.0.1", 0)
        self.url = url_of(listener)
        self.app = kind(
            workspace,
            [*OPERATIONS.values(), *TRIALS],
            is_draining=lambda: self.server.server_state.is_draining,
            **options,
        )
        self.server = GracefulServer(self.app, listener)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def call(self, name: str, /, headers: dict[str, str] | None = None, **arguments: Any) -> httpx.Response:
        return self.client.post(f"/api/v1/{name}", json=arguments, headers=headers)

    def stop(self) -> None:
        self.client.close()
        self.server.should_exit = True
        self.thread.join()
        self.app.close()


@pytest.fixture
def start_server(workspace: LocalWorkspace) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(**options: Any) -> Server:
        started.append(Server(workspace, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the many tests that only ask."""
    with make_workspace(Path(tmp_path_factory.mktemp("shared"))) as workspace:
        server = Server(workspace)
        yield server
        server.stop()
