"""When a guard is broken: by more than chance, and by nothing that nobody feels."""

import random

import pytest

from ropeway.continuous.rollouts.events import Limits
from ropeway.continuous.rollouts.guards import CONFIDENCE, Arm, _coverage, _errors, is_over
from ropeway.stats.proportion import lower_bound

LIMITS = Limits(latency_ratio=2.0, error_rate=0.01, coverage_gap=0.2)


def arm(**figures: object) -> Arm:
    return Arm(
        **{"asked": 0, "errors": 0, "answers": 0, "labelled": 0, "timed": 0, "p99_us": None, **figures}
    )


@pytest.mark.parametrize("trials", [1, 3, 20, 100, 400])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_being_over_is_a_lower_bound_over_it(trials, rate):
    for events in range(trials + 1):
        bound = lower_bound(events, trials, CONFIDENCE)
        if abs(bound - rate) > 1e-9:
            assert is_over(events, trials, rate) == (bound > rate), (events, bound)


def test_looking_a_thousand_times_at_what_is_allowed_seldom_breaks_it():
    draw, broken = random.Random(1), 0
    for _ in range(200):
        errors = 0
        for row in range(1, 1001):
            errors += draw.random() < 0.01
            if is_over(errors, row, 0.01):
                broken += 1
                break
    assert broken <= 6


def test_a_candidate_that_fails_as_often_as_live_does_breaks_nothing():
    assert _errors(arm(asked=400, errors=80), arm(asked=400, errors=82), LIMITS) == ""
    assert "failed on 140 of 400" in _errors(arm(asked=400, errors=80), arm(asked=400, errors=140), LIMITS)


def test_no_error_at_all_is_allowed_where_the_project_says_so():
    strict = Limits(latency_ratio=2.0, error_rate=0.0, coverage_gap=0.2)
    assert _errors(arm(asked=9), arm(asked=9, errors=1), strict)
    assert not _errors(arm(asked=9), arm(asked=9), strict)


def test_coverage_is_compared_where_both_arms_have_answers():
    assert _coverage(arm(answers=500, labelled=500), arm(answers=10, labelled=0), LIMITS) == ""
    said = _coverage(arm(answers=500, labelled=450), arm(answers=50, labelled=20), LIMITS)
    assert said.startswith(
        "the truth is known of 40% of the candidate's answers and of 90% of the live version's"
    )
