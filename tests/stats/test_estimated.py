import doctest
from html import unescape
from importlib.resources import files

import msgspec
import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ropeway.stats import calibration, estimated
from ropeway.stats.calibration import fit_calibration
from ropeway.stats.estimated import FIGURES, Estimate, estimate
from ropeway.stats.intervals import costs
from ropeway.stats.metrics import evaluate

COSTS = {"bad": {"good": 10.0}, "good": {"bad": 2.0}}


def true_rows(count: int, *, seed: int, power: float = 1.0) -> tuple[dict[str, np.ndarray], list[str]]:
    """Rows of which a share of `good ** power` is good: true probabilities at power 1."""
    generator = np.random.default_rng(seed)
    good = generator.beta(0.7, 0.7, count)
    truth = np.where(generator.random(count) < good**power, "good", "bad")
    return {"bad": 1 - good, "good": good}, truth.tolist()


@pytest.mark.parametrize("module", [calibration, estimated])
def test_every_example_gives_what_it_shows(module) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("metric", sorted(FIGURES))
def test_intervals_hold_what_is_measured_when_probabilities_are_true(metric: str) -> None:
    held = 0
    for seed in range(60):
        given, truth = true_rows(200, seed=seed)
        found = estimate(given, metric=metric, seed=seed)
        (measured,) = evaluate([metric], truth, pl.DataFrame(given)).values()
        held += found.low <= measured <= found.high
    assert held >= 52


def test_the_cost_expected_is_that_which_is_measured() -> None:
    given, truth = true_rows(20_000, seed=1)
    found = estimate(given, costs=COSTS)
    said = np.where(given["good"] > 0.5, "good", "bad")
    assert found.cost == pytest.approx(costs(truth, said, COSTS).mean(), rel=0.05)
    assert found.cost_low < found.cost < found.cost_high


def test_calibration_makes_false_probabilities_true() -> None:
    learnt, was = true_rows(2000, seed=1, power=3.0)
    given, truth = true_rows(2000, seed=2, power=3.0)
    (measured,) = evaluate(["accuracy"], truth, pl.DataFrame(given)).values()
    believed = estimate(given)
    made_true = estimate(given, calibration=fit_calibration(learnt, was))
    assert measured < believed.low
    assert made_true.low <= measured <= made_true.high
    assert (believed.is_calibrated, made_true.is_calibrated) == (False, True)


def test_fewer_rows_to_calibrate_on_give_a_wider_interval() -> None:
    given, _ = true_rows(1000, seed=2)
    few, many = (estimate(given, calibration=fit_calibration(*true_rows(n, seed=1))) for n in (60, 6000))
    assert few.high - few.low > many.high - many.low


def test_the_answers_that_were_given_are_judged_not_those_of_the_highest_probability() -> None:
    given = {"bad": np.full(50, 0.3), "good": np.full(50, 0.7)}
    assert estimate(given, chosen=["bad"] * 50).value == pytest.approx(0.3)


def test_rows_without_probabilities_are_left_out() -> None:
    found = estimate({"bad": [0.2, np.nan, 0.0], "good": [0.8, 0.5, 0.0]})
    assert (found.rows, found.value) == (1, pytest.approx(0.8))


@pytest.mark.parametrize(
    ("given", "terms", "reason"),
    [
        ({}, {}, "predicted number"),
        ({"a": [np.nan]}, {}, "no rows with probabilities"),
        ({"a": [1.0]}, {"chosen": ["b"]}, "no rows with probabilities"),
        ({"a": [1.0], "b": [0.0]}, {"metric": "roc_auc"}, "cannot be expected"),
        ({"a": [1.0]}, {"calibration": fit_calibration({"b": [1.0]}, ["b"])}, "of other classes"),
    ],
)
def test_what_is_not_available_says_why(given, terms, reason: str) -> None:
    found = estimate(given, **terms)
    assert found.value is None
    assert found.reason.startswith("not available")
    assert reason in found.reason


def test_an_estimate_is_json_and_comes_back_the_same() -> None:
    given, truth = true_rows(100, seed=1)
    fitted = fit_calibration(given, truth)
    found = estimate(given, calibration=fitted, costs=COSTS)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Estimate) == found
    assert msgspec.json.decode(msgspec.json.encode(fitted), type=type(fitted)) == fitted


def test_a_calibration_on_one_row_or_one_class_gives_figures() -> None:
    for truth in (["good"], ["bad"]):
        found = estimate(
            {"bad": [0.4], "good": [0.6]}, calibration=fit_calibration({"bad": [0.4], "good": [0.6]}, truth)
        )
        assert 0 < found.value < 1


def test_a_calibration_passes_over_rows_without_probabilities() -> None:
    given, truth = true_rows(200, seed=1)
    holed = {name: np.append(each, np.nan) for name, each in given.items()}
    assert fit_calibration(holed, [*truth, "good"]) == fit_calibration(given, truth)


def test_a_calibration_on_nothing_changes_nothing() -> None:
    fitted = fit_calibration({"bad": [], "good": []}, [])
    assert fitted.apply({"bad": [0.3], "good": [0.7]}).tolist() == [[0.3, 0.7]]


def examples(name: str) -> tuple[list[str], np.ndarray]:
    frame = pl.read_parquet(str(files("ropeway.examples") / "tweets" / "data" / f"{name}.parquet"))
    mean = frame["ratings"].list.mean().to_numpy()
    return [unescape(text) for text in frame["text"]], np.where(
        mean <= -0.5, "negative", np.where(mean >= 0.5, "positive", "neutral")
    )


@pytest.mark.slow
def test_on_the_example_it_is_right_on_tweets_and_too_sure_on_reviews() -> None:
    texts, labels = examples("tweets")
    order = np.random.default_rng(0).permutation(len(texts))
    texts, labels = [texts[place] for place in order], labels[order]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=5, class_weight="balanced", max_iter=1000)
    ).fit(texts[:2520], labels[:2520])

    def given(of: list[str]) -> dict[str, np.ndarray]:
        return dict(zip(model.classes_.tolist(), model.predict_proba(of).T, strict=True))

    fitted = fit_calibration(given(texts[2520:3360]), labels[2520:3360])
    at_home = estimate(given(texts[3360:]), calibration=fitted)
    assert at_home.low < (model.predict(texts[3360:]) == labels[3360:]).mean() < at_home.high
    reviews, truth = examples("reviews")
    abroad = estimate(given(reviews), calibration=fitted)
    # It sees part of the fall, and not all of it: the words it knows mean other things there.
    assert (model.predict(reviews) == truth).mean() < abroad.low < abroad.value < at_home.value
