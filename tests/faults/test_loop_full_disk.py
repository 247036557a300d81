"""The disk runs full while production is observed and acted on: a clear word, and nothing half there."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.faults.disk import SmallDisk
from tests.faults.loop import clock_of, lay_loop
from tests.faults.operations.loop import ControlLoop
from tests.faults.oracle import problems_of
from tests.faults.story import Story
from tests.faults.traffic import World

from ropeway.continuous.controller import reconcile
from ropeway.core.errors import RopewayError
from ropeway.ledger.errors import DiskFull
from ropeway.monitoring.observe import observe
from ropeway.monitoring.operations import list_windows
from ropeway.predictions.history import predictions
from ropeway.store.errors import OutOfSpace
from ropeway.workspace import LocalWorkspace

MEGABYTES = 24
LEAVES = (0, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144)
FULL = {OutOfSpace.code, DiskFull.code}


@pytest.fixture
def root(disk: SmallDisk) -> Path:
    """A project on the small disk, with half a day of production."""
    lay_loop(disk.folder / "project")
    world = World(disk.folder / "project")
    for _ in range(80):
        world.ahead = 0
        world.tick()
    world.close()
    return disk.folder / "project"


def test_a_look_that_does_not_fit_says_so_and_the_next_one_judges_all(disk: SmallDisk, root: Path) -> None:
    refused: set[str] = set()
    with LocalWorkspace(root, actor="ana", clock=clock_of(root)) as workspace:
        before = predictions(workspace)
        for leave in LEAVES:
            disk.fill(leave=leave)
            try:
                refused |= _codes(observe(workspace).errors)
            except RopewayError as error:
                refused.add(error.code)
            assert predictions(workspace).equals(before)
            disk.empty()
        assert observe(workspace).errors == []
        windows = list_windows(workspace)
        assert refused
        assert refused <= FULL
        assert len({(each.ref, each.start) for each in windows}) == len(windows) >= 2
    _hold_to_account(root)


def test_a_controller_on_a_full_disk_tells_it_and_goes_on_when_there_is_room(
    disk: SmallDisk, root: Path
) -> None:
    told: set[str] = set()
    with LocalWorkspace(root, actor="controller", clock=clock_of(root)) as workspace:
        for leave in LEAVES:
            disk.fill(leave=leave)
            try:
                told |= _codes(each.says for each in reconcile(workspace) if each.kind in ("error", "failed"))
            except RopewayError as error:
                told.add(error.code)
            disk.empty()
        assert told
        assert told <= FULL
        said = [each for _ in range(2) for each in reconcile(workspace)]
        assert [each.says for each in said if each.kind in ("error", "failed")] == []
    _hold_to_account(root)


def _codes(lines: Iterable[str]) -> set[str]:
    """The code that each line names; a line that names none as it is."""
    return {found[1] if (found := re.search(r"\[([a-z-]+)\]", line)) else line for line in lines}


def _hold_to_account(root: Path) -> None:
    story = Story(root.parent / "story")
    with LocalWorkspace(root, actor="ana") as workspace:
        assert ControlLoop().problems(workspace, story) == []
        assert problems_of(workspace) == []
    story.close()
