"""A small real project under a policy: a limit between two halves of numbers, learnt, live, judged."""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from tests import on_postgres

from ropeway.core.clock import Clock
from ropeway.core.ids import PredictionId
from ropeway.data.add import add
from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.predictions.identity import Place, new_replica, segment_name
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

START = datetime.fromisoformat("2026-03-02T09:00:00+00:00")

PROJECT = """
[project]
name = "halves"
[gate]
min_rows = 5
[charter]
metric = "accuracy"
bar = 0.6
confidence = 0.9
[inputs.rows]
dataset = "numbers"
key = "id"
target = "label"
"""

POLICY = """
[policy]
triggers = ["new-data", "drift", "degradation"]
approval = "by-rule"
cooldown = "1d"
[policy.data]
min_rows = 20
"""

PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def limit(rows, target, *, shift: float = 0.0):
    high = rows.filter(target == "high")["x"].mean()
    low = rows.filter(target == "low")["x"].mean()
    return {"at": (high + low) / 2 + shift}


@step(serve=True)
def half(rows, limit):
    high = (rows["x"] >= limit["at"]).cast(pl.Float64) * 0.8 + 0.1
    return pl.DataFrame({"high": high, "low": 1 - high})
"""


def project(
    folder: Path,
    *,
    policy: str = POLICY,
    clock: Clock | None = None,
    pipeline: str = PIPELINE,
    rows: int = 120,
    actor: str = "ana",
) -> LocalWorkspace:
    """A project with data under a contract; nothing is trained yet."""
    workspace = make_workspace(
        folder,
        toml=PROJECT + policy,
        files={"pipeline.py": pipeline},
        clock=clock or FixedClock(START),
        actor=actor,
    )
    bring(workspace, [("r", row, row / 2, row / 2 >= 30) for row in range(rows)])
    return workspace


def bring(workspace: LocalWorkspace, rows: Sequence[tuple[str, int, float, bool]]) -> None:
    frame = pl.DataFrame(
        {
            "id": [f"{kind}{number}" for kind, number, _, _ in rows],
            "x": [x for _, _, x, _ in rows],
            "label": ["high" if is_high else "low" for _, _, _, is_high in rows],
        }
    )
    path = workspace.root / "numbers.csv"
    frame.write_csv(path)
    add(workspace, path, name="numbers", key=["id"])


def put_live(workspace: LocalWorkspace) -> str:
    """Train, register, gate, approve by another person, promote."""
    run_pipeline(workspace)
    version = register(workspace)
    assert gate_model(workspace, ref=version.ref).passed
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref=version.ref)
        promote_model(ben, ref=version.ref)
    return version.ref


def live_project(
    folder: Path, *, policy: str = POLICY, clock: Clock | None = None, actor: str = "ana"
) -> LocalWorkspace:
    """As `project`, with its first version live in production."""
    on_postgres.copy_project(_live_project(), folder, PROJECT + policy)
    return LocalWorkspace(folder, actor=actor, clock=clock or FixedClock(START))


@cache
def _live_project() -> Path:
    """Made once and copied: training it takes longer than most of the tests."""
    folder = Path(tempfile.mkdtemp(prefix="ropeway-halves-")) / "halves"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    with project(folder) as workspace:
        put_live(workspace)
    return folder


def answer(
    workspace: LocalWorkspace,
    rows: Sequence[dict[str, Any]],
    *,
    model: str = "halves@1",
    carried: Sequence[dict[str, Any]] = (),
    at: datetime | None = None,
    hashed: Sequence[str] = (),
    dropped: Sequence[str] = (),
) -> list[PredictionId]:
    """Put answers into the log as a serving process does."""
    replica, now = new_replica(), at or workspace.clock.now()
    with _segment(workspace, "predictions", PREDICTIONS, replica) as writer:
        ids = []
        for ordinal, row in enumerate(rows):
            record = PredictionRecord(
                at=now,
                model=model,
                inputs=row,
                prediction="high",
                probabilities={"high": 0.9, "low": 0.1},
                latency_us=500,
                carried=dict(carried[ordinal]) if carried else {},
                hashed=list(hashed),
                dropped=list(dropped),
            )
            place = Place(replica, 1, writer.append(msgspec.json.encode(record)))
            ids.append(place.id())
    return ids


def say(workspace: LocalWorkspace, truths: dict[PredictionId, Any], *, at: datetime | None = None) -> None:
    """Put what people said into the log."""
    now = at or workspace.clock.now()
    with _segment(workspace, "feedback", FEEDBACK, new_replica()) as writer:
        for identity, value in truths.items():
            writer.append(msgspec.json.encode(FeedbackRecord(id=identity, value=value, at=now, by="ana")))


def judged_rows(workspace: LocalWorkspace, count: int, *, limit: float = 40.0, start: int = 0) -> None:
    """Answers to new numbers, each with its truth: they divide at another limit than the data does."""
    xs = [(start + number) % 120 / 2 + 0.25 for number in range(count)]
    ids = answer(workspace, [{"x": x} for x in xs])
    later = workspace.clock.now() + timedelta(seconds=1)
    truths = {identity: "high" if x >= limit else "low" for identity, x in zip(ids, xs, strict=True)}
    say(workspace, truths, at=later)


class _segment:
    def __init__(self, workspace: LocalWorkspace, kind: str, folder: Path, replica: str) -> None:
        header = SegmentHeader(
            kind=kind,
            replica=replica,
            segment=1,
            started_at=workspace.clock.now(),
            host="here",
            process=1,
            ropeway="0",
            model="halves",
            environment="production",
        )
        path = workspace.home / folder / segment_name(replica, 1)
        self._writer = SegmentWriter(path, msgspec.json.encode(header))

    def __enter__(self) -> SegmentWriter:
        return self._writer

    def __exit__(self, *_: object) -> None:
        self._writer.close()
