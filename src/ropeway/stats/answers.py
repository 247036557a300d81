"""A model's answers as columns that can be profiled: prediction, confidence, one probability for each class.

The same columns come from what a model gave (`answers_of`) and from what was logged (`logged_answers`), so
that the two can be compared.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from ropeway.stats.sketches.column import Kind

PREDICTION = "prediction"
CONFIDENCE = "confidence"
PROBABILITY = "probability of "
"""Stands before a class in the name of its column."""


def answers_of(outputs: "pl.DataFrame") -> "pl.DataFrame":
    """What a model gave, as columns to profile.

    Args:
        outputs: a column for each class, or `prediction`, or both.

    Returns:
        `prediction`; beside classes as text, with `confidence`, the highest probability, and each
        `probability of CLASS`.

    Example:
        >>> import polars as pl
        >>> answers_of(pl.DataFrame({"bad": [0.2], "good": [0.8]})).rows()
        [('good', 0.8, 0.2, 0.8)]
    """
    import polars as pl

    classes = [name for name in outputs.columns if name != PREDICTION]
    if not classes:
        return outputs.select(PREDICTION)
    numbers = outputs.select(pl.col(classes).cast(pl.Float64))
    columns = [numbers.max_horizontal().alias(CONFIDENCE)]
    columns += [numbers[name].alias(f"{PROBABILITY}{name}") for name in classes]
    if PREDICTION in outputs.columns:
        said = pl.Series([_name_of(value) for value in outputs[PREDICTION]], dtype=pl.String)
    else:
        # The first of the highest, as serving says it.
        best = numbers.select(pl.concat_list(pl.all()).list.arg_max()).to_series()
        said = pl.Series(PREDICTION, classes, dtype=pl.String)[best.fill_null(0)].set(best.is_null(), None)
    return pl.DataFrame([said.alias(PREDICTION), *columns])


def logged_answers(
    predictions: Sequence[str | bool | float | None], probabilities: Sequence[Mapping[str, float] | None]
) -> "pl.DataFrame":
    """What was logged of a model's answers, as columns to profile.

    Args:
        predictions: as logged; None where the model failed.
        probabilities: by class, as logged; None where there were none.

    Example:
        >>> logged_answers(["good"], [{"bad": 0.2, "good": 0.8}]).rows()
        [('good', 0.8, 0.2, 0.8)]
    """
    import polars as pl

    classes = list(dict.fromkeys(name for each in probabilities if each is not None for name in each))
    given = {
        name: pl.Series(
            [None if each is None else each.get(name) for each in probabilities], dtype=pl.Float64
        )
        for name in classes
    }
    columns = [
        pl.Series(
            PREDICTION, _of_one_type(predictions) if not classes else [_name_of(each) for each in predictions]
        )
    ]
    if classes:
        columns.append(pl.DataFrame(given).max_horizontal().alias(CONFIDENCE))
        columns += [values.alias(f"{PROBABILITY}{name}") for name, values in given.items()]
    return pl.DataFrame(columns)


def answer_kinds(answers: "pl.DataFrame") -> "dict[str, Kind]":
    """What the columns of answers hold: a prediction in words is a category, never a text to take apart."""
    import polars as pl

    dtype = answers.schema[PREDICTION]
    said: Kind = (
        "number" if dtype.is_numeric() else "boolean" if isinstance(dtype, pl.Boolean) else "category"
    )
    return {name: said if name == PREDICTION else "number" for name in answers.columns}


def _name_of(value: object) -> str | None:
    """A class as text. JSON knows no difference between 1 and 1.0, and must not make two classes of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        None
        if value is None
        else str(int(value))
        if isinstance(value, float) and value.is_integer()
        else str(value)
    )


def _of_one_type(values: Sequence[str | bool | float | None]) -> list[str | bool | float | None]:
    """Values that fit one column: numbers as floats; of mixed types, which a log may hold, all as text."""
    types = {type(value) for value in values if value is not None}
    if types and types <= {int, float}:
        return [None if value is None else float(value) for value in values]
    return list(values) if len(types) <= 1 else [_name_of(value) for value in values]
