"""Production beside a controller that is killed: a process that answers, hears the truth, and looks on.

`python -m tests.faults.traffic ROOT` goes on until it is told to stop. It reads how traffic is divided over
and over, and keeps each reading with the event up to which the ledger was read; it answers rows by the real
models of that division, asks the shadows, says what is true, and writes down every id only once it is in the
log. Beside the live version the truth is always another, so that there is something to learn; for some
rollouts it turns back, so that the candidate does harm.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from sqlalchemy import func, select
from tests.faults.loop import ENVIRONMENT, HIGHEST, MODEL, clock_of

from ropeway.ledger.tables import event
from ropeway.models.load import LoadedModel, load_model
from ropeway.models.routing import Routing, routing_of
from ropeway.predictions.record import FeedbackRecord, ShadowRecord
from ropeway.serving.division import Division
from ropeway.serving.log import PredictionLog
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[2]
ROWS = 20
"""Rows of a tick."""
TICK = timedelta(minutes=10)
TICK_S = 0.15
LOOK_S = 0.005
AHEAD = 400
"""Rows after which it waits until something is on record: while no controller runs, nothing piles up."""
SEGMENT_AGE = timedelta(hours=2)
LIMITS = (20.0, 40.0)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """How traffic was divided, read in one snapshot that ended with the event `seq`."""

    seq: int
    live: str | None
    arms: dict[str, float]
    shadows: list[str]
    rollout: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the log for sure: ids of answers, of those whose truth was said, and of those mirrored."""

    given: list[str]
    said: dict[str, str]
    mirrored: list[str]


def seen_file(root: Path) -> Path:
    """Where the readings of the division are."""
    return root.parent / "seen.jsonl"


def told_file(root: Path) -> Path:
    """Where the acknowledgements of the log are."""
    return root.parent / "told.jsonl"


@contextmanager
def traffic_beside(root: Path) -> Iterator[None]:
    """Traffic for as long as the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.traffic", str(root)], cwd=HERE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", "the traffic did not begin"
        yield
        assert process.poll() is None, "the traffic ended by itself"
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(timeout=60)


class World:
    """What goes on in production."""

    def __init__(self, root: Path) -> None:
        self.clock = clock_of(root)
        self.workspace = LocalWorkspace(root, actor="reader", clock=self.clock)
        self.log = PredictionLog(
            self.workspace.home,
            model=MODEL,
            environment=ENVIRONMENT,
            clock=self.clock,
            segment_age=SEGMENT_AGE,
        )
        self.draw = random.Random(str(root.name))
        self.models: dict[str, LoadedModel] = {}
        self.limit, self.era, self.rows = 0.0, int(self.clock.now().timestamp()) // 60, 0
        self.last_seq, self.ahead = 0, 0
        self._seen = seen_file(root).open("ab", buffering=0)
        self._told = told_file(root).open("ab", buffering=0)
        self._last: Seen | None = None

    def close(self) -> None:
        self.log.close()
        for model in self.models.values():
            model.close()
        self.workspace.close()
        self._seen.close()
        self._told.close()

    def look(self) -> tuple[Seen, Routing]:
        """How traffic is divided now; kept where it or the ledger has changed."""
        with self.workspace.ledger.reading() as connection:
            seq = connection.execute(select(func.max(event.c.seq))).scalar_one()
            routing = routing_of(connection, self.workspace.project, MODEL, ENVIRONMENT)
        seen = Seen(
            seq=seq,
            live=routing.live,
            arms={arm.ref: arm.share for arm in routing.arms},
            shadows=routing.shadows,
            rollout=routing.rollout,
        )
        if seen != self._last:
            self._seen.write(msgspec.json.encode(seen) + b"\n")
            self._last = seen
        return seen, routing

    def tick(self) -> None:
        """Some rows, unless nobody looks at them."""
        seen, routing = self.look()
        if seen.seq != self.last_seq:
            self.last_seq, self.ahead = seen.seq, 0
        if self.ahead >= AHEAD or routing.live is None:
            return
        self.clock.set(self.clock.now() + TICK)
        self._move(routing)
        self.ahead += ROWS
        self._answer(routing)

    def _move(self, routing: Routing) -> None:
        """The truth is what the live version does not know; during some rollouts it is what it knows."""
        knows = min(LIMITS) if self._says(str(routing.live), [HIGHEST / 2]) == ["high"] else max(LIMITS)
        turns_back = routing.rollout != "" and routing.rollout[-1] in "0123456789abc"
        limit = knows if turns_back else sum(LIMITS) - knows
        if limit != self.limit:
            self.limit, self.era = limit, int(self.clock.now().timestamp()) // 60

    def _says(self, ref: str, xs: list[float]) -> list[str]:
        if ref not in self.models:
            self.models[ref] = load_model(self.workspace, ref)
        frame = pl.DataFrame({"id": ["x"] * len(xs), "era": [0] * len(xs), "x": xs})
        return ["high" if share > 0.5 else "low" for share in self.models[ref].predict(frame)["high"]]

    def _answer(self, routing: Routing) -> None:
        division = Division(routing.salt, [arm.share for arm in routing.arms])
        xs = [self.draw.uniform(0, HIGHEST) for _ in range(ROWS)]
        refs = dict.fromkeys([str(routing.live), *(arm.ref for arm in routing.arms), *routing.shadows])
        answers = {ref: self._says(ref, xs) for ref in refs}
        given, said, mirrored, now = [], {}, [], self.clock.now()
        for place, x in enumerate(xs):
            self.rows += 1
            key, at = f"n{os.getpid()}-{self.rows}", now + timedelta(seconds=place)
            arm = division.arm_of(key)
            who = str(routing.live) if arm is None else routing.arms[arm].ref
            identity = self._add(who, key, x, answers[who][place], at, routing)
            given.append(str(identity))
            beside = [each for each in (*routing.shadows, routing.live) if routing.shadows and each != who]
            for ref in dict.fromkeys(str(each) for each in beside):
                self._mirror(identity, ref, answers[ref][place], at, routing)
                mirrored.append(str(identity))
            if self.draw.random() < 0.9:
                truth = "high" if x >= self.limit else "low"
                self.log.add_feedback(FeedbackRecord(id=identity, value=truth, at=at, by="cleo"))
                said[str(identity)] = truth
        self._told.write(msgspec.json.encode(Told(given=given, said=said, mirrored=mirrored)) + b"\n")

    def _add(self, who: str, key: str, x: float, answer: str, at: Any, routing: Routing) -> Any:
        return self.log.add(
            who,
            {"x": x},
            answer,
            {"high": 0.9, "low": 0.1} if answer == "high" else {"high": 0.1, "low": 0.9},
            at=at,
            latency_us=500,
            entity=key,
            carried={"id": key, "era": self.era},
            rollout=routing.rollout if who != routing.live else "",
        )

    def _mirror(self, of: Any, ref: str, answer: str, at: Any, routing: Routing) -> None:
        self.log.add_shadow(
            ShadowRecord(of=of, at=at, model=ref, prediction=answer, latency_us=500, rollout=routing.rollout)
        )


def main(root: Path) -> None:
    """Go on until told to stop, or until whoever began this is gone."""
    stop, parent = threading.Event(), os.getppid()
    # In a thread: the main one may be inside stop.wait(), holding what stop.set() needs.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set).start())
    world = World(root)
    world.tick()
    print("ready", flush=True)
    ticked = time.monotonic()
    while not stop.wait(LOOK_S) and os.getppid() == parent:
        world.look()
        if time.monotonic() - ticked >= TICK_S:
            world.tick()
            ticked = time.monotonic()
    world.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
