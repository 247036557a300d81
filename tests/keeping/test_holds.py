"""Holds: what they keep, who placed them, when they are over."""

import pytest
from tests.keeping.histories import World

from ropeway.keeping.errors import NoSuchHold, NothingToHold
from ropeway.keeping.operations import gc, list_holds, place_hold, release_hold


@pytest.fixture
def world(tmp_path):
    """A retired version, its run and its dataset, all given up long ago."""
    made = World(tmp_path / "project", {"dataset_versions": 1, "superseded_runs": "1d", "retired": "1d"})
    made.arrive("rows", 1)
    made.start("rows", 0, 1)
    made.end(0, "finished")
    made.register(0, 1)
    made.move(0, "retire")
    made.arrive("rows", 2)
    made.start("rows", 1, 2)
    made.end(0, "finished")
    made.pass_days(10)
    yield made
    made.close()


def test_a_hold_on_a_model_keeps_all_that_it_came_from(world):
    held = place_hold(world.workspace, subject="mood@1", reason="a claim")
    world.holds.append("model:mood@1")
    assert held.covers >= 3
    gc(world.workspace)
    assert world.alive() <= set(world.workspace.store.digests())
    assert world.workspace.store.has(world.datasets["rows"][0])


def test_once_released_it_goes(world):
    held = place_hold(world.workspace, subject="model:mood@1", reason="a claim")
    assert gc(world.workspace).removed == 0
    ended = release_hold(world.workspace, hold=held.id, reason="settled")
    assert ended[0].released_by == "ana"
    gc(world.workspace)
    assert not world.workspace.store.has(world.datasets["rows"][0])


def test_a_hold_says_by_whom_and_why(world):
    place_hold(world.workspace, subject="rows@v1", reason="a claim")
    [held] = list_holds(world.workspace)
    assert (held.held.partition("@")[0], held.reason, held.placed_by) == ("dataset:rows", "a claim", "ana")


def test_what_is_not_there_cannot_be_held_and_what_is_not_held_not_released(world):
    with pytest.raises(NothingToHold, match="nothing here"):
        place_hold(world.workspace, subject="mood@77", reason="x")
    with pytest.raises(NoSuchHold, match="is not held"):
        release_hold(world.workspace, hold="mood@1")
