"""What people have at hand when they ask a model, as a polars frame: frames, rows, columns, texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ropeway.models.errors import NotAFrame, RequestMismatch
from ropeway.models.request import dtype_of
from ropeway.pipelines.errors import ColumnMissing

PLAIN = (str, bool, int, float)
NUMBERS = "biuf"


def frame_of_given(ref: str, inputs: Mapping[str, str], given: Any) -> pl.DataFrame:
    """A frame of what was given.

    Args:
        ref: the version, for messages.
        inputs: its columns, with the names of their polars types.
        given: a polars or pandas frame; a list of dicts, one for each row; a dict of columns, or one row; for
            a model of one column a list of its values, a series or one text.

    Raises:
        NotAFrame: nothing of the kind.
        ColumnMissing: a column is not there.
        RequestMismatch: a value is not of its column's type.

    Example:
        >>> frame_of_given("mood@1", {"text": "String"}, ["what a day"])["text"].to_list()
        ['what a day']
    """
    if isinstance(given, pl.DataFrame):
        return given
    if hasattr(given, "columns") and hasattr(given, "iloc"):
        return pl.DataFrame({str(name): _of_pandas(given[name]) for name in given.columns})
    if isinstance(given, Mapping):
        is_columns = given and all(
            not isinstance(each, PLAIN) and each is not None for each in given.values()
        )
        given = dict(given) if is_columns else {name: [value] for name, value in given.items()}
        return _typed(ref, inputs, {str(name): _values(column) for name, column in given.items()})
    if isinstance(given, str):
        given = [given]
    values = _values(given) if not isinstance(given, bytes) else None
    if values is None:
        raise NotAFrame(type(given).__name__)
    if values and all(isinstance(row, Mapping) for row in values):
        return _of_rows(ref, inputs, values)
    if len(inputs) == 1 and all(value is None or isinstance(value, PLAIN) for value in values):
        return _typed(ref, inputs, {next(iter(inputs)): values})
    raise NotAFrame(f"{type(given).__name__} of {type(values[0]).__name__}" if values else "empty list")


def _of_rows(ref: str, inputs: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    for row in rows:
        if missing := [name for name in inputs if name not in row]:
            raise ColumnMissing(missing, [str(name) for name in row])
    return _typed(ref, inputs, {name: [row[name] for row in rows] for name in inputs})


def _typed(ref: str, inputs: Mapping[str, str], columns: Mapping[str, list[Any] | None]) -> pl.DataFrame:
    """The columns in the types that the version takes."""
    if missing := [name for name in inputs if name not in columns]:
        raise ColumnMissing(missing, list(columns))
    made = []
    for name, kind in inputs.items():
        values = columns[name]
        try:
            made.append(pl.Series(name, values, dtype=dtype_of(kind), strict=True))
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            got = sorted({type(value).__name__ for value in values or []})
            raise RequestMismatch(ref, name, kind, " and ".join(got)[:100]) from None
    try:
        return pl.DataFrame(made)
    except pl.exceptions.ShapeError:
        raise NotAFrame("dict of columns of different lengths") from None


def _values(column: Any) -> list[Any] | None:
    """The values of a list, an array or a series; None where it is none."""
    if isinstance(column, list | tuple | set | range):
        return list(column)
    listed = getattr(column, "to_list", None) or getattr(column, "tolist", None)
    return list(listed()) if callable(listed) else None


def _of_pandas(column: Any) -> pl.Series:
    if getattr(column.dtype, "kind", "O") in NUMBERS:
        return pl.Series(column.to_numpy())
    # pandas writes what is missing in a column of texts as NaN.
    return pl.Series([None if value is None or value != value else value for value in column.tolist()])
