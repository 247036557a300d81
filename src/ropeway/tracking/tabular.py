"""What people have as a table, as a frame of polars: frames of pandas by their values, without pyarrow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def frame_of(rows: Any) -> "pl.DataFrame":
    """A frame of whatever is one.

    Args:
        rows: a frame of polars; a frame or series of pandas, whose index is kept where it says something; an
            array of two dimensions; rows as dicts; columns in a dict.

    Raises:
        TypeError: it is none of these.
        ValueError, OverflowError, polars.exceptions.PolarsError: its values do not make one.
    """
    import polars as pl

    if isinstance(rows, pl.DataFrame):
        return rows
    if isinstance(rows, pl.Series):
        return rows.to_frame()
    if hasattr(rows, "iloc"):
        rows = _of_pandas(rows)
    elif getattr(rows, "ndim", 0) == 2:
        import numpy as np

        rows = np.asarray(rows)
    elif not isinstance(rows, Mapping | list | tuple):
        raise TypeError("it is no frame, no list of rows as dicts, and no dict of columns")
    return pl.DataFrame(rows, strict=False, infer_schema_length=None)


def _of_pandas(rows: Any) -> "dict[str, pl.Series]":
    """The columns of a frame of pandas."""
    import polars as pl

    frame = rows.to_frame() if hasattr(rows, "to_frame") else rows
    if type(frame.index).__name__ != "RangeIndex":
        frame = frame.reset_index()
    names = ["/".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise ValueError("two columns have one name")
    columns = (frame.iloc[:, place] for place in range(len(names)))
    return {
        name: pl.Series(name, _values(column), strict=False)
        for name, column in zip(names, columns, strict=True)
    }


def _values(column: Any) -> Any:
    """The values of a column: numbers as they lie in memory, all else as objects of Python."""
    if getattr(column.dtype, "kind", "O") in "biuf" and type(column.dtype).__module__.startswith("numpy"):
        return column.to_numpy()
    values = [
        None if is_missing else _plain(value)
        for value, is_missing in zip(column.tolist(), column.isna().tolist(), strict=True)
    ]
    # Of many kinds, as in what `describe` gives: numbers together, anything else as text.
    kinds = {type(value) for value in values if value is not None}
    is_mixed = len(kinds) > 1 and not kinds <= {bool, int, float}
    return [None if value is None else str(value) for value in values] if is_mixed else values


def _plain(value: Any) -> Any:
    """A moment or a stretch of pandas as Python's own."""
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    return value.to_pytimedelta() if hasattr(value, "to_pytimedelta") else value
