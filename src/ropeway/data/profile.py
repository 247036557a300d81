"""A short profile of a dataset version: enough to see at a glance what came."""

import math

import polars as pl

from ropeway.data.kinds import kind_of
from ropeway.data.records import ColumnProfile, Profile, TopValue

BINS = 12
TOP_VALUES = 5
SHOWN_CHARACTERS = 60


def profile_of(frame: pl.DataFrame) -> Profile:
    """The profile of some rows.

    Example:
        >>> profile_of(pl.DataFrame({"age": [1, 2, 3]})).columns[0].mean
        2.0
    """
    return Profile(rows=frame.height, columns=[_column(frame[name]) for name in frame.columns])


def _column(series: pl.Series) -> ColumnProfile:
    kind = kind_of(series.dtype)
    nulls = series.null_count() + (int(series.is_nan().sum()) if series.dtype.is_float() else 0)
    figures, of, lengths = pl.Series([], dtype=pl.Float64), "", ""
    if isinstance(series.dtype, pl.List):
        sizes = series.list.len().drop_nulls()
        if len(sizes):
            few, many = min(sizes.to_list()), max(sizes.to_list())
            lengths = f"{few}" if few == many else f"{few} to {many}"
        items = series.explode().drop_nulls()
        figures, of = (items, "items") if items.dtype.is_numeric() else (figures, "")
    elif kind in {"integer", "number"}:
        figures, of = series, "values"
    elif kind == "text":
        figures, of = series.cast(pl.String).str.len_chars(), "characters"
    elif kind == "boolean":
        figures, of = series.cast(pl.Int8), "values"
    finite = figures.cast(pl.Float64).drop_nulls().drop_nans()
    finite = finite.filter(finite.is_finite())
    low, high, mean = (
        float(x) if isinstance(x, int | float) else None for x in (finite.min(), finite.max(), finite.mean())
    )
    return ColumnProfile(
        name=series.name,
        kind=kind,
        nulls=nulls,
        distinct=_distinct(series),
        of=of if low is not None else "",
        min=low,
        max=high,
        mean=mean,
        bins=_bins(finite, low, high, whole=figures.dtype.is_integer()),
        top=_top(series, kind),
        lengths=lengths,
    )


def _distinct(series: pl.Series) -> int | None:
    """How many different values there are; None where polars cannot tell such values apart."""
    try:
        return series.drop_nulls().n_unique()
    except pl.exceptions.PolarsError:
        return None


def _bins(values: pl.Series, low: float | None, high: float | None, *, whole: bool) -> list[int]:
    """Counts of equal ranges; a short scale of whole numbers gets one for each of them."""
    if low is None or high is None or low == high or not math.isfinite(high - low):
        return []
    bins = int(high - low) + 1 if whole and high - low < BINS else BINS
    width = 1.0 if whole and high - low < BINS else (high - low) / bins
    numbers = ((values - low) / width).floor().cast(pl.Int64).clip(0, bins - 1)
    # By a name of its own: a column may be called `count`, as the counts are.
    counts = dict(numbers.alias("bin").value_counts().iter_rows())
    return [counts.get(number, 0) for number in range(bins)]


def _top(series: pl.Series, kind: str) -> list[TopValue]:
    if kind not in {"text", "integer", "boolean", "date"}:
        return []
    counts = (
        series.drop_nulls()
        .cast(pl.String)
        .alias("value")
        .value_counts(name="count")
        .sort(["count", "value"], descending=[True, False])
    )
    top = counts.head(TOP_VALUES).rows()
    if not top or top[0][1] < 2:
        return []
    return [TopValue(value=_clip(value), count=count) for value, count in top]


def _clip(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
