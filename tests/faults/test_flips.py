"""A few bits flip, everywhere in a workspace; the long form is `python -m tests.faults flips`."""

from pathlib import Path

import pytest
from tests.faults.flips import KINDS, run_flips, table

COUNT = 60
SEED = 2026


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))


def test_flipped_bits_are_found_and_never_handed_out(tmp_path: Path, capsys) -> None:
    flips = run_flips(tmp_path, count=COUNT, seed=SEED)
    with capsys.disabled():
        print("\n" + table(flips))
    assert (len(flips.flips), flips.missed) == (COUNT, [])
    assert {flip.kind for flip in flips.flips if flip.touches_data} == set(KINDS)


def test_a_check_that_looks_away_misses_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ropeway.keeping.fsck.check_records", lambda *_, **__: ([], 0))
    assert run_flips(tmp_path, count=30, seed=SEED, kinds=["log"]).missed != []
