"""The power goes; what was acknowledged is on the disk. A control that waits for no disk must lose work."""

from pathlib import Path

import pytest
from tests.faults.campaign import table
from tests.faults.loopdisk import loop_disk, why_not
from tests.faults.power import cut_power

from ropeway.store import Store

CUTS = 3
CONTROLS = 1
SEED = 2026
OPERATIONS = ["store.put", "ledger transaction"]


def test_power_cuts_lose_nothing_and_a_control_does(tmp_path: Path, capsys) -> None:
    if reason := why_not(tmp_path):
        pytest.skip(reason)
    found = cut_power(tmp_path, cuts=CUTS, controls=CONTROLS, seed=SEED, operations=OPERATIONS)
    with capsys.disabled():
        print("\n" + table(found.cuts))
    assert found.problems == []
    assert sum(kill.killed for kill in found.cuts.kills) == CUTS
    assert found.control_lost >= 1


def test_what_was_removed_does_not_come_back_when_the_power_goes(tmp_path: Path) -> None:
    if reason := why_not(tmp_path):
        pytest.skip(reason)
    with loop_disk(tmp_path / "disk", tmp_path / "disk.img") as disk:
        home, folder = disk.folder / "home", tmp_path / "rows"
        folder.mkdir()
        (folder / "a.txt").write_text("packed")
        store = Store(home)
        loose, tree = store.put(b"by itself"), store.put_folder(folder)
        packed = store.read_tree(tree)["a.txt"]
        store.open_path(packed)
        disk.settle()
        store.remove([loose, tree, packed], leave_no_trace=True)
        disk.stop()
        disk.come_back()
        left = [path for path in home.rglob("*") if path.is_file() and b"packed" in path.read_bytes()]
        assert (list(Store(home).digests()), left) == ([], [])
