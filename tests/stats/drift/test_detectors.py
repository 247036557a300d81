import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from scipy.spatial.distance import jensenshannon

from ropeway.stats.drift.benjamini_hochberg import benjamini_hochberg
from ropeway.stats.drift.chi2 import chi2
from ropeway.stats.drift.incomplete_gamma import chi_square_tail
from ropeway.stats.drift.jensen_shannon import effect, jensen_shannon
from ropeway.stats.drift.kolmogorov import chance_of_gap, exact, limit
from ropeway.stats.drift.ks import ks
from ropeway.stats.drift.psi import psi, psi_of_numbers
from ropeway.stats.drift.tokens import telling_tokens
from ropeway.stats.drift.two_shares import fisher, two_shares
from ropeway.stats.drift.wasserstein import wasserstein
from ropeway.stats.sketches.number import NumberSketch


def sketch_of(values: np.ndarray) -> NumberSketch:
    sketch = NumberSketch()
    sketch.take_array(values)
    return sketch


@pytest.mark.parametrize(("n", "m"), [(5, 7), (1, 9), (60, 60), (100, 900), (500, 501), (37, 2000)])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
def test_kolmogorov_smirnov_of_few_rows_is_scipys_exact_test(n: int, m: int, shift: float) -> None:
    generator = np.random.default_rng(n)
    before, after = generator.normal(size=n), generator.normal(shift, size=m)
    expected = scipy.stats.ks_2samp(before, after, method="exact")
    found = ks(before, after)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_limit_is_kolmogorovs_distribution() -> None:
    points = np.linspace(0.01, 6, 500)
    assert [limit(x) for x in points] == pytest.approx(scipy.special.kolmogorov(points), abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(100, 3950), (500, 2000), (1000, 1001), (2000, 2000)])
@pytest.mark.parametrize("z", [0.9, 1.36, 1.63, 1.95])
def test_the_limit_is_on_the_careful_side_and_close(n: int, m: int, z: float) -> None:
    gap = math.ceil(z * math.sqrt((n + m) / (n * m)) * n * m) / (n * m)
    true = exact(gap, n, m)
    assert true <= limit(gap * math.sqrt(n * m / (n + m))) <= true / 0.8


def test_many_rows_take_the_limit() -> None:
    assert chance_of_gap(0.01, 200_000, 200_000) == limit(0.01 * math.sqrt(100_000))


def test_kolmogorov_smirnov_of_ties_is_never_too_sure() -> None:
    generator = np.random.default_rng(3)
    chances = [ks(generator.integers(0, 4, 80), generator.integers(0, 4, 80)).p_value for _ in range(400)]
    assert np.mean(np.array(chances) <= 0.05) <= 0.05


def test_a_sketch_that_forgot_nothing_gives_the_arrays_test() -> None:
    generator = np.random.default_rng(4)
    before, after = generator.integers(0, 50, 900).astype(float), generator.normal(25, 14, 700)
    assert ks(sketch_of(before), sketch_of(after)) == ks(before, after)
    assert wasserstein(sketch_of(before), after) == pytest.approx(wasserstein(before, after))


def test_a_sketch_that_forgot_is_within_its_error_and_less_sure() -> None:
    generator = np.random.default_rng(5)
    before, after = generator.normal(size=40_000), generator.normal(0.02, size=40_000)
    exactly, about = ks(before, after), ks(sketch_of(before), sketch_of(after))
    assert about.error > 0
    assert abs(about.statistic - exactly.statistic) <= about.error
    assert about.p_value >= exactly.p_value


def test_wasserstein_is_scipys() -> None:
    generator = np.random.default_rng(6)
    before, after = generator.gamma(2, size=300), generator.normal(size=421)
    assert wasserstein(before, after) == pytest.approx(scipy.stats.wasserstein_distance(before, after))


def test_wasserstein_of_the_largest_floats_is_finite() -> None:
    assert math.isfinite(wasserstein([-1.7e308, 1.0], [1.7e308, 1.7e308]))


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 100, 1000, 5000])
@pytest.mark.parametrize("share", [0.1, 0.9, 1.0, 1.2, 2.0, 4.0])
def test_the_chi_square_tail_is_scipys(degrees: int, share: float) -> None:
    expected = scipy.stats.chi2.sf(degrees * share, degrees)
    assert chi_square_tail(degrees * share, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_chi_square_is_scipys_where_no_category_is_rare() -> None:
    table = [[600, 300, 100], [90, 80, 30]]
    expected = scipy.stats.chi2_contingency(table)
    found = chi2(*[dict(zip("abc", row, strict=True)) for row in table])
    assert (found.statistic, found.degrees) == (pytest.approx(expected.statistic), 2)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_chi_square_holds_its_level_where_most_categories_are_rare() -> None:
    generator = np.random.default_rng(8)
    weights = 1 / np.arange(1, 400)
    weights /= weights.sum()
    false = 0
    for _ in range(400):
        before, after = (generator.multinomial(rows, weights) for rows in (3000, 100))
        counts = [{str(k): int(count) for k, count in enumerate(row) if count} for row in (before, after)]
        false += chi2(*counts).p_value <= 0.05
    assert false / 400 <= 0.075


def test_categories_that_are_ids_are_no_drift() -> None:
    before, after = ({f"{side}-{k}": 1 for k in range(500)} for side in "ab")
    assert chi2(before, after).p_value == 1.0


def test_one_category_instead_of_another_is_seen_in_few_rows() -> None:
    assert chi2({"a": 3000}, {"b": 30}).p_value < 1e-20


def test_chi_square_from_counts_that_may_be_low_is_less_sure() -> None:
    before, after = {"a": 500, "b": 500}, {"a": 440, "b": 560}
    sure = chi2(before, after)
    unsure = chi2(before, after, reference_error=10, current_error=10)
    assert sure.p_value < unsure.p_value < 1


@pytest.mark.parametrize(
    ("x", "n", "y", "m"),
    [(0, 3000, 3, 100), (5, 1000, 0, 100), (2, 200_000, 5, 100), (0, 3, 3, 3), (9, 9, 0, 9)],
)
def test_fishers_test_is_twice_the_smaller_tail_of_scipys_hypergeometric(x, n, y, m) -> None:
    drawn = scipy.stats.hypergeom(n + m, x + y, m)
    expected = min(1.0, 2 * min(drawn.sf(y - 1), drawn.cdf(y)))
    assert fisher(x, n, y, m) == pytest.approx(expected, rel=1e-7)


def test_two_shares_are_scipys_corrected_table() -> None:
    expected = scipy.stats.chi2_contingency([[20, 980], [12, 188]])
    assert two_shares(20, 1000, 12, 200) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(("x", "n", "y", "m"), [(0, 0, 1, 5), (0, 10, 0, 5), (10, 10, 5, 5)])
def test_two_shares_that_cannot_differ_are_chance(x, n, y, m) -> None:
    assert two_shares(x, n, y, m) == 1.0


def test_jensen_shannon_is_scipys_in_base_two() -> None:
    before, after = [10, 30, 0, 60], [25, 25, 40, 10]
    assert jensen_shannon(before, after) == pytest.approx(jensenshannon(before, after, base=2))


def test_the_effect_of_chance_is_near_nothing_where_the_distance_is_not() -> None:
    generator = np.random.default_rng(9)
    rows = [generator.multinomial(100, [0.1] * 10) for _ in range(400)]
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    assert np.mean([jensen_shannon(*pair) for pair in pairs]) > 0.15
    assert np.mean([effect(*pair) ** 2 for pair in pairs]) < 0.01


def test_the_stability_index_knows_what_an_empty_cell_is_worth() -> None:
    assert psi([100, 100], [100, 100]) == 0
    assert psi([50, 50, 0], [50, 50, 0]) == 0
    assert psi([100, 100, 0], [60, 100, 40]) == pytest.approx(
        (0.3 - 0.5) * math.log(0.3 / 0.5) + (0.2 - 1e-4) * math.log(0.2 / 1e-4)
    )


def test_the_stability_index_of_one_value_is_of_one_cell_and_what_lies_beside_it() -> None:
    assert psi_of_numbers([5.0] * 100, [5.0] * 80) == 0
    assert psi_of_numbers([5.0] * 100, [6.0] * 80) > 5


def test_q_values_are_scipys() -> None:
    chances = np.random.default_rng(2).random(30) ** 3
    expected = scipy.stats.false_discovery_control(chances)
    assert benjamini_hochberg(list(chances)) == pytest.approx(list(expected))


def test_q_values_of_nothing_are_nothing() -> None:
    assert benjamini_hochberg([]) == []


def test_telling_tokens_pass_over_what_is_rare_and_what_is_common_to_both() -> None:
    before = {"the": 900, "flight": 300, **{f"once-{k}": 1 for k in range(200)}}
    after = {"the": 450, "camera": 150, **{f"new-{k}": 1 for k in range(100)}}
    found = telling_tokens(before, after, texts=(1000, 500))
    assert [(each.token, each.z > 0) for each in found] == [("camera", True), ("flight", False)]


def test_telling_tokens_of_counts_that_may_be_low_tell_less() -> None:
    before, after = {"a": 400, "b": 60}, {"a": 400, "b": 180}
    sure = telling_tokens(before, after, texts=(400, 400))
    assert [each.token for each in sure] == ["a", "b"]
    assert telling_tokens(before, after, texts=(400, 400), errors=(150, 150)) == []
