"""A few bits flip, everywhere in a workspace; the long form is `python -m tests.faults.flips`."""

from pathlib import Path

from tests.faults.flips import run_flips, table

COUNT = 15
SEED = 2026


def test_flipped_bits_are_found_and_never_handed_out(tmp_path: Path, capsys) -> None:
    flips = run_flips(tmp_path, count=COUNT, seed=SEED)
    with capsys.disabled():
        print("\n" + table(flips))
    # A field of a record that no table shows is for the tamper evidence to find; the long form counts those.
    assert [flip for flip in flips.missed if flip.kind != "database"] == []
    assert sum(flip.handed_out for flip in flips.flips) == 0
    assert len(flips.flips) == COUNT
