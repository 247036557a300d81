import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sequential.betting import Betting
from ropeway.stats.sequential.confidence import ConfidenceSequence, LowerBound

SCALE = 10.0
VALUES = st.lists(st.floats(min_value=-SCALE, max_value=SCALE, allow_subnormal=False), max_size=200)


def interval(values, alpha: float = 0.05) -> tuple[float, float]:
    bounds = ConfidenceSequence(SCALE, alpha)
    bounds.update(np.array(values, dtype=np.float64))
    return bounds.interval


def exact_bound(values, alpha: float) -> float:
    """The largest mean that betting refutes, by halving; slow."""

    def is_refuted(mean: float) -> bool:
        test = Betting(SCALE, mean)
        test.update(np.array(values))
        return test.log_e >= -math.log(alpha)

    low, high = -SCALE, SCALE
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if is_refuted(middle) else (low, middle)
    return low


@settings(deadline=None)
@given(VALUES)
def test_the_bounds_hold_the_estimate_and_stay_in_range(values):
    low, high = interval(values)
    mean = np.mean(values) if values else 0.0
    assert -SCALE <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= SCALE


@settings(deadline=None, max_examples=50)
@given(VALUES.filter(len), st.sampled_from([0.05, 0.001]))
def test_the_grid_errs_on_the_safe_side_only(values, alpha):
    bound = LowerBound(SCALE, alpha)
    bound.update(np.array(values))
    assert bound.value <= exact_bound(values, alpha) + 1e-6


def test_the_grid_is_fine_enough_to_be_read():
    values = np.random.default_rng(1).normal(0.3, 2.5, 800).clip(-SCALE, SCALE)
    bound = LowerBound(SCALE, 0.01)
    bound.update(values)
    assert bound.value == pytest.approx(exact_bound(values, 0.01), abs=0.005)


def test_negated_values_have_negated_bounds():
    values = np.random.default_rng(2).uniform(-3, 9, 100)
    low, high = interval(values)
    assert interval(-values) == pytest.approx((-high, -low))


def test_more_values_of_one_kind_narrow_the_bounds():
    widths = []
    for count in (50, 500, 5000):
        low, high = interval(np.random.default_rng(3).normal(0, 2, count).clip(-SCALE, SCALE))
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_without_a_level_nothing_is_known():
    bounds = ConfidenceSequence(SCALE, 0.05, sides=(0.0, 0.05))
    bounds.update(np.full(10_000, 5.0))
    low, high = bounds.interval
    assert low == -SCALE
    assert high < 5.2


def test_all_values_at_a_bound_leave_a_short_interval_at_it():
    low, high = interval([SCALE] * 5000)
    assert high == SCALE
    assert SCALE - 0.2 < low < SCALE


def test_a_level_that_is_none_is_refused():
    with pytest.raises(AssertionError, match="at a level of"):
        LowerBound(SCALE, 1.5)


@pytest.mark.slow
def test_the_bounds_hold_the_mean_at_all_looks_at_once():
    random, outside = np.random.default_rng(4), 0
    for _ in range(300):
        values = random.choice([-4.0, 0.0, 10.0], p=[0.5, 0.3, 0.2], size=300)
        bounds, ever = ConfidenceSequence(SCALE, 0.2), False
        for start in range(0, 300, 10):
            bounds.update(values[start : start + 10])
            low, high = bounds.interval
            ever |= not low <= 0.0 <= high
        outside += ever
    assert outside <= 0.2 * 300
    assert outside > 0
