"""MLflow's filters mean here what they mean there, and are refused in the same words."""

import json
import re
from pathlib import Path

import pytest

from ropeway.tracking import mlflow_fields
from ropeway.tracking.errors import FilterTooLarge, MlflowFilterInvalid
from ropeway.tracking.expression import And, Comparison, Expression, In, Like, Missing, Not, holds, leaves
from ropeway.tracking.mlflow_fields import FAMILY_NAMES
from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order

TABLE = json.loads(Path(__file__).with_name("mlflow_table.json").read_text(encoding="utf-8"))
# We refuse these too, and name other tokens than its tokenizer does.
OTHER_WORDS = "Invalid clause(s) in filter string"


def clause(part: Expression) -> list[object]:
    """A part of our tree in the form of the table."""
    match part:
        case Comparison(field, sign, value):
            # Versions of models: the database there reads a quoted number as the number.
            shown = str(value) if field.key == "version_number" else value
            return [FAMILY_NAMES[field.family], field.key, sign, shown]
        case Like(field, pattern, is_any_case):
            return [FAMILY_NAMES[field.family], field.key, "ILIKE" if is_any_case else "LIKE", pattern]
        case In(field, values, is_negated):
            return [FAMILY_NAMES[field.family], field.key, "NOT IN" if is_negated else "IN", list(values)]
        case Missing(field):
            return [FAMILY_NAMES[field.family], field.key, "IS NULL", None]
        case Not(Missing(field)):
            return [FAMILY_NAMES[field.family], field.key, "IS NOT NULL", None]
    raise AssertionError(part)


def shown(theirs: list[object]) -> list[object]:
    is_number = theirs[1] == "version_number" and theirs[3] is not None
    return [*theirs[:3], str(theirs[3])] if is_number else theirs


def same_words(message: str) -> str:
    """A message with the names of its sets in alphabetical order."""
    if message.startswith(OTHER_WORDS):
        return OTHER_WORDS
    return re.sub(r"\{(.*?)\}", lambda m: "{" + ", ".join(sorted(m[1].split(", "))) + "}", message)


def answer(text: str, kind: str) -> object:
    try:
        found = parse_mlflow_filter(text, getattr(mlflow_fields, kind))
    except MlflowFilterInvalid as error:
        return same_words(error.what)
    assert isinstance(found, And)
    return [clause(part) for part in found.parts]


@pytest.mark.parametrize("kind", TABLE["filters"])
def test_a_filter_is_read_or_refused_as_mlflow_does(kind: str):
    theirs = {
        text: same_words(said) if isinstance(said, str) else [shown(each) for each in said]
        for text, said in TABLE["filters"][kind]
        if said != "MLflow breaks on it"
    }
    ours = {text: answer(text, kind) for text in theirs}
    assert {text: (said, ours[text]) for text, said in theirs.items() if said != ours[text]} == {}


def test_an_order_is_read_or_refused_as_mlflow_does():
    for text, said in TABLE["orders"]:
        try:
            [(field, is_descending)] = parse_mlflow_order([text])
            ours: object = [FAMILY_NAMES[field.family], field.key, not is_descending]
        except MlflowFilterInvalid as error:
            ours = same_words(error.what)
        alias = {"Created": "start_time", "created": "start_time"}
        theirs = (
            same_words(said) if isinstance(said, str) else [said[0], alias.get(said[1], said[1]), said[2]]
        )
        assert ours == theirs, text
    with pytest.raises(MlflowFilterInvalid, match="duplicate fields"):
        parse_mlflow_order(["metrics.a", "metrics.a DESC"])


def test_logged_models_take_values_without_quotes_and_in_for_every_attribute():
    found = parse_mlflow_filter(
        "params.lr = 0.01 AND name IN ('a', 'b') AND creation_time > 5", mlflow_fields.LOGGED_MODELS
    )
    assert [str(leaf.field) for leaf in leaves(found)] == ["params.lr", "name", "creation_timestamp"]
    assert clause(next(leaves(found))) == ["parameter", "lr", "=", "0.01"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("params.a = '" + "x" * 100_000 + "'", "characters"),
        (" AND ".join(["tags.a='x'"] * 300), "comparisons"),
        ("run_id IN ('a', " + "'b'," * 9_000 + ")", "values in lists"),
    ],
)
def test_a_filter_over_a_limit_is_refused(text: str, what: str):
    with pytest.raises(FilterTooLarge, match=what):
        parse_mlflow_filter(text)
    with pytest.raises(FilterTooLarge, match="fields to order by"):
        parse_mlflow_order([f"metrics.m{number}" for number in range(50)])


@pytest.mark.parametrize(
    "text",
    [
        "(" * 90_000,
        "'" * 90_001,
        "run_id IN (" + "(" * 50_000,
        "`a." * 30_000,
        "run_id IN (" + "-" * 90_000 + "1)",
    ],
)
def test_hostile_text_is_refused_soon(text: str):
    with pytest.raises(MlflowFilterInvalid):
        parse_mlflow_filter(text)


def test_a_tree_is_told_over_one_thing_at_a_time():
    thing = {"name": ["Churn"], "tags.team": ["search"], "creation_time": [5]}
    for text, expected in {
        "name LIKE 'Ch%'": True, "name LIKE 'ch%'": False, "name ILIKE 'ch_rn'": True,
        "tags.team != 'ads'": True, "tags.other != 'ads'": False, "tags.other IS NULL": True,
        "tags.team IS NOT NULL AND creation_time >= 5": True, "": True, "creation_time > 5": False,
    }.items():  # fmt: skip
        tree = parse_mlflow_filter(text, mlflow_fields.EXPERIMENTS)
        assert holds(tree, lambda field: thing.get(str(field), [])) is expected, text
