"""Every field of every route that MLflow's clients use, with what no client sends, at a traced server.

`python -m tests.attacks.tracks [--every N] [--seed S] [--ledger URL] [--rooms runs,registered-models]` says
what was asked, how it was answered and what was wrong; in full it takes some minutes, and says how far it
is. Each must be refused in MLflow's shape, or kept as the text that it is: no 500, no file opened, nothing
told of the inside, and afterwards everything can still be read.
"""

import argparse
import collections
import http.client
import json
import os
import random
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.attacks.probe import TELLS
from tests.attacks.trace import Trace, strangers
from tests.attacks.tracks_asks import Ask, asks, exports
from tests.attacks.tracks_stage import HOOK, SECRET, Stage
from tests.faults.writers import ledger_at

from ropeway.server.mlflow.otlp import PATH as OTLP
from ropeway.server.mlflow.routes import ENDPOINTS

SPELLINGS = ("/api/2.0", "/api/3.0", "/ajax-api/2.0", "/ajax-api/3.0")
"""What may stand before the path of a route, which is the same one then."""
OTEL = "otlp"
"""The room of OpenTelemetry's route, which is none of MLflow's table."""
READS = (
    "GET experiments/search?max_results=1000&view_type=ALL", "POST runs/search",
    "GET registered-models/search",
    "GET model-versions/search", "POST logged-models/search", "POST traces/search", "GET webhooks",
)  # fmt: skip


class Account(NamedTuple):
    """How many requests, their answers by status, and what was wrong."""

    requests: int
    answers: dict[str, int]
    wrong: list[str]


class Asker:
    """Asks, and judges each answer by itself."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._door: http.client.HTTPConnection | None = None
        self.answers: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []

    def ask(self, ask: Ask) -> bytes:
        """One request, as it is."""
        if self._door is None:
            host, _, port = self._stage.server.url.removeprefix("http://").partition(":")
            self._door = http.client.HTTPConnection(host, int(port), timeout=120)
            self._door._validate_path = lambda _url: None  # type: ignore[method-assign]
        try:
            spelling = SPELLINGS[zlib.crc32(ask.path.encode()) % len(SPELLINGS)]
            path = ask.path if ask.is_whole else spelling + ask.path
            self._door.request(ask.method, path, ask.body, ask.headers)
            reply = self._door.getresponse()
            said = reply.read()
        except (http.client.HTTPException, OSError):
            self.answers["cut off"] += 1
            self._door = None
            return b""
        if reply.will_close:
            self._door = None
        self._judge(ask, reply.status, said, reply.headers.get("content-type", ""))
        return said

    def _judge(self, ask: Ask, status: int, said: bytes, kind: str) -> None:
        self.answers[str(status)] += 1
        what = f"{ask.method} {ask.path[:120]} {ask.what}"
        text = said[:100_000].decode("utf-8", "replace")
        if status >= 500 and status != 501:
            self.wrong.append(f"{what}: status {status}, {text[:300]}")
        if str(self._stage.folder) in text or TELLS.search(text) or SECRET in text:
            self.wrong.append(f"{what}: the answer tells of the inside: {text[:300]}")
        # A request line that is none is refused by the parser of HTTP, before anybody knows whose it is.
        if status >= 400 and kind == "application/json":
            told, code = json.loads(said), "code" if ask.path == OTLP else "error_code"
            if not (isinstance(told.get(code), int | str) and isinstance(told.get("message"), str)):
                self.wrong.append(f"{what}: no error of MLflow's: {text[:200]}")
        elif status >= 400 and status != 400 and ask.path != OTLP:
            self.wrong.append(f"{what}: {status} without MLflow's shape: {kind} {text[:200]}")
        elif kind == "application/json" and status == 200:
            json.loads(said, parse_constant=lambda word: self.wrong.append(f"{what}: {word} is no JSON"))


def attack(
    stage: Stage, trace: Trace, *, every: int, seed: int, rooms: list[str], say: Callable[[str], None]
) -> Account:
    """Ask one in so many, then see that all can be read still."""
    parts = [asks(stage, [each]) for each in ENDPOINTS if not rooms or {*each.path.split("/")} & {*rooms}]
    parts += [exports()] if not rooms or OTEL in rooms else []
    asker, chance = Asker(stage), random.Random(seed)
    asker.ask(Ask("to warm up", "GET", "/mlflow/server-info"))
    trace.found.clear()
    trace.is_on = True
    for number, part in enumerate(parts):
        asked = asker.answers.total()
        say(f"{number} of {len(parts)} routes, {asked:,} requests, {len(asker.wrong)} wrong")
        for each in part:
            if chance.random() * every < 1:
                known = len(asker.wrong)
                asker.ask(each)
                for wrong in asker.wrong[known:]:
                    say(f"! {wrong}")
    asked = asker.answers.total()
    _read_all(stage, asker)
    trace.is_on = False
    port = stage.server.url.rsplit(":", 1)[-1]
    home = Path(os.environ["ROPEWAY_CONFIG"])
    allowed = [stage.folder / ".ropeway", stage.folder / "ropeway.toml", home, Path(tempfile.gettempdir())]
    strange = strangers(trace.found, allowed=allowed, speaks_to=port)
    strange = [each for each in strange if HOOK not in each]
    return Account(asked, dict(asker.answers), [*asker.wrong, *strange])


def _read_all(stage: Stage, asker: Asker) -> None:
    """Whatever was kept under hostile names is read like anything else."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    body = json.dumps({"experiment_ids": [str(n) for n in range(200)], "locations": [place]}).encode()
    for each in READS:
        method, path = each.split()
        asker.ask(Ask("afterwards", method, f"/mlflow/{path}", body if method == "POST" else None))
    for run in stage.post("runs/search", experiment_ids=["0"], run_view_type="ALL").get("runs", []):
        asker.ask(Ask("afterwards", "GET", f"/mlflow/runs/get?run_id={run['info']['run_id']}"))
        asker.ask(Ask("afterwards", "GET", f"/mlflow/artifacts/list?run_id={run['info']['run_id']}"))


def main() -> int:
    """Do it in a folder of its own, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.tracks")
    parser.add_argument("--every", type=int, default=1, help="one request in so many")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--ledger", default="", help="the URL of a PostgreSQL schema")
    parser.add_argument("--rooms", default="", help="such as runs,registered-models; all by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ropeway-tracks-") as name, ledger_at(options.ledger):
        folder = Path(name).resolve()
        os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
        tempfile.tempdir = str(folder / "scratch")
        Path(tempfile.tempdir).mkdir()
        stage, trace = Stage(folder), Trace()
        try:
            account = attack(
                stage,
                trace,
                every=options.every,
                seed=options.seed,
                rooms=[each for each in options.rooms.split(",") if each],
                say=lambda line: print(line, file=sys.stderr, flush=True),
            )
        finally:
            stage.close()
    json.dump(account._asdict(), sys.stdout, indent=1)
    return 1 if account.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
