"""A server over a project, and batches of points sent to it: each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench import Bench

from ropeway.core.ids import RunId

HERE = Path(__file__).resolve().parents[1]
SECONDS = 10.0


class Sent(NamedTuple):
    """How it went: batches a second, latencies in milliseconds, and how many were not taken."""

    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def note(self) -> str:
        """In words."""
        return f"p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, {self.failed} failed, beside the server"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server over the project in a folder, for as long as the block runs; its port."""
    serve = [sys.executable, str(HERE / "commits" / "serve.py"), str(folder)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[0]
        finally:
            server.terminate()


def send(bench: Bench, port: str, run: RunId, *, clients: int, points: int) -> Sent:
    """Send batches to a server for a while."""
    return told(begin(bench, port, run, clients=clients, points=points))


def begin(bench: Bench, port: str, run: RunId, *, clients: int, points: int) -> "subprocess.Popen[str]":
    """Begin to send."""
    words = [port, run, str(clients), str(0.5 if bench.quick else SECONDS), str(points)]
    command = [sys.executable, "-m", "benchmarks.points.send", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)


def told(sender: "subprocess.Popen[str]") -> Sent:
    """What a sender says at its end."""
    said = sender.communicate()[0].split()
    if sender.returncode:
        raise subprocess.CalledProcessError(sender.returncode, sender.args)
    return Sent(float(said[0]), float(said[1]), float(said[2]), int(said[3]))
