import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.stats.sequential.budget import spend


def spent_by(releases: int, budget: float, share: float) -> list[float]:
    taken: list[float] = []
    for _ in range(releases):
        taken.append(spend(budget, share, sum(taken)))
    return taken


@given(st.integers(0, 200), st.floats(0.001, 0.5), st.floats(0.01, 0.99))
def test_all_releases_together_spend_no_more_than_the_budget(releases, budget, share):
    taken = spent_by(releases, budget, share)
    assert sum(taken) <= budget * (1 + 1e-12)
    assert all(each >= 0 for each in taken)


def test_each_release_takes_its_share_of_what_is_left():
    assert spent_by(3, 0.05, 0.2) == pytest.approx([0.01, 0.008, 0.0064])


def test_a_budget_that_was_lowered_below_what_is_spent_gives_nothing():
    assert spend(0.01, 0.2, 0.04) == 0.0
