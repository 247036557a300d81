"""A long series made short keeps what stands out of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.thinned import thinned

VALUE = st.one_of(st.floats(-5, 5), st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308]))


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUE, max_size=300), st.integers(16, 60))
def test_the_extremes_the_ends_and_every_kind_of_odd_value_stay(series: list[float], points: int):
    values = np.array(series, dtype=float)
    chosen = thinned(values, points=points)
    assert len(chosen) <= max(points, 2)
    assert [*chosen] == sorted(set(chosen))
    if len(values):
        kept, finite = values[chosen], values[np.isfinite(values)]
        assert chosen[0] == 0
        assert chosen[-1] == len(values) - 1
        assert {np.inf in values, np.isnan(values).any()} == {np.inf in kept, np.isnan(kept).any()}
        if len(finite):
            there = kept[np.isfinite(kept)]
            assert (there.min(), there.max()) == (finite.min(), finite.max())


def test_a_spike_in_every_bucket_is_kept():
    values = np.zeros(100_000)
    values[50::100] = 1.0
    chosen = thinned(values, points=2_002)
    assert (values[chosen] == 1.0).sum() == 1_000


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="16 points at the least"):
        thinned(np.zeros(100), points=3)
