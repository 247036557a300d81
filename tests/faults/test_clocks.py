"""Clocks that jump by years, go back, or cannot be read: a clear word, nothing lost, and it goes on."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults.loop import MODEL, clock_of, lay_loop
from tests.faults.operations.loop import ControlLoop
from tests.faults.oracle import problems_of
from tests.faults.served import Served, serving
from tests.faults.story import Story
from tests.faults.traffic import World

from ropeway.continuous.controller import reconcile
from ropeway.monitoring.events import WindowObserved
from ropeway.monitoring.observe import observe
from ropeway.predictions.operations import find_prediction, list_feedback
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import VARIABLE
from ropeway.workspace.errors import ClockUnreadable

YEARS = timedelta(days=3650)
DAY = timedelta(days=1)
JUMPS = (YEARS, -DAY, -YEARS, DAY)
GARBAGE = ("yesterday", "", "\x00\xff", "2026-13-40T99:00:00Z")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay_loop(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def world(root: Path) -> Iterator[World]:
    """Production, and a controller's view of it: `world.workspace` reads the same clock."""
    world = World(root)
    yield world
    world.close()


def problems(root: Path) -> list[str]:
    """All that is held against the controller under fault, and against any workspace."""
    story = Story(root.parent / "story")
    with LocalWorkspace(root, actor="ana") as workspace:
        found = [*ControlLoop().problems(workspace, story), *problems_of(workspace)]
    story.close()
    return found


def live_on(world: World, ticks: int = 12) -> None:
    """Some hours of production, by whatever the clock says now."""
    world.ahead = 0
    for _ in range(ticks):
        world.tick()


def test_windows_are_judged_once_however_the_clock_jumps(root: Path, world: World) -> None:
    for jump in (timedelta(0), *JUMPS):
        world.clock.set(world.clock.now() + jump)
        live_on(world, 40)
        assert observe(world.workspace).notes == []
    with world.workspace.ledger.reading() as connection:
        seen = [fact.event for fact in world.workspace.ledger.facts(connection)]
    windows = Counter((each.ref, each.start) for each in seen if isinstance(each, WindowObserved))
    assert len({start.year for _, start in windows}) == 2
    assert max(windows.values()) == 1
    assert problems(root) == []


def test_the_controller_goes_on_through_every_jump(root: Path, world: World) -> None:
    with LocalWorkspace(root, actor="controller", clock=clock_of(root)) as workspace:
        for jump in (timedelta(0), *JUMPS):
            world.clock.set(world.clock.now() + jump)
            for _ in range(3):
                live_on(world)
                said = reconcile(workspace)
                assert [each.says for each in said if each.kind in ("error", "failed")] == []
    assert problems(root) == []


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_clock_that_cannot_be_read_stops_a_look_with_its_name(
    root: Path, world: World, garbage: str
) -> None:
    live_on(world)
    good, path = world.clock.path.read_bytes(), world.clock.path
    with LocalWorkspace(root, actor="controller", clock=clock_of(root)) as workspace:
        path.write_text(garbage, encoding="utf-8")
        for look in (observe, reconcile):
            with pytest.raises(ClockUnreadable, match="clock"):
                look(workspace)
        path.write_bytes(good)
        said = reconcile(workspace)
        assert [each.says for each in said if each.kind == "error"] == []
    assert problems(root) == []


def test_a_service_answers_at_any_time_and_says_when_it_knows_none(root: Path) -> None:
    clock = clock_of(root)
    told: list[str] = []
    with serving(root, MODEL, **{VARIABLE: str(clock.path)}) as served:
        for jump in (timedelta(0), *JUMPS):
            clock.set(clock.now() + jump)
            told.append(_asked(served))
        good = clock.path.read_bytes()
        for garbage in GARBAGE:
            clock.path.write_text(garbage, encoding="utf-8")
            refused = served.predict({"id": "e", "era": 1, "x": 1.0})
            assert refused.status_code >= 500
            assert refused.json()["error"]["code"] == "clock-unreadable"
        clock.path.write_bytes(good)
        told.append(_asked(served))
    with LocalWorkspace(root, actor="ana") as workspace:
        for each in told:
            assert find_prediction(workspace, prediction=each).model == f"{MODEL}@1"
            assert [one.value for one in list_feedback(workspace, prediction=each)] == ["low"]
    assert problems(root) == []


def _asked(served: Served) -> str:
    """An answer and what was said of it; gives its id."""
    identity: str = served.predict({"id": "e", "era": 1, "x": 1.0}).raise_for_status().json()["id"]
    served.client.post("/feedback", json={"id": identity, "value": "low"}).raise_for_status()
    return identity
