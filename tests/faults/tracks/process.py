"""`ropeway server` as a process of its own at one address, to be killed there and begun again."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

HERE = Path(__file__).resolve().parents[3]
READY_S = 120.0
LOOK_S = 0.02


class ServerProcess:
    """One server of a project, on a port that stays.

    Args:
        root: the project.
        log: where its words go.
    """

    def __init__(self, root: Path, log: Path) -> None:
        self._root, self._log = root, log
        with socket.create_server(("127.0.0.1", 0)) as found:
            self._port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; it may take a while to answer."""
        words = ["server", "--port", str(self._port), "-C", str(self._root)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ropeway.cli", *words], cwd=HERE, stdout=subprocess.DEVNULL, stderr=log
            )

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            try:
                httpx.get(f"{self.url}/health", timeout=10).raise_for_status()
            except httpx.TransportError:
                assert self._process is not None
                assert self._process.poll() is None, self.log()[-2000:]
                time.sleep(LOOK_S)
            else:
                return
        raise AssertionError("the server did not begin")

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=60)

    def end(self) -> list[str]:
        """Stop it in good order; gives what is wrong with how it ended, and with what it said meanwhile."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=120)
        problems = [] if code == 0 else [f"the server ended with {code}"]
        raised = self.log().count("Traceback (most recent call last)")
        return problems + ([f"the server raised {raised} times: {self.log()[-1500:]}"] if raised else [])

    def log(self) -> str:
        """What it said on standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")
