import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ropeway.stats.proportion import lower_bound, upper_bound


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=2000), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_bounds_are_scipys(trials: int, data: st.DataObject, confidence: float) -> None:
    events = data.draw(st.integers(min_value=0, max_value=trials))
    upper = binomtest(events, trials, alternative="less").proportion_ci(confidence, method="exact").high
    lower = binomtest(events, trials, alternative="greater").proportion_ci(confidence, method="exact").low
    assert upper_bound(events, trials, confidence) == pytest.approx(upper, abs=1e-9)
    assert lower_bound(events, trials, confidence) == pytest.approx(lower, abs=1e-9)
