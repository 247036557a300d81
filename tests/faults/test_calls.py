"""Calls to the disk that fail: before or after, told in our words, nothing acknowledged unsynced."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.faults import interposer

HERE = Path(__file__).resolve().parents[2]
SHORT = ("ledger transaction", "store.put", "run.log, flush")
EVERY = 7


@pytest.fixture(autouse=True)
def _can_be_failed() -> None:
    if reason := interposer.why_not():
        pytest.skip(reason)


def ask(*words: str) -> list[dict[str, object]]:
    """What a process of its own finds: this one has threads, and must not fork."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.calls", *words],
        cwd=HERE,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, object]] = msgspec.json.decode(done.stdout)
    return found


@pytest.mark.parametrize("name", SHORT, ids=["transaction", "put", "flush"])
def test_nothing_is_acknowledged_before_it_is_synced(name: str) -> None:
    assert ask("unsynced", name) == [{"operation": name, "unsynced": []}]


def test_a_call_that_fails_leaves_before_or_after_and_is_told() -> None:
    found = ask("failing", str(EVERY), *SHORT[:2])
    assert {each["fault"] for each in found} == {"EIO", "ENOSPC"}
    assert {each["said"] for each in found} >= {"disk-full", "ledger-disk-failing"}
    assert [each for each in found if each["problems"]] == []
