"""Figures of labelled answers: as the gate computes them, of every kind of answer that a log may hold."""

import json
from typing import Any

import msgspec
import polars as pl
import pytest

from ropeway.monitoring.performance import labels_digest, measure_rows
from ropeway.workspace.project import Project, Section
from ropeway.workspace.tables.charter import Charter

PROJECT = Project(project=Section(name="trial"))


def rows(said: list[Any], truth: list[Any], given: list[Any] | None = None) -> pl.DataFrame:
    size = len(said)
    return pl.DataFrame(
        {
            "id": [f"p{number}" for number in range(size)],
            "entity": [""] * size,
            "prediction": [json.dumps(each) for each in said],
            "probabilities": [None if each is None else json.dumps(each) for each in given or [None] * size],
            "truth": [json.dumps(each) for each in truth],
        },
        schema_overrides={"probabilities": pl.String},
    )


def by(metric: str, **charter: Any) -> Project:
    return msgspec.structs.replace(PROJECT, charter=Charter(metric=metric, **charter))  # type: ignore[arg-type]


def test_numbers_are_measured_with_their_error_as_cost() -> None:
    said, truth = [float(n) for n in range(50)], [float(n) + 2 for n in range(50)]
    absolute, squared = (
        measure_rows(rows(said, truth), by("mae")),
        measure_rows(rows(said, truth), by("rmse")),
    )
    assert (absolute.value, absolute.cost, squared.value, squared.cost) == (2.0, 2.0, 2.0, 4.0)
    assert (absolute.low, absolute.high) == (2.0, 2.0)


def test_a_truth_that_is_no_number_is_left_out_of_a_regression() -> None:
    found = measure_rows(rows([1.0, 2.0, 3.0, 4.0], [1.0, "two", None, True]), by("mae"))
    assert (found.labelled, found.value) == (1, 0.0)


def test_classes_without_probabilities_are_measured_by_what_was_said() -> None:
    found = measure_rows(rows(["a", "b", "a", "b"], ["a", "b", "b", "b"]), by("accuracy"))
    assert (found.labelled, found.value, found.cost) == (4, 0.75, 0.25)


def test_one_class_alone_is_measured_too() -> None:
    assert measure_rows(rows(["a"] * 3, ["a", "a", "b"]), by("accuracy")).value == pytest.approx(2 / 3)


def test_costs_are_the_charters() -> None:
    project = by("accuracy", cost={"ill": {"well": 10.0}, "well": {"ill": 1.0}})
    found = measure_rows(rows(["well", "ill", "well"], ["ill", "well", "well"]), project)
    assert found.cost == pytest.approx(11 / 3)


def test_a_metric_of_another_kind_has_no_value_but_the_cost_stands() -> None:
    found = measure_rows(rows(["a", "b"], ["a", "a"]), by("rmse"))
    assert (found.value, found.cost) == (None, 0.5)


@pytest.mark.parametrize(
    ("classes", "truth"), [(("true", "false"), [True, False]), (("1", "0"), [1, 0]), (("1", "0"), [1.0, 0.0])]
)
def test_truth_is_known_however_json_writes_it(classes: tuple[str, str], truth: list[Any]) -> None:
    yes, no = classes
    given = [{yes: 0.9, no: 0.1}, {yes: 0.2, no: 0.8}]
    assert measure_rows(rows([yes, no], truth, given), by("accuracy")).value == 1.0


def test_mixed_answers_of_a_log_break_nothing() -> None:
    found = measure_rows(
        rows(["a", 3, None, True], ["a", "3", "x", "y"], [{"a": 1.0}, None, {}, None]), PROJECT
    )
    assert found.labelled in (0, 4)


def test_labels_are_the_same_in_any_order() -> None:
    frame = rows(["a", "b", "a"], ["a", "b", "b"])
    assert labels_digest(frame) == labels_digest(frame.reverse())
    assert labels_digest(frame) != labels_digest(frame[:2])
