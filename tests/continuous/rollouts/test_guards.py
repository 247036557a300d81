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
def test_being_over_is_a_lower_bound_over_it(trials):
    for events in range(trials + 1):
        bound = lower_bound(events, trials, CONFIDENCE)
        for rate in (0.0, 0.01, 0.1, 0.5, 1.0):
            if abs(bound - rate) > 1e-9:
                assert is_over(events, trials, rate) == (bound > rate), (events, rate, bound)


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
    assert "failed on 160 of 400" in _errors(arm(asked=400, errors=80), arm(asked=400, errors=160), LIMITS)


def test_who_fails_as_live_does_is_seldom_stopped_however_often_one_looks():
    draw, broken = random.Random(2), 0
    for run in range(60):
        rate, live, own = [0.02, 0.1][run % 2], [0, 0], [0, 0]
        for row in range(2000):
            who = own if row % 4 == 0 else live
            who[0], who[1] = who[0] + 1, who[1] + (draw.random() < rate)
            if row % 10 == 0 and _errors(
                arm(asked=live[0], errors=live[1]), arm(asked=own[0], errors=own[1]), LIMITS
            ):
                broken += 1
                break
    assert broken <= 1


def test_what_is_seen_of_live_is_not_its_rate():
    assert not _errors(arm(asked=9), arm(asked=9, errors=1), LIMITS)
    assert not _errors(arm(asked=0), arm(asked=50, errors=50), LIMITS)
    assert _errors(arm(asked=100), arm(asked=100, errors=20), LIMITS)


def test_a_request_of_many_rows_that_fails_counts_once(world):
    from rollouts_world import CANDIDATE, LIVE

    from ropeway.continuous.rollouts.evidence import evaluate
    from ropeway.predictions.record import ShadowRecord

    rollout = world.release().id
    for row in range(200):
        # Forty rows of one request, and then as many requests of a row.
        world.clock.advance(seconds=0 if row < 40 else 1)
        at = world.clock.now()
        given = world.log.add(LIVE, {}, "yes", None, at=at, latency_us=5)
        failed = {"error": "prediction-failed"} if row < 40 else {"prediction": "yes"}
        world.log.add_shadow(
            ShadowRecord(of=given, at=at, model=CANDIDATE, latency_us=9, rollout=rollout, **failed)
        )
    guarded = evaluate(world.ana, world.rollout).guarded
    assert (guarded.candidate.errors, guarded.candidate.asked) == (1, 161)
    assert guarded.broken == {}


def test_an_arm_that_failed_is_charged_once_and_not_timed_by_who_answered(make_world):
    from rollouts_world import CANDIDATE, LIVE

    from ropeway.continuous.rollouts.evidence import evaluate
    from ropeway.predictions.record import ShadowRecord

    world = make_world(steps="[0.5]")
    of = {"rollout": world.release().id}
    at = world.clock.now()
    error = "prediction-failed"
    world.log.add(CANDIDATE, {}, None, None, at=at, latency_us=7, error=error, **of)
    given = world.log.add(LIVE, {}, "yes", None, at=at, latency_us=5, instead_of=CANDIDATE, **of)
    world.log.add_shadow(ShadowRecord(of=given, at=at, model=CANDIDATE, latency_us=8, error=error, **of))
    guarded = evaluate(world.ana, world.rollout).guarded
    own, live = guarded.candidate, guarded.live
    assert (own.asked, own.errors, own.answers, own.timed) == (1, 1, 1, 0)
    assert (live.asked, live.errors, live.answers, live.timed) == (0, 0, 0, 0)


def test_coverage_is_compared_where_both_arms_have_answers():
    assert _coverage(arm(answers=500, labelled=500), arm(answers=10, labelled=0), LIMITS) == ""
    said = _coverage(arm(answers=500, labelled=450), arm(answers=50, labelled=20), LIMITS)
    assert said.startswith(
        "the truth is known of 40% of the candidate's answers and of 90% of the live version's"
    )
