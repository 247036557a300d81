"""The power goes; what was acknowledged is on the disk. A control that waits for no disk must lose work."""

from pathlib import Path

import pytest
from tests.faults.campaign import table
from tests.faults.loopdisk import why_not
from tests.faults.power import cut_power

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
