from pathlib import Path

import pytest

from ropeway.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a few small files and a deeper one, at rest for long enough to be believed."""
    root = tmp_path / "data"
    (root / "a" / "deep").mkdir(parents=True)
    for number in range(20):
        (root / "a" / f"{number}.txt").write_bytes(f"row {number}\n".encode() * number)
    (root / "a" / "deep" / "é.bin").write_bytes(bytes(range(256)) * 40)
    (root / "empty.txt").write_bytes(b"")
    return root
