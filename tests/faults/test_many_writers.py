"""Many processes write one workspace at once: no error, nothing lost or doubled, an equal replay."""

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


def _work_at_once(folder: Path, names: list[str], *, times: int) -> None:
    """Let one process for each name work in one project, and hold them all to account."""
    root, stories = folder / "project", {name: Story(folder / f"{name}.jsonl") for name in names}
    for name in stories:
        OPERATIONS[name]().prepare(root)
    children = []
    for number, name in enumerate(names):
        Board(folder / f"board-{number}", create=True)
        orders = Orders(
            operation=name,
            root=str(root),
            board=str(folder / f"board-{number}"),
            story=str(folder / f"{name}.jsonl"),
            tokens=f"writer-{number}",
            limit=times,
        )
        children.append(start_child(orders))
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()
    with LocalWorkspace(root, actor="ana") as workspace:
        for name, story in stories.items():
            assert len(story.acknowledged()) == names.count(name) * times
            assert OPERATIONS[name]().problems(workspace, story) == []
            story.close()
        assert problems_of(workspace) == []
