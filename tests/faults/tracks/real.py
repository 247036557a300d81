"""One of the clients may be MLflow's own, in its own process: it repeats by itself what is not answered."""

import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from tests.faults.tracks.logger import Logged, Refused

PYTHON = Path(__file__).parents[3] / "build" / "clients" / "mlflow3" / "bin" / "python"
SCRIPT = Path(__file__).with_name("real_client.py")
PATIENCE_S = 600.0


class RealLogger:
    """MLflow's client, and what it was told is done; for who looks after the clients it is a `Logger`."""

    def __init__(self, url: str, seed: int, errors: Path) -> None:
        self._words, self._errors = [str(PYTHON), str(SCRIPT), url, str(seed)], errors
        self.runs: list[Logged] = []
        self.answers: Counter[int] = Counter()
        self.words: Counter[str] = Counter()
        self.acknowledged = 0
        self.sent_again = 0
        self.begun_again = 0

    def work(self, is_over: threading.Event) -> None:
        """Let it log until it is over; what it says is read as it comes."""
        pipe = subprocess.PIPE
        with (
            self._errors.open("wb") as errors,
            subprocess.Popen(self._words, stdin=pipe, stdout=pipe, stderr=errors) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            telling = threading.Thread(target=_close_when, args=(is_over, process.stdin))
            telling.start()
            for line in process.stdout:
                self._hear(msgspec.json.decode(line))
            code = process.wait(PATIENCE_S)
            is_over.set()
            telling.join()
        if code:
            said = self._errors.read_text(encoding="utf-8", errors="replace")
            raise Refused(f"MLflow's client ended with {code}: {said[-600:]}")

    def _hear(self, told: list[Any]) -> None:
        self.acknowledged += 1
        match told:
            case ["run", run, again]:
                self.runs.append(Logged(run=run))
                self.begun_again += again
            case ["end", status]:
                self.runs[-1].status = status
            case ["points", points]:
                self.runs[-1].points.update((key, step, at, value) for key, step, at, value in points)
            case ["param", key, value]:
                self.runs[-1].params[key] = value
            case ["tag", key, value]:
                self.runs[-1].tags[key] = value
            case ["file", name, text]:
                self.runs[-1].files[name] = text.encode()
            case _:
                raise AssertionError(told)


def _close_when(is_over: threading.Event, pipe: Any) -> None:
    is_over.wait()
    pipe.close()
