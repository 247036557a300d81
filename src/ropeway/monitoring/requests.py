"""What requests held, as columns: inputs come out of the log as JSON and go back into the signature's types.

A value that is not of its column's type is counted and left empty; nothing that a log may hold raises.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from ropeway.models.request import dtype_of

MISSING = object()

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Requests:
    """Logged inputs.

    Attributes:
        frame: the signature's columns, empty where a value was missing, null or mistyped.
        missing: by column, rows that did not have the field.
        mistyped: by column, rows that had a value of another type.
    """

    frame: pl.DataFrame
    missing: dict[str, int] = field(default_factory=dict)
    mistyped: dict[str, int] = field(default_factory=dict)


def read_requests(inputs: Iterable[str], signature: Mapping[str, str]) -> Requests:
    """Logged inputs as columns.

    Args:
        inputs: a JSON object each.
        signature: columns with their polars types, as a model names them.

    Example:
        >>> read = read_requests(['{"n": 1}', '{"n": "one"}', "{}"], {"n": "Int64"})
        >>> read.frame["n"].to_list(), read.missing, read.mistyped
        ([1, None, None], {'n': 1}, {'n': 1})
    """
    rows = [_row(text) for text in inputs]
    columns: list[pl.Series] = []
    missing: dict[str, int] = {}
    mistyped: dict[str, int] = {}
    for name, kind in signature.items():
        values = [row.get(name, MISSING) for row in rows]
        absent = sum(value is MISSING for value in values)
        present = [None if value is MISSING else value for value in values]
        series = _series(name, kind, present)
        given = len(present) - present.count(None)
        wrong = given - (len(series) - series.null_count())
        columns.append(series)
        if absent:
            missing[name] = absent
        if wrong:
            mistyped[name] = wrong
    return Requests(pl.DataFrame(columns), missing, mistyped)


def _row(text: str) -> dict[str, Any]:
    try:
        row = _decode(text)
    except msgspec.DecodeError:
        return {}
    return row if isinstance(row, dict) else {}


def _series(name: str, kind: str, values: list[Any]) -> pl.Series:
    """The values that are of the kind; None where one is not."""
    dtype = dtype_of(kind)
    word = kind.partition("(")[0]
    if dtype is not None and dtype.is_numeric():
        return _numbers(name, dtype, values)
    if word in ("String", "Categorical", "Enum"):
        return pl.Series(name, [v if isinstance(v, str) else None for v in values], dtype=pl.String)
    if word == "Boolean":
        return pl.Series(name, [v if isinstance(v, bool) else None for v in values], dtype=pl.Boolean)
    if word in ("Date", "Datetime", "Time"):
        return _times(name, word, values)
    items: type = dict if word == "Struct" else list
    try:
        return pl.Series(
            name, [value if isinstance(value, items) else None for value in values], strict=False
        )
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        return pl.Series(name, [None] * len(values), dtype=pl.Null)


def _numbers(name: str, dtype: pl.DataType, values: list[Any]) -> pl.Series:
    # True is 1 to Python; to a column of numbers it is another type.
    numbers = [value if type(value) in (int, float) else None for value in values]
    if dtype.is_integer():
        # JSON's 1.0 is the integer 1, and 1.5 is none.
        numbers = [None if value is None or value % 1 else int(value) for value in numbers]
    series = pl.Series(name, numbers, dtype=pl.Float64 if dtype.is_float() else None, strict=False)
    return series.cast(dtype, strict=False)


def _times(name: str, word: str, values: list[Any]) -> pl.Series:
    texts = pl.Series(name, [value if isinstance(value, str) else None for value in values], dtype=pl.String)
    if word == "Date":
        return texts.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if word == "Time":
        return texts.str.slice(0, 8).str.to_time("%H:%M:%S", strict=False)
    plain = (
        texts.str.replace(r"(Z|[+-]\d{2}:?\d{2})$", "").str.slice(0, 19).str.replace(" ", "T", literal=True)
    )
    return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
