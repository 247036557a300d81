import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score

from ropeway.stats.intervals import (
    bootstrap_interval,
    clusters_of,
    costs,
    difference_interval,
    metric_interval,
    rows_interval,
    sums_interval,
)
from ropeway.stats.metrics import METRICS, Aligned, align

CLASSES = ("negative", "neutral", "positive")


def labelled(rows: int, *, right: float, seed: int) -> tuple[list[str], list[str]]:
    """Three uneven classes, predicted right with the given chance."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(CLASSES, p=[0.25, 0.2, 0.55], size=rows)
    wrong = generator.choice(CLASSES, size=rows)
    return list(truth), list(np.where(generator.random(rows) < right, truth, wrong))


def labels_interval(name: str, truth: list[str], said: list[str], **draws):
    scores = pl.DataFrame({each: [float(each == one) for one in said] for each in CLASSES})
    return metric_interval(METRICS[name], align(truth, scores), **draws)


def values_interval(name: str, truth: np.ndarray, predicted: np.ndarray):
    return metric_interval(METRICS[name], Aligned((), truth, predicted, predicted[:, None]))


def mean_interval(values: np.ndarray, groups: list[int] | None = None):
    sums = np.column_stack([values, np.ones(len(values))])
    return sums_interval(sums, lambda s: s[:, 0] / s[:, 1], groups=groups)


def test_macro_f1_is_scikit_learns_and_its_bounds_hold_it():
    truth, said = labelled(840, right=0.5, seed=1)
    found = labels_interval("macro_f1", truth, said)
    assert found.estimate == pytest.approx(f1_score(truth, said, average="macro"))
    assert found.lower < found.estimate < found.upper


def test_balanced_accuracy_is_scikit_learns():
    truth, said = labelled(300, right=0.4, seed=2)
    found = labels_interval("balanced_accuracy", truth, said)
    assert found.estimate == pytest.approx(balanced_accuracy_score(truth, said))


def test_weighted_sums_and_a_loop_over_samples_give_one_interval():
    truth, said = labelled(200, right=0.5, seed=3)
    is_, guess = np.array(truth), np.array(said)
    scores = pl.DataFrame({each: [float(each == one) for one in said] for each in CLASSES})
    draws = {"groups": None, "confidence": 0.95, "resamples": 100, "seed": 0}
    quick = bootstrap_interval(METRICS["macro_f1"], align(truth, scores), draws)
    slow = rows_interval(200, lambda rows: f1_score(is_[rows], guess[rows], average="macro"), resamples=100)
    assert (slow.estimate, slow.lower, slow.upper) == pytest.approx(
        (quick.estimate, quick.lower, quick.upper)
    )


def test_same_seed_same_bounds_and_another_seed_others():
    truth, said = labelled(200, right=0.5, seed=4)
    assert labels_interval("accuracy", truth, said) == labels_interval("accuracy", truth, said)
    assert labels_interval("macro_f1", truth, said) != labels_interval("macro_f1", truth, said, seed=1)


def test_lower_bound_of_a_mean_covers_as_often_as_it_says():
    generator = np.random.default_rng(5)
    held = [mean_interval(generator.random(100)).lower <= 0.5 for _ in range(400)]
    assert 0.91 <= np.mean(held) <= 0.98


def test_copies_of_rows_do_not_narrow_the_interval():
    values = np.random.default_rng(6).random(100)
    alone = mean_interval(values)
    copied = mean_interval(np.repeat(values, 5), groups=[i for i in range(100) for _ in range(5)])
    fooled = mean_interval(np.repeat(values, 5))
    assert (copied.lower, copied.upper) == pytest.approx((alone.lower, alone.upper))
    assert fooled.upper - fooled.lower < 0.6 * (alone.upper - alone.lower)


def test_blocks_of_draws_change_nothing(monkeypatch):
    values = np.random.default_rng(7).random(50)
    whole = mean_interval(values)
    monkeypatch.setattr("ropeway.stats.intervals.BLOCK_CELLS", 50 * 7)
    assert mean_interval(values) == whole


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_r2_is_scikit_learns_wherever_zero_lies(offset: float):
    generator = np.random.default_rng(8)
    truth = offset + generator.normal(size=200)
    predicted = truth + generator.normal(size=200) / 2
    found = values_interval("r2", truth, predicted)
    assert found.estimate == pytest.approx(r2_score(truth, predicted))
    assert found.lower < found.estimate < found.upper


def test_errors_in_the_units_of_the_target():
    truth, predicted = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0])
    assert values_interval("mae", truth, predicted).estimate == 1.0
    assert values_interval("rmse", truth, predicted).estimate == pytest.approx(3**0.5)


@pytest.mark.parametrize("rows", [4, 40, 400])
def test_a_faultless_sample_leaves_the_doubt_that_its_size_allows(rows: int):
    truth = ["negative", "positive"] * (rows // 2)
    found = labels_interval("macro_f1", truth, truth)
    # No error in n: the rate may still be as high as 1 - 0.05^(1/n).
    assert found.lower == pytest.approx(0.05 ** (1 / rows))
    assert (found.estimate, found.upper) == (1.0, 1.0)


def test_copies_of_one_row_are_no_evidence():
    truth = ["negative", "positive"] * 20
    many = labels_interval("accuracy", truth, truth)
    few = labels_interval("accuracy", truth, truth, groups=[row % 4 for row in range(40)])
    assert few.lower == pytest.approx(0.05 ** (1 / 4))
    assert few.lower < many.lower


def test_pairing_finds_a_small_gain_in_hard_rows():
    generator = np.random.default_rng(9)
    hardness = generator.random(400) * 10
    gain = difference_interval(hardness + 0.1 + generator.normal(0, 0.1, 400), hardness)
    assert 0.05 < gain.lower < gain.estimate < gain.upper < 0.15


def test_costs_follow_the_matrix_and_fall_back_to_right_and_wrong():
    matrix = {"spam": {"ham": 5.0}}
    assert costs(["spam", "spam", "ham"], ["ham", "spam", "spam"], matrix).tolist() == [5.0, 0.0, 1.0]
    assert costs([1, 2], [1, 3], {}).tolist() == [0.0, 1.0]


def test_groups_are_numbered_in_the_order_seen():
    assert clusters_of(4, ["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]
    with pytest.raises(AssertionError, match="1 group ids for 2 rows"):
        clusters_of(2, ["a"])


def test_a_statistic_without_a_value_on_some_samples_leaves_them_out():
    truth = np.array([1.0] + [0.0] * 9)
    found = rows_interval(10, lambda rows: float(truth[rows].max()) or float("nan"), resamples=200)
    assert (found.lower, found.upper) == (1.0, 1.0)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_has_a_bound_on_both_sides_of_its_estimate(name: str):
    generator = np.random.default_rng(10)
    if METRICS[name].kind == "regression":
        truth = generator.normal(size=120)
        predictions = pl.DataFrame({"prediction": truth + generator.normal(size=120)})
    else:
        truth = generator.choice(["no", "yes"], size=120)
        sure = np.clip((truth == "yes") * 0.3 + generator.random(120) * 0.7, 0.01, 0.99)
        predictions = pl.DataFrame({"no": 1 - sure, "yes": sure})
    aligned = align(truth, predictions)
    widened = metric_interval(METRICS[name], aligned, resamples=200)
    found = bootstrap_interval(
        METRICS[name], aligned, {"groups": None, "confidence": 0.95, "resamples": 200, "seed": 0}
    )
    assert widened.lower <= found.lower
    assert widened.upper >= found.upper
    slow = rows_interval(120, lambda rows: METRICS[name].of(aligned.take(rows)), resamples=200)
    assert found.lower < found.estimate < found.upper
    assert (found.estimate, found.lower, found.upper) == pytest.approx(
        (slow.estimate, slow.lower, slow.upper)
    )
