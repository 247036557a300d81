import math

import numpy as np
import pytest

from ropeway.stats.sequential.rates import log_e_of_more


def looked_at(
    rate_live: float, rate_candidate: float, margin: float, seed: int, requests: int = 1500
) -> float:
    """The largest evidence over looks after every tenth request, a quarter of them the candidate's."""
    random = np.random.default_rng(seed)
    is_own = random.random(requests) < 0.25
    failed = random.random(requests) < np.where(is_own, rate_candidate, rate_live)
    own, live = np.cumsum(is_own), np.cumsum(~is_own)
    own_failed, live_failed = np.cumsum(failed & is_own), np.cumsum(failed & ~is_own)
    return max(
        log_e_of_more((int(live_failed[at]), int(live[at])), (int(own_failed[at]), int(own[at])), margin)
        for at in range(9, requests, 10)
    )


@pytest.mark.parametrize(("live", "margin"), [(0.0, 0.01), (0.05, 0.01), (0.3, 0.0)])
def test_what_is_allowed_is_seldom_refuted_however_often_one_looks(live, margin):
    most = [looked_at(live, live + margin, margin, seed) for seed in range(40)]
    assert np.mean(np.array(most) >= math.log(10)) <= 0.1


def test_what_fails_much_more_often_is_found():
    assert looked_at(0.01, 0.15, 0.01, seed=0) > math.log(100)


def test_nothing_is_known_of_a_version_that_was_not_asked():
    assert log_e_of_more((0, 0), (9, 9), 0.01) < 0
    assert log_e_of_more((0, 9), (0, 0), 0.01) == -math.inf
    assert log_e_of_more((0, 9), (9, 9), 1.0) == -math.inf


def test_large_counts_and_bounds_are_finite():
    assert math.isfinite(log_e_of_more((10**6, 10**6), (10**6, 10**6), 0.0))
    assert log_e_of_more((0, 10**6), (10**6, 10**6), 0.5) > 1e5
