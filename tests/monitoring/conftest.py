"""A trained model that is live, and a log of production written as a service writes it."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Tests are imported by file, so what they share must be found by name.
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]

from production import START, Production, halves_live  # noqa: E402  found only now

from ropeway.testing import FixedClock  # noqa: E402
from ropeway.workspace import LocalWorkspace  # noqa: E402


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The folder of a project with `halves@1` live in production since the beginning of a day."""
    return halves_live(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def production(trained: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Production]:
    """A copy of that project to go on with."""
    root = tmp_path / "halves"
    shutil.copytree(trained, root)
    with LocalWorkspace(root, actor="ana", clock=clock) as workspace:
        yield Production(workspace, clock, "halves@1")
