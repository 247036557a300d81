"""The paired comparison with the version in production: what a row costs."""

import polars as pl
import pytest
from models_projects import (
    DIABETES_TOML,
    HALVES_TOML,
    WORDS_PIPELINE,
    WORDS_TOML,
    bring,
    diabetes,
    halves,
    notes,
    written,
)
from models_steps import by_name, proposed, put_live, rewrite

from ropeway.models.errors import CostMismatch
from ropeway.models.operations import gate_model, resolve_version


@pytest.mark.parametrize(
    ("names", "labels"),
    [(("low", "high"), ("low", "high")), (("False", "True"), (False, True)), (("0.5", "1.0"), (0.5, 1.0))],
    ids=["text", "boolean", "number"],
)
def test_a_model_that_is_always_wrong_is_worse_whatever_type_the_target_has(project, names, labels):
    # Truth was written as text in two ways, "true" and "True": every row of both sides counted as a mistake.
    workspace = halves(project, names=names, labels=labels)
    put_live(workspace, proposed(workspace))
    champion = by_name(gate_model(workspace, ref=proposed(workspace, flip=True)))["champion"]
    assert (champion.passed, champion.figure, champion.code) == (False, -1.0, "not-better")
    assert champion.says.endswith("by 1 for each mistake")


def test_the_cost_matrix_prices_a_boolean_target(project):
    toml = HALVES_TOML + "[charter.cost.True]\nFalse = 5.0\n"
    workspace = halves(project, names=("False", "True"), labels=(False, True), toml=toml)
    put_live(workspace, proposed(workspace))
    champion = by_name(gate_model(workspace, ref=proposed(workspace, flip=True)))["champion"]
    assert 1.0 < float(champion.says.split()[1]) < 5.0
    assert champion.says.endswith("by the charter's costs")


@pytest.mark.parametrize("price", ["true]\nFalse = 5.0\n", "True]\nfalse = 5.0\n"])
def test_a_price_for_a_class_that_there_is_not_is_refused(project, price: str):
    toml = HALVES_TOML + "[charter.cost." + price
    workspace = halves(project, names=("False", "True"), labels=(False, True), toml=toml)
    ref = proposed(workspace)
    with pytest.raises(CostMismatch, match=r"none of this model's. Did you mean '(True|False)'"):
        gate_model(workspace, ref=ref)
    assert resolve_version(workspace, ref=ref).look is None


def test_a_price_for_a_class_is_refused_where_a_number_is_predicted(project):
    workspace = diabetes(project)
    ref = proposed(workspace)
    rewrite(workspace, DIABETES_TOML.replace("[inputs.rows]", "[charter.cost.high]\nlow = 1\n[inputs.rows]"))
    with pytest.raises(CostMismatch, match="prices the class 'high', and this model predicts a number"):
        gate_model(workspace, ref=ref)


@pytest.mark.parametrize(("metric", "unit"), [("mae", "absolute"), ("rmse", "squared"), ("r2", "squared")])
def test_numbers_are_compared_by_their_error_and_less_is_better(project, metric: str, unit: str):
    workspace = diabetes(project)
    bar = "-1.0" if metric == "r2" else "1000.0"
    rewrite(workspace, DIABETES_TOML.replace('"rmse"', f'"{metric}"').replace("70.0", bar))
    put_live(workspace, proposed(workspace))
    champion = by_name(gate_model(workspace, ref=proposed(workspace, alpha=1000.0)))["champion"]
    assert (champion.passed, champion.code) == (False, "not-better")
    assert "more per row than progression@1" in champion.says
    assert champion.says.endswith(f"by {unit} error")


def test_a_champion_that_answers_in_another_kind_is_not_compared(project):
    workspace = notes(project)
    put_live(workspace, proposed(workspace))
    grades = written(300, seed=9).select("text", grade=(pl.col("mood") == "good").cast(pl.Float64))
    pipeline = WORDS_PIPELINE.replace("seen[mood]", "seen['good' if mood > 0 else 'bad']")
    pipeline = pipeline.replace('{"bad": [1 - score for score in scores], "good": scores}', PREDICTION)
    toml = WORDS_TOML.replace('"macro_f1"', '"rmse"').replace('target = "mood"', 'target = "grade"')
    rewrite(workspace, toml.replace('"notes"', '"grades"'), **{"pipeline.py": pipeline})
    bring(workspace, grades, "grades")
    champion = by_name(gate_model(workspace, ref=proposed(workspace)))["champion"]
    assert (champion.passed, champion.code) == (False, "not-comparable")
    assert "answers in another kind of columns: bad, good" in champion.says


PREDICTION = '{"prediction": scores}'
