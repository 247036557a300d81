"""Production as a service would have left it: segments of answers, failures and feedback, at chosen times."""

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from models_projects import HALVES_TOML, halves
from models_steps import proposed, rewrite

from ropeway.core.ids import PredictionId
from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.monitoring.observe import observe
from ropeway.monitoring.records import Observation
from ropeway.predictions.identity import Place, new_replica
from ropeway.predictions.record import (
    FEEDBACK,
    PREDICTIONS,
    FeedbackRecord,
    PredictionRecord,
    SegmentHeader,
)
from ropeway.store import SegmentWriter
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)

HALVES = (
    HALVES_TOML.replace("[gate]", "[gate]\nmin_gain = -9.0")
    + """
[monitor]
min_rows = 50
[serving]
carry = ["id"]
"""
)


class Production:
    """What happens to a live model.

    Attributes:
        workspace: the project's.
        clock: of the workspace; each day begins where `day` says.
        ref: the version that answers unless another is named.
    """

    def __init__(self, workspace: LocalWorkspace, clock: FixedClock, ref: str) -> None:
        self.workspace = workspace
        self.clock = clock
        self.ref = ref
        self.environment = "production"

    def day(self, number: int, *, hours: float = 0) -> datetime:
        """The beginning of a day after the start, and some hours."""
        return START + number * DAY + timedelta(hours=hours)

    def go_to(self, moment: datetime) -> None:
        self.clock.advance(seconds=(moment - self.clock.now()).total_seconds())

    def look(self, day: int) -> Observation:
        """Observe at the beginning of a day."""
        self.go_to(self.day(day, hours=0.5))
        return observe(self.workspace)

    def xs(self, rows: int, *, seed: int = 0, low: float = 0.0, high: float = 60.0) -> list[float]:
        draw = random.Random(seed)
        return [draw.uniform(low, high) for _ in range(rows)]

    def answer(
        self,
        day: int,
        xs: Sequence[Any],
        *,
        ref: str | None = None,
        environment: str | None = None,
        failed: int = 0,
        **fields: Any,
    ) -> list[PredictionId]:
        """Log an answer for each x over a day, the first `failed` of them as failures; gives their ids."""
        step = DAY / (len(xs) + 1)
        records = []
        for number, x in enumerate(xs):
            high = float(isinstance(x, int | float) and x >= 30)
            values = {
                "at": self.day(day) + (number + 1) * step,
                "model": ref or self.ref,
                "inputs": {"x": x},
                "prediction": "high" if high else "low",
                "probabilities": {"low": 1 - high, "high": high},
                "latency_us": 1000 + number,
                **fields,
            }
            if callable(values["inputs"]):
                values["inputs"] = values["inputs"](number, x)
            if callable(values.get("carried")):
                values["carried"] = values["carried"](number, x)
            if number < failed:
                values |= {"prediction": None, "probabilities": None, "error": "step-failed"}
            records.append(PredictionRecord(**values))
        return self.write(records, environment=self.environment if environment is None else environment)

    def write(
        self, records: Sequence[PredictionRecord | FeedbackRecord], *, environment: str = "production"
    ) -> list[PredictionId]:
        """One finished segment of a service."""
        is_feedback = isinstance(records[0], FeedbackRecord)
        folder = FEEDBACK if is_feedback else PREDICTIONS
        header = SegmentHeader(
            kind=folder.name,
            replica=new_replica(),
            segment=1,
            started_at=self.clock.now(),
            host="test",
            process=1,
            ropeway="0",
            model="halves",
            environment=environment,
        )
        place = Place(header.replica, 1, 0)
        writer = SegmentWriter(self.workspace.home / folder / place.file_name, msgspec.json.encode(header))
        for record in records:
            writer.append(msgspec.json.encode(record))
        writer.close()
        return [Place(header.replica, 1, ordinal).id() for ordinal in range(len(records))]

    def tell(self, ids: Sequence[PredictionId], truths: Sequence[Any], *, at: datetime | None = None) -> None:
        """Say what each prediction should have been."""
        moment = at or self.clock.now()
        self.write(
            [
                FeedbackRecord(id=each, value=truth, at=moment + timedelta(microseconds=number), by="cleo")
                for number, (each, truth) in enumerate(zip(ids, truths, strict=True))
            ]
        )

    def settings(self, more: str) -> None:
        """Write the project file again, with more at its end."""
        rewrite(self.workspace, HALVES + more)


def halves_live(folder: Path) -> Path:
    """Train a small model, put it live, and give its project's folder."""
    clock, made = FixedClock(START), []

    def project(toml: str, **files: str) -> LocalWorkspace:
        made.append(make_workspace(folder / "halves", toml=toml, files=files, clock=clock))
        return made[0]

    workspace = halves(project, toml=HALVES)
    ref = proposed(workspace)
    assert gate_model(workspace, ref=ref).passed
    with LocalWorkspace(workspace.root, actor="ben", clock=clock) as ben:
        approve_model(ben, ref=ref)
        promote_model(ben, ref=ref)
    workspace.close()
    return workspace.root


def truth_of(xs: Sequence[float], *, wrong: int = 0) -> list[str]:
    """What is so, but for the first few."""
    right = ["high" if x >= 30 else "low" for x in xs]
    other = {"high": "low", "low": "high"}
    return [other[each] for each in itertools.islice(right, wrong)] + right[wrong:]
