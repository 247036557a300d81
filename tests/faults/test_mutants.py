"""Faults seeded into our own code: every one can be seeded still, and a sample is caught."""

from pathlib import Path

import pytest
from tests.faults.mutants import MUTANTS, misplaced, seed_faults

SAMPLE = "a tree may name a place outside of its folder"


def test_every_fault_still_has_its_place_in_the_code() -> None:
    assert len(MUTANTS) >= 20
    assert [problem for mutant in MUTANTS if (problem := misplaced(mutant))] == []


@pytest.mark.slow
def test_one_of_the_faults_is_caught(tmp_path: Path) -> None:
    outcomes = seed_faults(tmp_path, [mutant for mutant in MUTANTS if mutant.name == SAMPLE])
    assert [(each.name, each.caught, each.problem) for each in outcomes] == [(SAMPLE, True, "")]
