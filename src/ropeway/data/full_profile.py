"""The full profile of rows: one pass, piece by piece, into sketches that merge.

Memory does not grow with the rows: a column takes at most about 300 kB of sketches, beside one piece of the
file. Where a figure is an estimate it says so, or how far off it may be (`stats.sketches`).
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
import polars as pl

from ropeway.data.kinds import kind_of
from ropeway.data.profile_records import SHARES, Figures, FullColumn
from ropeway.data.records import TopValue
from ropeway.stats.profile import CategorySketch
from ropeway.stats.sketches.number import NumberSketch

BINS = 24
TOP_VALUES = 8
TAIL = 0.005
"""The share at either end that does not widen the picture."""
COUNTED = {"text", "integer", "boolean", "date"}
"""Kinds of which the frequent values are counted."""


def profile_pieces(pieces: Iterable[pl.DataFrame]) -> tuple[int, list[FullColumn]]:
    """How many rows there are, and what each column holds.

    Example:
        >>> rows, (age,) = profile_pieces([pl.DataFrame({"age": [1, 2]}), pl.DataFrame({"age": [3]})])
        >>> rows, age.values.mean, age.distinct
        (3, 2.0, 3)
    """
    walked: dict[str, Walked] = {}
    rows = 0
    for frame in pieces:
        rows += frame.height
        for name in frame.columns:
            walked.setdefault(name, Walked(name)).update(frame[name])
    return rows, [each.told() for each in walked.values()]


class Walked:
    """What was seen of one column so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind = "null"
        self.nulls = 0
        self._numbers = NumberSketch()
        self._times = NumberSketch("time")
        self._lengths = NumberSketch()
        self._values = CategorySketch()

    def update(self, series: pl.Series) -> None:
        """Take in more rows."""
        self.nulls += series.null_count()
        present = series.drop_nulls()
        if len(present):
            self._take(present, kind_of(series.dtype))

    def merge(self, other: Self) -> Self:
        """What both have seen; neither is changed."""
        merged = type(self)(self.name)
        merged.kind = self.kind if self.kind != "null" else other.kind
        merged.nulls = self.nulls + other.nulls
        merged._numbers = self._numbers.merge(other._numbers)
        merged._times = self._times.merge(other._times)
        merged._lengths = self._lengths.merge(other._lengths)
        merged._values = self._values.merge(other._values)
        return merged

    def told(self) -> FullColumn:
        """What there is to say of it."""
        numbers, times = self._numbers, self._times
        top = self._values.top(TOP_VALUES)
        sketch = self._values if self._values.count else numbers if numbers.count else times
        has_values = self.kind == "null" or not (self.kind.startswith("list[") or self._is_opaque)
        moments = (times.min, times.quantile(0.5), times.max) if times.count else ()
        first, middle, last = (_moment(each, self.kind) for each in moments) if moments else (None,) * 3
        return FullColumn(
            name=self.name,
            kind=self.kind,
            nulls=self.nulls,
            nans=numbers.nans,
            infinite=numbers.infinite,
            distinct=sketch.distinct if has_values else None,
            values=_figures(numbers),
            lengths=_figures(self._lengths),
            top=[TopValue(value=value, count=count) for value, count in top] if top and top[0][1] > 1 else [],
            first=first,
            middle=middle,
            last=last,
        )

    @property
    def _is_opaque(self) -> bool:
        return not (self._values.count or self._numbers.count or self._times.count)

    def _take(self, present: pl.Series, kind: str) -> None:
        self.kind = kind
        if kind in COUNTED:
            self._values.update(present.cast(pl.String))
        if kind == "text":
            self._lengths.update(present.cast(pl.String).str.len_chars())
        elif kind in {"integer", "number"}:
            self._numbers.update(present)
        elif kind in {"date", "datetime", "time"}:
            self._times.update(present)
        elif isinstance(present.dtype, pl.List | pl.Array):
            lists = present if isinstance(present.dtype, pl.List) else present.arr.to_list()
            self._lengths.update(lists.list.len())
            items = lists.explode().drop_nulls()
            if items.dtype.is_numeric():
                self._numbers.update(items)


def _figures(sketch: NumberSketch) -> Figures | None:
    if not sketch.count:
        return None
    low, high = sketch.quantile(TAIL), sketch.quantile(1 - TAIL)
    return Figures(
        count=sketch.count,
        min=sketch.min,
        max=sketch.max,
        mean=sketch.mean,
        sd=sketch.std,
        quantiles=[sketch.quantile(share) for share in SHARES],
        low=low,
        high=high,
        bins=_bins(sketch, low, high),
        is_exact=sketch.is_exact,
    )


def _bins(sketch: NumberSketch, low: float, high: float) -> list[int]:
    """Counts of equal ranges; what lies beyond the ends is in the end bins."""
    if low == high or not math.isfinite(high - low):
        return []
    inner = np.linspace(low, high, BINS + 1)[1:-1]
    values, weights = sketch.weighted()
    places = np.searchsorted(inner, values, side="right")
    return [int(count) for count in np.bincount(places, weights=weights, minlength=BINS)]


def _moment(seconds: float, kind: str) -> str:
    if kind == "time":
        return str(timedelta(seconds=round(seconds)))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return (
        moment.date().isoformat() if kind == "date" else moment.replace(tzinfo=None).isoformat(" ", "seconds")
    )
