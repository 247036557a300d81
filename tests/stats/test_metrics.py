"""The metrics agree with scikit-learn, and say plainly what they cannot read."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from ropeway.stats.metrics import (
    METRICS,
    BadPredictions,
    BadTruth,
    MetricNotApplicable,
    UnknownMetric,
    align,
    evaluate,
    labels_of,
    metric,
)

CLASSES = ["negative", "neutral", "positive"]


def draw(seed: int, rows: int = 60, classes: int = 3, ties: bool = False) -> tuple[list[str], pl.DataFrame]:
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(classes), size=rows)
    if ties:
        scores = rng.integers(1, 3, size=(rows, classes)).astype(float)
        scores /= scores.sum(axis=1, keepdims=True)
    truth = [CLASSES[code] for code in rng.integers(0, classes, size=rows)]
    return truth, pl.DataFrame({CLASSES[code]: scores[:, code] for code in range(classes)})


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_every_metric_of_classes_agrees_with_scikit_learn(seed: int, classes: int, ties: bool):
    truth, predictions = draw(seed, classes=classes, ties=ties)
    chosen, scores, names = labels_of(predictions), predictions.to_numpy(), CLASSES[:classes]
    area = {"multi_class": "ovr", "labels": names} if classes > 2 else {}
    expected = {
        "accuracy": oracle.accuracy_score(truth, chosen),
        "macro_f1": oracle.f1_score(truth, chosen, average="macro", zero_division=0),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, chosen),
        "log_loss": oracle.log_loss(truth, scores, labels=names),
        "brier": oracle.brier_score_loss(truth, scores, labels=names),
        "roc_auc": oracle.roc_auc_score(truth, scores if classes > 2 else scores[:, 1], **area),
    }
    assert evaluate(None, truth, predictions) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_every_metric_of_numbers_agrees_with_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    truth, values = rng.normal(size=40), rng.normal(size=40)
    expected = {
        "mae": oracle.mean_absolute_error(truth, values),
        "rmse": oracle.root_mean_squared_error(truth, values),
        "r2": oracle.r2_score(truth, values),
    }
    assert evaluate(None, truth, pl.DataFrame({"prediction": values})) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_classes_absent_on_either_side_are_counted_as_scikit_learn_does(pairs: list[tuple[int, int]]):
    truth = [str(code) for code, _ in pairs]
    chosen = [str(code) for _, code in pairs]
    predictions = pl.DataFrame({str(code): [float(c == str(code)) for c in chosen] for code in range(4)})
    figures = evaluate(["accuracy", "macro_f1"], truth, predictions)
    assert figures["accuracy"] == pytest.approx(oracle.accuracy_score(truth, chosen))
    assert figures["macro_f1"] == pytest.approx(
        oracle.f1_score(truth, chosen, average="macro", zero_division=0)
    )


def test_a_class_that_no_column_names_counts_as_wrong():
    predictions = pl.DataFrame({"a": [0.9, 0.2, 0.6], "b": [0.1, 0.8, 0.4]})
    figures = evaluate(None, ["a", "b", "c"], predictions)
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["balanced_accuracy"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx(
        oracle.f1_score(["a", "b", "c"], ["a", "b", "a"], average="macro", zero_division=0)
    )
    assert figures["log_loss"] == pytest.approx(
        (-math.log(0.9) - math.log(0.8) - math.log(np.finfo(float).eps)) / 3
    )
    assert math.isfinite(figures["brier"])
    assert figures["roc_auc"] == pytest.approx((1.0 + 1.0 + 0.5) / 3)


def test_log_loss_of_a_certain_mistake_is_clipped():
    predictions = pl.DataFrame({"a": [1.0], "b": [0.0]})
    expected = oracle.log_loss(["b"], [[1.0, 0.0]], labels=["a", "b"])
    assert evaluate(["log_loss"], ["b"], predictions)["log_loss"] == pytest.approx(expected)


def test_the_area_over_one_class_is_not_a_number():
    predictions = pl.DataFrame({"a": [0.9, 0.8], "b": [0.1, 0.2]})
    assert math.isnan(evaluate(["roc_auc"], ["a", "a"], predictions)["roc_auc"])


def test_the_first_column_wins_a_tie():
    assert labels_of(pl.DataFrame({"z": [0.5], "a": [0.5]})).tolist() == ["z"]


@pytest.mark.parametrize("truth", [[0, 1], np.array([0, 1]), pl.Series([0, 1]), ["0", "1"]])
def test_truth_is_compared_as_text(truth):
    predictions = pl.DataFrame({"0": [0.9, 0.1], "1": [0.1, 0.9]})
    assert evaluate(["accuracy"], truth, predictions) == {"accuracy": 1.0}


def test_constant_truth_has_the_r2_of_scikit_learn():
    for values in ([2.0, 2.0], [1.0, 3.0]):
        expected = oracle.r2_score([2.0, 2.0], values)
        assert evaluate(["r2"], [2.0, 2.0], pl.DataFrame({"prediction": values}))["r2"] == expected


def test_scores_that_are_no_probabilities_still_have_a_ranking():
    predictions = pl.DataFrame({"a": [3.0, -2.0], "b": [-3.0, 2.0]})
    assert set(evaluate(None, ["a", "b"], predictions)) == {
        "accuracy", "macro_f1", "balanced_accuracy", "roc_auc",
    }  # fmt: skip
    with pytest.raises(MetricNotApplicable, match="'log_loss' cannot be computed from the columns 'a', 'b'"):
        evaluate(["log_loss"], ["a", "b"], predictions)


def test_resampled_rows_have_the_figures_of_the_rows_taken():
    truth, predictions = draw(0)
    rows = np.array([3, 3, 7, 11, 20])
    taken = align(truth, predictions).take(rows)
    expected = evaluate(None, [truth[row] for row in rows], predictions[rows.tolist()])
    assert {name: each.of(taken) for name, each in METRICS.items() if name in expected} == pytest.approx(
        expected
    )


def test_an_unknown_metric_is_named_with_the_closest_one():
    with pytest.raises(UnknownMetric, match=r"no metric 'macrof1'\. Did you mean 'macro_f1'"):
        metric("macrof1")


def test_a_metric_of_another_kind_is_refused():
    with pytest.raises(MetricNotApplicable, match="'rmse' cannot be computed"):
        evaluate(["rmse"], ["a"], pl.DataFrame({"a": [0.5], "b": [0.5]}))


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (pl.DataFrame({"a": [], "b": []}), "no rows"),
        (pl.DataFrame({"a": ["x"], "b": ["y"]}), "'a' holds no numbers"),
        (pl.DataFrame({"a": [0.5], "b": [float("nan")]}), "'b' has no finite number in row 0"),
        (pl.DataFrame({"a": [0.5], "b": pl.Series([None], dtype=pl.Float64)}), "'b' has no finite number"),
        (pl.DataFrame({"a": [0.5]}), "one column 'a'"),
    ],
)
def test_predictions_that_cannot_be_read_are_refused(predictions: pl.DataFrame, message: str):
    with pytest.raises(BadPredictions, match=message):
        evaluate(None, ["a"] * predictions.height, predictions)


def test_truth_that_cannot_be_read_is_refused():
    two = pl.DataFrame({"a": [0.5, 0.5], "b": [0.5, 0.5]})
    with pytest.raises(BadTruth, match="3 rows and the predictions have 2"):
        evaluate(None, ["a", "b", "a"], two)
    with pytest.raises(BadTruth, match="1 rows are empty, the first is row 1"):
        evaluate(None, ["a", None], two)
    with pytest.raises(BadTruth, match="not a number"):
        evaluate(None, ["high"], pl.DataFrame({"prediction": [1.0]}))
