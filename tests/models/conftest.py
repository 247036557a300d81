"""Two people in one workspace."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent))

TOML = """
[project]
name = "sentiment"
[environments.production]
[environments.staging]
"""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def ana(project, clock: FixedClock) -> LocalWorkspace:
    """Who proposes."""
    return project(TOML, clock=clock)


@pytest.fixture
def ben(ana: LocalWorkspace, clock: FixedClock) -> Iterator[LocalWorkspace]:
    """Who approves."""
    with LocalWorkspace(ana.root, actor="ben", clock=clock) as workspace:
        yield workspace
