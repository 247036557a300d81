"""`ropeway serve` as a process of its own, to be killed, and a client that remembers what it was told."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec


class Answered(NamedTuple):
    """What a client was told: whose row it was, the prediction's id, and which version answered."""

    entity: str
    id: str
    model: str


class Served:
    """One process that serves what is live in production, with the versions beside it."""

    def __init__(self, root: Path, model: str, **environment: str) -> None:
        words = ["serve", f"{model}@production", "--port", "0", "--json", "-C", str(root)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ropeway.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        assert self.process.stdout is not None
        said = b""
        while not said.endswith(b"}\n"):
            line = self.process.stdout.readline()
            assert line, said
            said += line
        self.client = httpx.Client(base_url=msgspec.json.decode(said)["url"], timeout=30)

    def predict(self, row: dict[str, Any]) -> httpx.Response:
        """One row's answer."""
        return self.client.post("/predict", json=row)

    def end(self, sign: signal.Signals) -> int:
        """Send it a signal, and give what it ended with."""
        self.process.send_signal(sign)
        code = self.process.wait(timeout=60)
        self.client.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def serving(root: Path, model: str, **environment: str) -> Iterator[Served]:
    """Serve for as long as the block runs; what still runs at its end is stopped in good order."""
    served = Served(root, model, **environment)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            assert served.end(signal.SIGTERM) == 0


def ask_all(served: Served, rows: Sequence[dict[str, Any]], answered: list[Answered]) -> None:
    """Put rows one after the other, and remember each answer that came, until the service is gone."""
    for row in rows:
        try:
            response = served.predict(row)
        except httpx.TransportError:
            return
        response.raise_for_status()
        said = response.json()
        answered.append(Answered(row["id"], said["id"], said["model"]))


def ask_at_once(
    served: Served, rows: Sequence[dict[str, Any]], answered: list[Answered], *, clients: int
) -> list[threading.Thread]:
    """Clients that each put their part of the rows; begun, not waited for."""
    threads = [
        threading.Thread(target=ask_all, args=(served, rows[place::clients], answered))
        for place in range(clients)
    ]
    for thread in threads:
        thread.start()
    return threads
