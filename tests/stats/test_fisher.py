import doctest

import pytest
from scipy.stats import fisher_exact

from ropeway.stats import fisher
from ropeway.stats.fisher import exact_p


@pytest.mark.parametrize("first", [(0, 7), (3, 7), (7, 7), (30, 400), (1, 12)])
@pytest.mark.parametrize("second", [(0, 5), (2, 5), (5, 5), (60, 400), (5, 6)])
def test_it_is_the_exact_test(first, second):
    table = [[had, size - had] for had, size in (first, second)]
    assert exact_p(first, second) == pytest.approx(fisher_exact(table)[1], rel=1e-6)


def test_a_hundred_thousand_are_no_trouble():
    assert exact_p((20_000, 100_000), (20_100, 100_000)) > 0.5
    assert exact_p((20_000, 100_000), (21_500, 100_000)) < 1e-10


def test_the_example_is_true():
    assert doctest.testmod(fisher).failed == 0
