"""These tests train with the real frameworks, gigabytes of them: `make test-plugins` installs and runs them.

Where they are not installed, as under `make test`, nothing here is collected.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import ropeway
from ropeway.testing import MINIMAL_PROJECT
from ropeway.tracking.points import list_points
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import Run
from ropeway.workspace import open_workspace

collect_ignore_glob = [] if find_spec("lightning") and find_spec("catboost") else ["test_*.py"]


class Kept:
    """What the workspace has of a run that has ended."""

    def __init__(self, run: Run) -> None:
        run.finish()
        with open_workspace() as workspace:
            self.run = resolve_run(workspace, run.id)
            self.files = {
                name: workspace.store.read(each.digest) for name, each in self.run.artifacts.items()
            }
            self._points = list_points(workspace, run=run.id, limit=10_000)

    def steps(self, key: str) -> list[int | None]:
        """The steps of a metric's points."""
        return [point.step for point in self._points if point.key == key]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run of a script in a project of its own."""
    (tmp_path / "ropeway.toml").write_text(MINIMAL_PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROPEWAY_SYSTEM_S", "0")
    with ropeway.run() as made:
        yield made


@pytest.fixture
def kept() -> Callable[[Run], Kept]:
    """`kept(run)` ends it, and gives what is on record of it."""
    return Kept
