"""Rows as requests bring them: through JSON and back, in the types of the signature."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import polars as pl

if TYPE_CHECKING:
    from ropeway.pipelines.records import Signature

_TIMES: Mapping[str, type] = {"Date": date, "Datetime": datetime, "Time": time}


class Predicts(Protocol):
    """What can be sent rows: a loaded model."""

    @property
    def signature(self) -> "Signature":
        """The columns that it takes and gives."""
        ...

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """One answer for each row, in the same order."""
        ...


def frame_of(rows: Sequence[Mapping[str, Any]], inputs: Mapping[str, str]) -> pl.DataFrame:
    """A frame in the signature's types, of rows as JSON gave them.

    Example:
        >>> frame_of([{"text": "ok", "n": 1}], {"text": "String", "n": "Float64"}).schema
        Schema({'text': String, 'n': Float64})
    """
    return pl.DataFrame([_column(name, kind, [row[name] for row in rows]) for name, kind in inputs.items()])


def through_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row encoded as a request's body and decoded again."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return decoded


def _column(name: str, kind: str, values: list[Any]) -> pl.Series:
    word = kind.partition("(")[0]
    if word in _TIMES:
        values = [None if value is None else msgspec.convert(value, _TIMES[word]) for value in values]
    dtype = dtype_of(kind)
    # Lists and structs: what polars makes of the values; times keep the unit that they come with.
    return pl.Series(name, values) if dtype is None else pl.Series(name, values, dtype=dtype, strict=False)


def dtype_of(kind: str) -> pl.DataType | None:
    """The polars type of a plain name such as `Float64`; None for one with parameters."""
    found = None if "(" in kind else getattr(pl, kind, None)
    return found() if isinstance(found, type) and issubclass(found, pl.DataType) else None
