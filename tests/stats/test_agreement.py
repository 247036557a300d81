import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.agreement import krippendorff_alpha, measure_agreement

# Krippendorff (2011), section C: four observers, twelve units, five values, missing data ("." in the paper).
PAPER = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def long_form(table):
    cells = [(unit, value) for row in table for unit, value in enumerate(row) if value is not None]
    return [unit for unit, _ in cells], [value for _, value in cells]


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_what_the_paper_published(level, published):
    assert krippendorff_alpha(*long_form(PAPER), level) == pytest.approx(published, abs=0.0005)


def test_two_observers_and_binary_data_give_the_papers_first_example():
    # Krippendorff (2011), section A.
    meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha(*long_form([meg, owen]), "nominal") == pytest.approx(0.095, abs=0.0005)


def test_two_observers_and_nominal_data_give_the_papers_second_example():
    # Krippendorff (2011), section B; the letters a to e as numbers.
    ben = [1, 1, 2, 2, 4, 3, 3, 3, 5, 4, 4, 1]
    gerry = [2, 1, 2, 2, 2, 3, 3, 3, 5, 4, 4, 4]
    assert krippendorff_alpha(*long_form([ben, gerry]), "nominal") == pytest.approx(0.692, abs=0.0005)


tables = st.integers(2, 8).flatmap(
    lambda units: st.lists(
        st.lists(st.one_of(st.none(), st.integers(-4, 4)), min_size=units, max_size=units),
        min_size=2,
        max_size=6,
    )
)


@settings(max_examples=150, deadline=None)
@given(table=tables, level=st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_agrees_with_the_krippendorff_package(table, level):
    units, values = long_form(table)
    ours = krippendorff_alpha(units, values, level)
    paired = [value for unit, value in zip(units, values, strict=True) if units.count(unit) > 1]
    if len(set(paired)) < 2:
        assert ours is None
        return
    data = np.array([[np.nan if cell is None else cell for cell in row] for row in table], dtype=float)
    # The package keeps values that only unpaired units hold, which moves ordinal ranks; the paper drops them.
    data[:, [unit for unit in range(data.shape[1]) if np.isfinite(data[:, unit]).sum() < 2]] = np.nan
    assert ours == pytest.approx(krippendorff.alpha(data, level_of_measurement=level), abs=1e-9)


def test_complete_agreement_is_one():
    assert krippendorff_alpha([0, 0, 1, 1], [3, 3, -2, -2], "interval") == 1.0


def test_all_ratings_equal_leaves_alpha_undefined_with_a_reason():
    measured = measure_agreement([0, 0, 1, 1], [2, 2, 2, 2], "interval")
    assert measured.alpha is None
    assert measured.low is None
    assert "all ratings are equal" in measured.undefined


def test_one_rating_a_unit_leaves_alpha_undefined_with_a_reason():
    measured = measure_agreement([0, 1, 2], [1, 2, 3], "ordinal")
    assert measured.alpha is None
    assert measured.units == 0
    assert "two ratings" in measured.undefined


def test_no_ratings_at_all_leave_alpha_undefined():
    assert krippendorff_alpha([], [], "nominal") is None
    assert measure_agreement([], [], "nominal").ratings == 0


def test_large_values_lose_no_digits():
    units, values = long_form(PAPER)
    moved = [value + 1e8 for value in values]
    assert krippendorff_alpha(units, moved, "interval") == pytest.approx(0.849, abs=0.0005)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_the_bootstrap_equals_resampling_units_by_hand(level):
    generator = np.random.default_rng(7)
    units = np.repeat(np.arange(40), 4)
    values = np.clip(np.repeat(generator.integers(-3, 4, 40), 4) + generator.integers(-1, 2, 160), -4, 4)
    measured = measure_agreement(units, values, level, resamples=60, seed=3)
    drawn = np.random.default_rng(3).integers(0, 40, size=(60, 40))
    by_hand = []
    for sample in drawn:
        rows = values.reshape(40, 4)[sample]
        by_hand.append(krippendorff_alpha(np.repeat(np.arange(40), 4), rows.ravel(), level))
    assert [measured.low, measured.high] == pytest.approx(np.quantile(by_hand, [0.025, 0.975]))


def test_the_same_seed_gives_the_same_interval():
    first, second = (
        measure_agreement(*long_form(PAPER), "interval", resamples=200, seed=5) for _ in range(2)
    )
    assert (first.low, first.high) == (second.low, second.high)
    assert first.low < first.alpha < first.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Ratings = unit + noise of equal variance: alpha at the interval level tends to 1/2.
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(120):
        values = np.repeat(generator.normal(size=200), 5) + generator.normal(size=1000)
        measured = measure_agreement(
            np.repeat(np.arange(200), 5), np.round(values, 1), "interval", confidence=0.9, resamples=200
        )
        covered += measured.low <= 0.5 <= measured.high
    assert 0.8 <= covered / 120 <= 0.98
