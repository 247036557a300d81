"""A service dies while two versions share its traffic: nobody who was answered is forgotten or dealt anew."""

import signal
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.faults.loop import HIGHEST, MODEL, lay_loop
from tests.faults.oracle import problems_of
from tests.faults.releases import Releases
from tests.faults.served import Answered, Served, ask_all, ask_at_once, serving

from ropeway.continuous.controller import reconcile
from ropeway.continuous.rollouts.operations import release
from ropeway.data.add import add
from ropeway.models.operations import approve_model, gate_model, get_routing
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.predictions.history import predictions
from ropeway.predictions.record import FeedbackRecord
from ropeway.serving.log import PredictionLog
from ropeway.workspace import LocalWorkspace

LIMIT = 50.0
ENTITIES = 300
CANDIDATE = f"{MODEL}@2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which a second version, which knows better, has half of the traffic."""
    lay_loop(tmp_path / "project")
    with LocalWorkspace(tmp_path / "project", actor="ana") as workspace:
        xs = [HIGHEST * row / 240 for row in range(240)]
        labels = ["high" if x >= LIMIT else "low" for x in xs]
        frame = pl.DataFrame(
            {"id": [f"s{row}" for row in range(240)], "era": [1] * 240, "x": xs, "label": labels}
        )
        frame.write_csv(tmp_path / "more.csv")
        add(workspace, tmp_path / "more.csv", name="numbers")
        version = register(workspace, run_pipeline(workspace).run)
        assert gate_model(workspace, ref=version.ref).passed
        approve_model(workspace, ref=version.ref)
        assert release(workspace, ref=version.ref, steps=[0.5]).rollout is not None
    return tmp_path / "project"


def rows(repeat: int = 1) -> list[dict[str, object]]:
    """Requests of many entities, each with its own number."""
    return [
        {"id": f"e{number}", "era": 1, "x": HIGHEST * number / ENTITIES} for number in range(ENTITIES)
    ] * repeat


def test_killed_under_load_nothing_answered_is_lost_and_the_division_stays(root: Path) -> None:
    before: list[Answered] = []
    served = Served(root, MODEL)
    clients = ask_at_once(served, rows(50), before, clients=4)
    while len(before) < 2 * ENTITIES:
        time.sleep(0.01)
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    for client in clients:
        client.join()
    after: list[Answered] = []
    with serving(root, MODEL) as again:
        ask_all(again, rows(), after)
    with LocalWorkspace(root, actor="ana") as workspace:
        found = predictions(workspace)
        assert max(Counter(found["id"]).values()) == 1
        on_record = dict(found.select("id", "model").iter_rows())
        assert {each.id: each.model for each in before + after}.items() <= on_record.items()
        arms = {(each.entity, each.model) for each in before + after}
        assert len(arms) == len({each.entity for each in before + after}) == ENTITIES
        assert {model for _, model in arms} == {f"{MODEL}@1", CANDIDATE}
        assert problems_of(workspace) == []


def test_the_controller_goes_on_with_what_was_answered_before_and_after_the_death(root: Path) -> None:
    answered: list[Answered] = []
    for sign in (signal.SIGKILL, signal.SIGTERM):
        served = Served(root, MODEL)
        ask_all(served, rows(), answered)
        served.end(sign)
    with LocalWorkspace(root, actor="controller") as workspace:
        with PredictionLog(workspace.home, model=MODEL, environment="production") as log:
            for each in answered:
                is_high = HIGHEST * int(each.entity[1:]) / ENTITIES >= LIMIT
                truth = "high" if is_high else "low"
                log.add_feedback(FeedbackRecord(id=each.id, value=truth, at=datetime.now(UTC), by="cleo"))
        said = reconcile(workspace)
        assert "rollout-promoted" in [each.kind for each in said], said
        assert [each.says for each in said if each.kind == "error"] == []
        assert get_routing(workspace, name=MODEL).live == CANDIDATE
        assert Releases(workspace).problems == []
        assert problems_of(workspace) == []
