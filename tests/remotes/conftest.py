"""Two projects and a place between them."""

import sys
from pathlib import Path

import pytest

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A folder for a remote; the first push makes it."""
    return tmp_path / "hub"


@pytest.fixture
def alpha(project, hub: Path):
    """Who pushes."""
    return project(f'[project]\nname = "alpha"\n[remote.hub]\nurl = "{hub}"\n')


@pytest.fixture
def beta(project, hub: Path):
    """Who pulls."""
    return project(f'[project]\nname = "beta"\n[remote.hub]\nurl = "{hub}"\n', actor="ben")
