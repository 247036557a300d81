import polars as pl
import pytest

from ropeway.stats.answers import answer_kinds, answers_of, logged_answers
from ropeway.stats.profile import profile


def test_the_class_with_the_highest_probability_is_the_prediction_and_the_first_of_equals():
    answers = answers_of(pl.DataFrame({"bad": [0.5, 0.1], "good": [0.5, 0.9]}))
    assert answers["prediction"].to_list() == ["bad", "good"]
    assert answers["confidence"].to_list() == [0.5, 0.9]
    assert answers.columns == ["prediction", "confidence", "probability of bad", "probability of good"]


def test_a_prediction_that_is_given_stands_beside_its_probabilities():
    answers = answers_of(pl.DataFrame({"prediction": [1.0, 0.0], "0": [0.4, 0.8], "1": [0.6, 0.2]}))
    assert answers["prediction"].to_list() == ["1", "0"]
    assert answer_kinds(answers)["prediction"] == "category"


@pytest.mark.parametrize(
    ("values", "kind"), [([1.5, 2.0], "number"), ([True], "boolean"), (["a b c", "d e f"], "category")]
)
def test_a_prediction_alone_is_a_number_a_truth_or_a_category(values, kind):
    assert answer_kinds(answers_of(pl.DataFrame({"prediction": values}))) == {"prediction": kind}


def test_what_was_logged_gives_the_same_columns_as_what_was_answered():
    outputs = pl.DataFrame({"bad": [0.25, 0.125], "good": [0.75, 0.875]})
    logged = logged_answers(["good", "good"], outputs.to_dicts())
    assert logged.equals(answers_of(outputs))


def test_failed_answers_are_null_and_mixed_types_are_no_crash():
    assert logged_answers(["good", None], [{"good": 1.0}, None]).row(1) == (None, None, None)
    assert logged_answers([1, 2.5, None], [None] * 3)["prediction"].to_list() == [1.0, 2.5, None]
    assert logged_answers([1, "x", True], [None] * 3)["prediction"].to_list() == ["1", "x", "true"]
    empty = logged_answers([], [])
    assert profile(empty, answer_kinds(empty)).rows == 0
