"""Many processes write one workspace at once: no error, nothing lost or doubled, an equal replay."""

import subprocess
from pathlib import Path

import pytest
from tests.faults.board import Board
from tests.faults.catalogue import OPERATIONS
from tests.faults.child import Orders
from tests.faults.kill import start_child
from tests.faults.oracle import problems_of
from tests.faults.story import Story

from ropeway.workspace import LocalWorkspace


@pytest.mark.parametrize("writers", [2, 8])
def test_writers_of_events_do_not_hinder_one_another(tmp_path: Path, writers: int) -> None:
    _work_at_once(tmp_path, ["ledger transaction"] * writers, times=200 // writers)


def test_different_work_goes_on_at_once(tmp_path: Path) -> None:
    kinds = ["ledger transaction", "store.put", "data add", "tracked run"]
    _work_at_once(tmp_path, [*kinds, *kinds], times=10)


def test_two_processes_run_the_very_same_pipeline_at_once(tmp_path: Path) -> None:
    root, operation = tmp_path / "project", OPERATIONS["pipeline run"]()
    operation.prepare(root)
    stories = [Story(tmp_path / f"{number}.jsonl") for number in range(2)]
    # The same tokens: the same parameters, so the same keys, artifacts and digests at the same time.
    _finish(
        [_start(tmp_path, "pipeline run", f"{n}", story=f"{n}", tokens="same", times=6) for n in range(2)]
    )
    with LocalWorkspace(root, actor="ana") as workspace:
        for story in stories:
            assert len(story.acknowledged()) == 6
            assert operation.problems(workspace, story) == []
            story.close()
        assert problems_of(workspace) == []


def _work_at_once(folder: Path, names: list[str], *, times: int) -> None:
    """Let one process for each name work in one project, and hold them all to account."""
    root, stories = folder / "project", {name: Story(folder / f"{name}.jsonl") for name in names}
    for name in stories:
        OPERATIONS[name]().prepare(root)
    _finish(
        [
            _start(folder, name, f"{number}", story=name, tokens=f"writer-{number}", times=times)
            for number, name in enumerate(names)
        ]
    )
    with LocalWorkspace(root, actor="ana") as workspace:
        for name, story in stories.items():
            assert len(story.acknowledged()) == names.count(name) * times
            assert OPERATIONS[name]().problems(workspace, story) == []
            story.close()
        assert problems_of(workspace) == []


def _start(
    folder: Path, name: str, number: str, *, story: str, tokens: str, times: int
) -> "subprocess.Popen[bytes]":
    Board(folder / f"board-{number}", create=True)
    return start_child(
        Orders(
            operation=name,
            root=str(folder / "project"),
            board=str(folder / f"board-{number}"),
            story=str(folder / f"{story}.jsonl"),
            tokens=tokens,
            limit=times,
        )
    )


def _finish(children: "list[subprocess.Popen[bytes]]") -> None:
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()
