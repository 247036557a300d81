"""Weakened builds: every one can be made still, and for a sample the attack's test is seen to fail."""

from pathlib import Path

import pytest
from tests.attacks.weakened import builds, chosen, misplaced, seed_faults

SAMPLE = "a tree may name a place outside of its folder"


def test_every_weakened_build_can_be_made_still() -> None:
    every = [build for each in builds().values() for build in each]
    assert len({build.name for build in every}) == len(every)
    assert [problem for build in every if (problem := misplaced(build))] == []


@pytest.mark.slow
def test_a_weakened_build_makes_its_attack_succeed(tmp_path: Path) -> None:
    outcomes = seed_faults(tmp_path, chosen([SAMPLE]))
    assert [(each.name, each.caught, each.problem) for each in outcomes] == [(SAMPLE, True, "")]
