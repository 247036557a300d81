"""An erasure that is killed anywhere is ended by the same command: nothing half told, nothing left."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.keeping.erase.test_rows import PEOPLE, ROWS, bring, in_objects
from tests.keeping.erase.test_values import CANARY, files_with

from ropeway.data.load import load, resolve
from ropeway.keeping.audit.operations import verify_history
from ropeway.keeping.erase import complete, operations, rows
from ropeway.keeping.erase.errors import NothingErasable
from ropeway.keeping.erase.operations import erase_rows, list_erasures
from ropeway.keeping.operations import doctor, fsck
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

# Not forked: the threads of polars would be missing in the child.
spawn = multiprocessing.get_context("spawn")

PLACES = {
    "a version was rewritten": (rows, "draft", "before"),
    "the plan is recorded": (operations, "complete", "before"),
    "objects are gone": (complete, "_erase_values", "before"),
    "a payload is gone in a transaction": (complete, "empty_answers", "before"),
    "the database was written anew": (complete, "leave_no_trace", "after"),
}


def dying(function: Callable[..., object], when: str) -> Callable[..., object]:
    """The function, but the process is killed before or after it."""

    def call(*args: object, **more: object) -> object:
        if when == "after":
            function(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody comes here")

    return call


def erase_and_die(root: Path, place: str) -> None:
    """In a process of its own."""
    module, name, when = PLACES[place]
    setattr(module, name, dying(getattr(module, name), when))
    with LocalWorkspace(root, actor="ana") as workspace:
        erase_rows(workspace, dataset="people", keys=["2"])


@pytest.mark.parametrize("place", PLACES)
def test_killed_when(place: str, tmp_path: Path) -> None:
    with make_workspace(tmp_path, toml=PEOPLE) as workspace:
        bring(workspace, ROWS[:2])
        bring(workspace, ROWS)
        workspace.store.put_folder(_folder(tmp_path))
    child = spawn.Process(target=erase_and_die, args=(tmp_path, place))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    with LocalWorkspace(tmp_path, actor="ana") as workspace:
        begun = list_erasures(workspace)
        assert fsck(workspace).is_sound
        assert ("fail" in {sign.verdict for sign in doctor(workspace).signs}) == bool(begun)
        done = erase_rows(workspace, dataset="people", keys=["2"])
        assert done.finished_at is not None
        assert [each.finished_at is None for each in list_erasures(workspace)] == [False]
        assert load(workspace, resolve(workspace, "people"))["id"].to_list() == [1, 3]
        assert (in_objects(workspace, CANARY), files_with(tmp_path, CANARY)) == ([], [])
        assert verify_history(workspace).findings == []
        with pytest.raises(NothingErasable, match="no version"):
            erase_rows(workspace, dataset="people", keys=["2"])


def _folder(root: Path) -> Path:
    """Something small, so that there is a pack."""
    folder = root.parent / f"{root.name}-others"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"other {number}", encoding="utf-8")
    return folder
