import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.stats.sketches.moments import Moments

NUMBERS = st.lists(st.floats(-1e6, 1e6), max_size=60)


def close(value: float, expected: float, scale: float) -> bool:
    return abs(value - expected) <= 1e-9 * max(1.0, scale)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_merged_moments_are_those_of_all_numbers_to_nine_digits(first, second, third):
    parts = [Moments.of(np.array(each, dtype=float)) for each in (first, second, third)]
    everything = np.array([*first, *second, *third], dtype=float)
    for merged in (parts[0].merge(parts[1]).merge(parts[2]), parts[2].merge(parts[0].merge(parts[1]))):
        assert merged.count == len(everything)
        if len(everything):
            scale = float(np.abs(everything).max())
            assert close(merged.mean, float(everything.mean()), scale)
            # The standard deviation of numbers that are all alike is the root of rounding.
            assert abs(merged.std - float(everything.std())) <= 1e-7 * max(1.0, scale)
            assert close(merged.m2, float(np.square(everything - everything.mean()).sum()), scale**2)
            assert (merged.low, merged.high) == (everything.min(), everything.max())


def test_a_thousand_merges_of_numbers_far_from_zero_keep_nine_digits():
    values = np.random.default_rng(0).normal(1e6, 1.0, 100_000)
    merged = Moments()
    for part in np.array_split(values, 1000):
        merged = merged.merge(Moments.of(part))
    assert merged.mean == pytest.approx(values.mean(), rel=1e-12)
    assert merged.std == pytest.approx(values.std(), rel=1e-9)


def test_of_nothing_the_mean_and_spread_are_unknown():
    assert Moments().merge(Moments()).count == 0
    assert math.isnan(Moments().std)


def test_the_largest_numbers_have_a_mean_and_no_finite_spread():
    huge = Moments.of(np.array([1.7e308, 1.7e308])).merge(Moments.of(np.array([-1.7e308, -1.7e308])))
    assert (huge.mean, huge.std) == (0.0, math.inf)
