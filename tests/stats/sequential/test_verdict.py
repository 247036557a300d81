import itertools
import math
import re

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sequential.betting import as_e
from ropeway.stats.sequential.shown import e_value
from ropeway.stats.sequential.verdict import Evidence, Terms, Verdict, decide, follow, needed

TERMS = Terms(scale=10.0, alpha=0.01, harm_alpha=0.05, min_entities=100)
VALUES = st.lists(st.sampled_from([-10.0, -4.0, -1.0, 0.0, 0.0, 2.0, 4.0, 10.0]), max_size=300)


def gains(mean: float, count: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 2.5, count).clip(-10, 10).tolist()


def verdict(differences: list[float], *, is_over: bool = False, **terms: float) -> Verdict:
    agreed = msgspec.structs.replace(TERMS, **terms)
    return decide(Evidence(differences=differences, is_over=is_over), agreed)


def test_a_real_gain_is_proven():
    found = verdict(gains(0.8, 400))
    assert found.kind == "gain"
    assert found.e_gain >= 100
    assert found.low > 0
    assert found.says.startswith("Better after 400 entities: costs fall by ")


def test_a_real_loss_is_harm():
    found = verdict(gains(-0.8, 400))
    assert found.kind == "harm"
    assert found.e_harm >= 20
    assert found.high < 0
    assert found.says.startswith("Worse after 400 entities: costs rise by ")


def test_harm_does_not_wait_for_the_least_number_of_entities():
    assert verdict([-10.0] * 20).kind == "harm"


def test_a_gain_does():
    assert verdict([10.0] * 20).kind == "continue"
    assert verdict([10.0] * 20, min_entities=20).kind == "gain"


def test_a_gain_that_is_smaller_than_asked_for_is_futile():
    found = verdict(gains(0.2, 4000), min_gain=1.0)
    assert found.kind == "futile"
    assert found.high < 1.0
    assert "at least 1 was asked for" in found.says


def test_without_a_difference_the_deadline_ends_it_undecided():
    same = gains(0.0, 500)
    assert verdict(same).kind == "continue"
    assert verdict(same, is_over=True).kind == "undecided"
    assert verdict(same, is_over=True).says.startswith("Undecided at the deadline, after 500 entities")


def test_a_gain_at_the_deadline_is_a_gain():
    assert verdict(gains(0.8, 400), is_over=True).kind == "gain"


def test_without_any_evidence_nothing_is_known():
    found = verdict([])
    assert (found.kind, found.entities, found.estimate, found.low, found.high) == (
        *("continue", 0, 0.0),
        *(-10.0, 10.0),
    )
    assert found.e_gain == pytest.approx(1.0)
    assert verdict([], is_over=True).kind == "undecided"


def test_a_spent_budget_proves_no_gain_and_says_so():
    found = verdict(gains(0.8, 400), alpha=0.0)
    assert found.kind == "continue"
    assert "the budget is spent" in found.says
    assert verdict(gains(-0.8, 400), alpha=0.0).kind == "harm"


def test_a_verdict_is_plain_json_however_sure_it_is():
    found = verdict([10.0] * 5000)
    assert math.isfinite(found.e_gain)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Verdict) == found


@settings(deadline=None, max_examples=60)
@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_within_a_look_does_not_matter(values, random):
    found, other = verdict(values), verdict(random.sample(values, len(values)))
    assert other.kind == found.kind
    assert other.e_gain == pytest.approx(found.e_gain, rel=1e-6)
    assert (other.low, other.high) == pytest.approx((found.low, found.high), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(VALUES)
def test_the_bounds_show_the_verdict(values):
    found = verdict(values, min_entities=1)
    if found.low > 0:
        assert found.kind == "gain"
    if found.high < 0:
        assert found.kind == "harm"


@pytest.mark.parametrize(("mean", "kind"), [(0.4, "gain"), (-0.4, "harm")])
def test_a_bound_passes_zero_when_the_verdict_falls(mean: float, kind: str):
    moved = follow(Evidence(differences=gains(mean, 1500)), TERMS, points=300)
    # The bounds may be one look later: between the points of their grid they err on the safe side.
    for before, after in itertools.pairwise(moved):
        is_past = (after.low > 0) if kind == "gain" else (after.high < 0)
        was_proven = before.e_gain >= 100 if kind == "gain" else before.e_harm >= 20
        is_proven = after.e_gain >= 100 if kind == "gain" else after.e_harm >= 20
        assert is_past in {was_proven, is_proven}
    assert verdict(gains(mean, 1500)).kind == kind


def test_a_rise_smaller_than_the_least_gain_is_harm_all_the_same():
    assert verdict(gains(-0.5, 2000), min_gain=2.0).kind == "harm"


def test_entities_of_the_candidate_are_counted_and_not_blocks():
    steps = pl.DataFrame({"difference": [1.0, 2.0], "candidate": [1, 3], "live": [9, 1]})
    evidence = Evidence.of(steps)
    assert evidence.entities == [1, 4]
    assert decide(evidence, TERMS).entities == 4
    assert decide(Evidence.of(steps.head(0)), TERMS).entities == 0


def test_the_trajectory_ends_where_the_verdict_stands():
    evidence = Evidence(differences=gains(0.3, 1000))
    moved, found = follow(evidence, TERMS, points=50), decide(evidence, TERMS)
    assert [point.entities for point in moved] == list(range(20, 1001, 20))
    for field in ("estimate", "low", "high"):
        assert getattr(moved[-1], field) == pytest.approx(getattr(found, field), abs=1e-9)
    assert moved[-1].e_gain == pytest.approx(found.e_gain, rel=1e-9)


def test_the_trajectory_of_a_few_entities_has_a_point_each():
    assert len(follow(Evidence(differences=[1.0, 2.0, 0.0]), TERMS)) == 3
    assert follow(Evidence(differences=[]), TERMS) == []


def test_evidence_beyond_what_a_float_holds_has_its_logarithm():
    found = verdict([10.0] * 5_000)
    assert found.kind == "gain"
    assert found.log_e_gain > 800
    assert math.isfinite(found.e_gain)
    assert found.e_harm == as_e(found.log_e_harm) < 1e-4
    assert as_e(-800.0) == 0.0


def test_nothing_is_enough_at_a_level_of_zero():
    assert needed(0.05) == pytest.approx(20)
    assert needed(0.0) == math.inf


def test_large_evidence_is_said_as_the_power_of_ten_that_it_has_reached():
    said = decide(Evidence(differences=gains(0.8, 2000)), TERMS).says
    assert re.search(r"; e = 10\^\d+, and 100 was needed\.$", said)
    assert "e+" not in said


def test_e_values_have_one_form_everywhere():
    shown = [e_value(math.log(value)) for value in (0.0123, 0.999, 9.94, 42.4, 999_999.0, 1e6, 9.9e9, 1e10)]
    assert shown == ["0.012", "1", "9.9", "42", "999,999", "10^6", "10^9", "10^10"]
    assert e_value(1e6) == "10^434294"
    assert e_value(-1e6) == "0"
