"""A real service on a free port, in a thread or in a process of its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest

from ropeway.core.clock import SystemClock
from ropeway.serving.app import PredictionApp
from ropeway.serving.deploy import Deployment
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.serving.log import PredictionLog

SCRIPT = Path(__file__).with_name("served.py")


def load_served() -> Any:
    spec = spec_from_file_location("served", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Service:
    """The whole service in a thread of this process: the app, uvicorn and a socket."""

    def __init__(
        self, folder: Path, *, carry: Sequence[str] = (), entity: str | None = None, **log: Any
    ) -> None:
        self.folder = folder
        self.is_stopped = False
        self.home = folder / "home"
        self.alias = folder / "alias"
        if not self.alias.exists():
            self.alias.write_text("mood@1")
        self.deployment = Deployment(
            load_served().FolderSource(folder), SystemClock(), carry=carry, entity=entity
        )
        self.home.mkdir(exist_ok=True)
        self.log = PredictionLog(self.home, model="mood", environment="production", entity=entity, **log)
        listener = bind("127.0.0.1", 0)
        self.url = url_of(listener)
        self.port = int(self.url.rpartition(":")[2])
        self.app = PredictionApp(self.deployment, self.log)
        self.server = GracefulServer(self.app, listener)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.deployment.start()
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def predict(self, body: Any) -> httpx.Response:
        return self.client.post("/predict", json=body)

    def health(self) -> dict[str, Any]:
        said: dict[str, Any] = self.client.get("/health").json()
        return said

    def wait_for(self, claim: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What /health says once that holds."""
        for _ in range(1000):
            if claim(health := self.health()):
                return health
            time.sleep(0.02)
        raise AssertionError(f"it never came to be: {health}")

    def follow(self, alias: str) -> dict[str, Any]:
        """Divide traffic so, and wait until that is in effect."""
        self.alias.write_text(alias)
        found = json.loads(alias)
        shares = dict(found["arms"])
        asked = set(found["shadows"])

        def is_so(health: dict[str, Any]) -> bool:
            arms = {each["model"]: each["share"] for each in health["routing"] if not each["is_live"]}
            beside = {each["model"] for each in health["routing"] if each["is_asked_beside"]}
            return health["model"] == found["live"] and shares.items() <= arms.items() and asked <= beside

        return self.wait_for(is_so)

    def stop(self) -> None:
        if self.is_stopped:
            return
        self.is_stopped = True
        self.client.close()
        self.server.should_exit = True
        self.thread.join()
        self.app.close()
        self.deployment.stop()
        self.log.close()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(alias: str = "mood@1", **more: Any) -> Service:
        folder = tmp_path / f"service{len(started)}"
        folder.mkdir()
        (folder / "alias").write_text(alias)
        started.append(Service(folder, **more))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service()


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the many tests that only ask."""
    service = Service(tmp_path_factory.mktemp("shared"))
    yield service
    service.stop()


class Process:
    """The service in a process of its own, to be killed."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.alias = folder / "alias"
        if not self.alias.exists():
            self.alias.write_text("mood@1")
        self.home.mkdir(exist_ok=True)
        self.popen = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.popen.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2] or 0)

    def health(self) -> dict[str, Any]:
        said: dict[str, Any] = httpx.get(f"{self.url}/health").json()
        return said

    def end(self) -> str:
        """Wait for its end; gives what it said on stderr."""
        self.popen.wait(timeout=60)
        return self.popen.stderr.read()

    def close(self) -> None:
        self.popen.wait()
        self.popen.stdout.close()
        self.popen.stderr.close()


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Processes over one folder, one after the other."""
    started: list[Process] = []

    def start(alias: str, *words: str) -> Process:
        (tmp_path / "alias").write_text(alias)
        started.append(Process(tmp_path, *words))
        return started[-1]

    yield start
    for each in started:
        if each.popen.poll() is None:
            each.popen.kill()
        each.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    served = Process(tmp_path)
    yield served
    if served.popen.poll() is None:
        served.popen.kill()
    served.close()
