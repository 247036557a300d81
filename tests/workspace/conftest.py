"""A real server in a process of its own, and callers in folders of theirs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import on_postgres

from ropeway.testing import MINIMAL_PROJECT
from ropeway.workspace import OpenWorkspace, open_workspace

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent.parent / "models"))


class Served:
    """A project's folder, and the server process that offers its workspace."""

    def __init__(self, root: Path, toml: str, caller: str) -> None:
        root.mkdir()
        (root / "ropeway.toml").write_text(on_postgres.placed(root, toml))
        self.root = root
        self._caller = caller
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start it, on the port that it had before."""
        words = [sys.executable, "-m", "ropeway.cli", "-C", str(self.root), "--as", self._caller]
        self._process = subprocess.Popen(
            [*words, "server", "--port", str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "ROPEWAY_WORKSPACE"},
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split("/docs")[0]
        self._port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def stop(self) -> None:
        """End it as an administrator would."""
        self._process.terminate()
        self._process.communicate()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """`serve(toml)`: a server over a folder that holds a project file and nothing else."""
    started: list[Served] = []

    def start(toml: str = MINIMAL_PROJECT, *, name: str = "served") -> Served:
        started.append(Served(tmp_path / name, toml, "server"))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the many tests that do not mind one another."""
    server = Served(tmp_path_factory.mktemp("module") / "served", MINIMAL_PROJECT, "server")
    yield server
    server.stop()


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Callable[..., OpenWorkspace]]:
    """`caller(url, "ana")`: the workspace at a server, from a folder of the caller's own."""
    opened: list[OpenWorkspace] = []

    def open_as(url: str, name: str = "ana", *, toml: str = MINIMAL_PROJECT, **files: str) -> OpenWorkspace:
        folder = tmp_path / f"{name}{len(opened)}"
        folder.mkdir()
        for path, text in {"ropeway.toml": toml, **files}.items():
            (folder / path).write_text(text)
        opened.append(open_workspace(folder, server=url, actor=name))
        return opened[-1]

    yield open_as
    for each in opened:
        each.close()
