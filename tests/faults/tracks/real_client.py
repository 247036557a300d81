"""MLflow's own client at work, in its own interpreter; says on standard output what it was told is done.

build/clients/mlflow3/bin/python tests/faults/tracks/real_client.py http://127.0.0.1:7070 SEED

Each line is a JSON list: what was done, and with what. It ends its run when standard input ends.
"""

import json
import logging
import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "9"
os.environ["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"] = "1"
os.environ["MLFLOW_HTTP_REQUEST_BACKOFF_JITTER"] = "0.1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow.entities import Metric, Param, RunTag

import mlflow

# The client itself writes where its runs can be seen.
TOLD, sys.stdout = sys.stdout, sys.stderr
KEYS = ("loss", "f1", "val/acc")
FILES = ("plain.txt", "model.bin")


class Retries(logging.Handler):
    """Counts how many times urllib3 sent something again by itself."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith(("Retrying", "Retry:"))


class Client:
    """One client that logs run after run."""

    def __init__(self, url: str, seed: str, is_over: threading.Event) -> None:
        self._client = mlflow.MlflowClient(url)
        self._chance, self._is_over, self._step = random.Random(seed), is_over, 0
        self._retries = Retries()
        log = logging.getLogger("urllib3")
        log.setLevel(logging.DEBUG)
        log.addHandler(self._retries)
        log.propagate = False

    def work(self) -> None:
        while not self._is_over.is_set():
            before = self._retries.count
            run = self._done(self._client.create_run, "0").info.run_id
            say("run", run, self._retries.count - before)
            for _ in range(self._chance.randrange(1, 60)):
                self._act(run)
                if self._is_over.is_set():
                    break
            self._done(self._client.set_terminated, run)
            say("end", "FINISHED")

    def _act(self, run: str) -> None:
        chance = self._chance.random()
        if chance < 0.4:
            key, step, at, value = self._point()
            self._done(self._client.log_metric, run, key, value, timestamp=at, step=step)
            say("points", [[key, step, at, repr(value)]])
        elif chance < 0.7:
            points = [self._point() for _ in range(self._chance.choice((1, 60, 400)))]
            word = self._word()
            batch = [Metric(key, value, at, step) for key, step, at, value in points]
            tags = [RunTag(word, word)]
            self._done(self._client.log_batch, run, batch, params=[Param(word, word)], tags=tags)
            say("points", [[key, step, at, repr(value)] for key, step, at, value in points])
            say("param", word, word)
            say("tag", word, word)
        elif chance < 0.85:
            word = self._word()
            self._done(self._client.set_tag, run, "phase", word)
            say("tag", "phase", word)
        else:
            name, text = self._chance.choice(FILES), self._word() * 2_000
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / name
                file.write_text(text)
                self._done(self._client.log_artifact, run, str(file), "deep")
            say("file", f"deep/{name}", text)

    def _done(self, act: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Once more, as a person would, where the client itself gave up."""
        while True:
            try:
                return act(*given, **more)
            except mlflow.MlflowException as error:
                if "Max retries exceeded" not in str(error):
                    raise
                self._retries.count += 1

    def _point(self) -> tuple[str, int, int, float]:
        self._step += 1
        return self._chance.choice(KEYS), self._step, 1_700_000_000_000 + self._step, self._chance.gauss(0, 1)

    def _word(self) -> str:
        return "".join(self._chance.choices("abcdefghijklmnop", k=12))


def say(*what: Any) -> None:
    print(json.dumps(what), file=TOLD, flush=True)


def hear(is_over: threading.Event) -> None:
    sys.stdin.read()
    is_over.set()


if __name__ == "__main__":
    over = threading.Event()
    threading.Thread(target=hear, args=(over,), daemon=True).start()
    Client(sys.argv[1], sys.argv[2], over).work()
