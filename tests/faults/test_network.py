"""The network is cut at random bytes: what a client was told is there once, whatever it had to repeat."""

from pathlib import Path

import pytest
from tests.faults.network import COMMAND, cut_network

CUTS = 16


@pytest.mark.slow
def test_a_network_that_is_cut_loses_and_doubles_nothing(tmp_path: Path) -> None:
    found = cut_network(tmp_path, cuts=CUTS, seed=7)
    assert found.struck >= CUTS
    assert found.problems == []
    assert max(each.tries for each in found.told) > 1


@pytest.mark.slow
def test_without_keys_some_command_is_done_twice(tmp_path: Path) -> None:
    found = cut_network(tmp_path, cuts=CUTS, seed=7, has_keys=False)
    assert any(each.kind == COMMAND and each.tries > 1 for each in found.told)
    assert any("was done 2 times" in problem for problem in found.problems)
