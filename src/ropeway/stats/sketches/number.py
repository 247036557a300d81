"""The summary of a column of numbers, or of times as seconds since 1970 (times of day since midnight)."""

import math
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ropeway.stats.sketches.column import ColumnSketch, Kind
from ropeway.stats.sketches.distinct import Distinct
from ropeway.stats.sketches.moments import Moments
from ropeway.stats.sketches.quantiles import Quantiles
from ropeway.stats.sketches.state import NumberState

if TYPE_CHECKING:
    import polars as pl

PROBED = 1000
"""Values that are looked at to see whether a column repeats itself."""

SECONDS = 1e-6


class NumberSketch(ColumnSketch):
    """Moments, distribution and number of different values of the finite numbers of a column.

    NaN and the infinities are counted and kept out of everything else: they would swallow every mean.

    Attributes:
        nans: rows that had NaN.
        infinite: rows that had an infinity.

    Example:
        >>> import polars as pl
        >>> sketch = NumberSketch()
        >>> sketch.update(pl.Series([1.0, 2.0, None, float("nan"), 6.0]))
        >>> sketch.count, sketch.nulls, sketch.nans, sketch.mean, sketch.quantile(0.5)
        (3, 1, 1, 3.0, 2.0)
    """

    def __init__(self, kind: Kind = "number") -> None:
        super().__init__(kind)
        self.nans = 0
        self.infinite = 0
        self._moments = Moments()
        self._quantiles = Quantiles()
        self._distinct = Distinct()

    @property
    def count(self) -> int:
        """Rows that had a finite number."""
        return self._moments.count

    @property
    def mean(self) -> float:
        """Exact to rounding; NaN without numbers."""
        return self._moments.mean if self.count else math.nan

    @property
    def std(self) -> float:
        """The standard deviation over n, exact to rounding; NaN without numbers."""
        return self._moments.std

    @property
    def min(self) -> float:
        """The smallest; NaN without numbers."""
        return self._moments.low if self.count else math.nan

    @property
    def max(self) -> float:
        """The largest; NaN without numbers."""
        return self._moments.high if self.count else math.nan

    @property
    def distinct(self) -> int:
        """How many different numbers there were, within 1.6 % (one standard error)."""
        return min(self._distinct.estimate, self.count)

    @property
    def is_exact(self) -> bool:
        """Whether the distribution is that of every number that came, not an estimate of it."""
        return self._quantiles.is_exact

    def quantile(self, share: float) -> float:
        """The smallest number with at least this share of all at or below it; NaN without numbers."""
        if not self.count:
            return math.nan
        # The ends are known exactly, whatever the sketch has dropped.
        return self.min if share <= 0 else self.max if share >= 1 else self._quantiles.quantile(share)

    def weighted(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The sorted numbers that stand for all, and how many each stands for: together `count`."""
        return self._quantiles.weighted()

    def cdf(self, points: ArrayLike) -> NDArray[np.float64]:
        """The share of numbers at or below each point, in the points' order; NaN without numbers."""
        values, weights = self.weighted()
        at = np.asarray(points, dtype=np.float64)
        if not self.count:
            return np.full(at.shape, math.nan)
        below = np.concatenate([[0], np.cumsum(weights)])
        return below[np.searchsorted(values, at, side="right")] / self.count

    def histogram(self, edges: ArrayLike) -> NDArray[np.int64]:
        """How many numbers lie in each bin, as `numpy.histogram` counts: the last bin is closed."""
        values, weights = self.weighted()
        counts, _ = np.histogram(values, bins=np.asarray(edges, dtype=np.float64), weights=weights)
        return counts.astype(np.int64)

    def accepts(self, dtype: "pl.DataType") -> bool:
        """Numbers for numbers, times for times; true and false are neither."""
        return dtype.is_temporal() if self.kind == "time" else dtype.is_numeric()

    def _take(self, values: "pl.Series") -> None:
        self.take_array(_seconds(values) if self.kind == "time" else _floats(values))

    def take_array(self, numbers: NDArray[np.float64]) -> None:
        """Take in numbers, NaN and infinities among them."""
        import polars as pl

        is_finite = np.isfinite(numbers)
        if not is_finite.all():
            nans = int(np.isnan(numbers).sum())
            self.nans += nans
            self.infinite += int((~is_finite).sum()) - nans
            numbers = numbers[is_finite]
        self._moments = self._moments.merge(Moments.of(numbers))
        self._quantiles.update(numbers)
        # The sketch takes them one by one: where numbers repeat, the different ones are found sooner.
        repeats = len(np.unique(numbers[:PROBED])) < min(len(numbers), PROBED) // 2
        different = pl.Series(numbers).unique(maintain_order=True).to_numpy() if repeats else numbers
        self._distinct.update(different.tolist())

    def _new(self) -> Self:
        return type(self)(self.kind)

    def _merge_into(self, merged: Self, other: Self) -> None:
        merged.nans = self.nans + other.nans
        merged.infinite = self.infinite + other.infinite
        merged._moments = self._moments.merge(other._moments)
        merged._quantiles = self._quantiles.merge(other._quantiles)
        merged._distinct = self._distinct.merge(other._distinct)

    def to_state(self) -> NumberState:
        """All that it holds, as plain data."""
        return NumberState(
            kind=self.kind,
            nulls=self.nulls,
            mistyped=self.mistyped,
            absent=self.absent,
            nans=self.nans,
            infinite=self.infinite,
            count=self._moments.count,
            mean=self._moments.mean,
            m2=self._moments.m2,
            low=self._moments.low,
            high=self._moments.high,
            quantiles=self._quantiles.to_bytes(),
            distinct=self._distinct.to_bytes(),
        )

    @classmethod
    def from_state(cls, state: NumberState) -> Self:
        """What `to_state` gave."""
        sketch = cls(state.kind)
        sketch.nulls, sketch.mistyped, sketch.absent = state.nulls, state.mistyped, state.absent
        sketch.nans, sketch.infinite = state.nans, state.infinite
        sketch._moments = Moments(state.count, state.mean, state.m2, state.low, state.high)
        sketch._quantiles = Quantiles.from_bytes(state.quantiles)
        sketch._distinct = Distinct.from_bytes(state.distinct)
        return sketch


def _floats(values: "pl.Series") -> NDArray[np.float64]:
    import polars as pl

    return values.cast(pl.Float64).to_numpy()


def _seconds(values: "pl.Series") -> NDArray[np.float64]:
    import polars as pl

    dtype = values.dtype
    if isinstance(dtype, pl.Time):
        return values.cast(pl.Int64).to_numpy() / 1e9
    if isinstance(dtype, pl.Duration):
        return values.dt.total_microseconds().to_numpy() * SECONDS
    return values.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy() * SECONDS
