"""The fault runner is a program of its own (`python -m tests.faults`), found from the repository's root."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from tests.faults.disk import SmallDisk, mounted  # noqa: E402  found once the root is


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk to fill, as large as the module's `MEGABYTES`."""
    with mounted(tmp_path / "disk", megabytes=request.module.MEGABYTES) as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found
