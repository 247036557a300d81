"""polars frames and series as Arrow, and the digest of what they hold."""

import io
from typing import Any

from ropeway.pipelines.writing import Node, NoFormat, Writing


def refuse_lazy(_value: Any, _writing: Writing) -> Node:
    """Refuse a query, which holds nothing yet."""
    raise NoFormat("a LazyFrame is a query, not a result: return .collect()")


def write(value: Any, writing: Writing) -> Node:
    """A frame or a series.

    Raises:
        NoFormat: a column holds Python objects.
    """
    import polars as pl

    is_series = isinstance(value, pl.Series)
    frame = value.to_frame() if is_series else value
    if any(_holds_objects(kind) for kind in frame.dtypes):
        raise NoFormat("a polars column of Python objects has no safe format")
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    kind = "polars-series" if is_series else "polars"
    # The height is said apart: a frame without columns has one.
    writing.note(kind, str(frame.height), repr(list(frame.schema.items())))
    for column in frame:
        _note_column(column, writing)
    return {"k": kind, "v": buffer.getvalue(), "rows": frame.height}


def _note_column(column: Any, writing: Writing) -> None:
    """Digest a column's values: not its buffers, which keep traces of how it was made."""
    import polars as pl

    if column.null_count():
        # What stands under a null is left over from whatever was there before, and says nothing.
        writing.note(column.is_null().cast(pl.UInt8).to_numpy().tobytes())
    kind = column.dtype
    if kind.is_nested():
        buffer = io.BytesIO()
        column.rechunk().to_frame().write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
        writing.note(buffer.getvalue())
    elif kind == pl.Boolean:
        writing.note(column.fill_null(value=False).cast(pl.UInt8).to_numpy().tobytes())
    elif kind.is_numeric() and not kind.is_decimal() and "128" not in str(kind):
        writing.note(column.fill_null(0).to_numpy().tobytes())
    elif kind.is_temporal():
        writing.note(column.to_physical().fill_null(0).to_numpy().tobytes())
    else:
        text = (column.bin.encode("hex") if kind == pl.Binary else column.cast(pl.String)).fill_null("")
        writing.note(text.str.len_bytes().to_numpy().tobytes(), text.str.join("").item() if len(text) else "")


def _holds_objects(kind: Any) -> bool:
    import polars as pl

    if isinstance(kind, pl.Struct):
        return any(_holds_objects(each.dtype) for each in kind.fields)
    inner = getattr(kind, "inner", None)
    return bool(kind == pl.Object) or (inner is not None and _holds_objects(inner))


def read(kind: str, data: bytes, rows: int) -> Any:
    """The frame or series that `write` wrote."""
    import polars as pl

    frame = pl.read_ipc(io.BytesIO(data), use_pyarrow=False)
    if frame.width == 0 and rows:
        frame = pl.DataFrame(height=rows)
    return frame.to_series() if kind == "polars-series" else frame
