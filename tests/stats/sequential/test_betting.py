import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sequential.betting import Betting

SCALE = 10.0
VALUES = st.lists(st.floats(min_value=-SCALE, max_value=SCALE, allow_subnormal=False), max_size=60)
NULLS = st.floats(min_value=-0.9 * SCALE, max_value=0.9 * SCALE)


def log_e(values: list[float], null: float = 0.0) -> float:
    test = Betting(SCALE, null)
    test.update(np.array(values))
    return test.log_e


def expected_e(chances: list[float], null: float) -> float:
    """The exact mean of the e-value over all runs of values -C and C, each C with its own chance."""
    total = 0.0
    for run in itertools.product([0, 1], repeat=len(chances)):
        likely = math.prod(p if high else 1 - p for p, high in zip(chances, run, strict=True))
        total += likely * math.exp(log_e([SCALE if high else -SCALE for high in run], null))
    return total


@settings(deadline=None)
@given(VALUES, NULLS, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter(values, null, random):
    shuffled = random.sample(values, len(values))
    assert log_e(shuffled, null) == pytest.approx(log_e(values, null), abs=1e-9)


@settings(deadline=None)
@given(VALUES, NULLS, st.data())
def test_values_may_come_in_any_portions(values, null, data):
    cut = data.draw(st.integers(min_value=0, max_value=len(values)))
    test = Betting(SCALE, null)
    test.update(np.array(values[:cut]))
    test.update(np.array(values[cut:]))
    assert test.log_e == pytest.approx(log_e(values, null), abs=1e-9)


@settings(deadline=None)
@given(VALUES, NULLS)
def test_the_e_value_is_positive_and_finite(values, null):
    test = Betting(SCALE, null)
    test.update(np.array(values))
    assert math.isfinite(test.log_e)
    assert 0 <= test.e < math.inf


def test_nothing_is_won_before_the_first_value():
    assert Betting(SCALE, 0.0).e == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("null", [-4.0, 0.0, 3.0])
def test_a_mean_at_the_null_wins_nothing_on_average(null: float):
    chance = (null + SCALE) / (2 * SCALE)
    assert expected_e([chance] * 9, null) == pytest.approx(1.0, abs=1e-9)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=6))
@settings(deadline=None, max_examples=40)
def test_a_changing_mean_wins_nothing_as_long_as_its_average_is_at_the_null(chances):
    null = min(max((2 * np.mean(chances) - 1) * SCALE, -0.99 * SCALE), SCALE)
    assert expected_e(chances, null) <= 1 + 1e-9


def test_a_mean_over_the_null_wins_without_end():
    won = [log_e([SCALE, 0.0] * count) for count in (10, 100, 1000)]
    assert won[0] < won[1] < won[2]
    assert won[2] > 500


def test_a_million_values_stay_within_a_float():
    ups, downs = Betting(SCALE, 0.0), Betting(SCALE, 0.0)
    ups.update(np.full(1_000_000, SCALE))
    downs.update(np.full(1_000_000, -SCALE))
    assert ups.log_e == pytest.approx(1e6 * math.log(1.95), rel=1e-3)
    assert ups.e == pytest.approx(math.exp(690))
    assert downs.log_e == pytest.approx(1e6 * math.log(0.999), rel=1e-2)
    assert downs.e == math.exp(downs.log_e)


@pytest.mark.parametrize("value", [10.1, -10.1, float("nan"), float("inf")])
def test_a_value_out_of_bounds_stops_the_test(value: float):
    with pytest.raises(AssertionError, match=r"values that are not within 10\.0"):
        Betting(SCALE, 0.0).update(np.array([1.0, value]))


def test_the_last_digit_of_a_value_at_the_bound_does_not():
    assert log_e([SCALE * (1 + 1e-12)]) == log_e([SCALE])


@pytest.mark.parametrize(("scale", "null"), [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1.0, -1.0)])
def test_there_is_no_bet_on_values_without_a_range(scale: float, null: float):
    with pytest.raises(AssertionError, match="no bet on values within"):
        Betting(scale, null)


def test_tests_side_by_side_are_the_same_as_alone():
    values = np.random.default_rng(0).uniform(-SCALE, SCALE, (40, 3))
    together = Betting(SCALE, 1.0)
    together.update(values)
    assert together.log_es == pytest.approx([log_e(values[:, run].tolist(), 1.0) for run in range(3)])
