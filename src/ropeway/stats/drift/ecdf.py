"""Distribution functions of numbers, from arrays or from sketches: what the detectors of numbers compare."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ropeway.stats.sketches.number import NumberSketch
from ropeway.stats.sketches.quantiles import RANK_ERROR

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ecdf:
    """An empirical distribution function.

    Attributes:
        values: sorted, finite.
        weights: how many numbers each value stands for; None when each is one.
        error: by how much it may be wrong anywhere, as a share of the rows (99 of 100 sketches); 0 if exact.
        low: the smallest number that came, which a sketch knows exactly.
        high: the largest.

    Example:
        >>> some = Ecdf.of_array([3.0, 1.0, float("nan"), 2.0, 2.0])
        >>> some.count, some.values, some.counts([1.5, 2.0])
        (4, array([1., 2., 2., 3.]), array([1, 2, 1]))
    """

    values: Floats
    weights: Integers | None
    error: float
    low: float
    high: float

    @classmethod
    def of_array(cls, numbers: ArrayLike) -> Self:
        """Of numbers; NaN and the infinities are left out."""
        flat = np.asarray(numbers, dtype=np.float64).ravel()
        is_finite = np.isfinite(flat)
        return cls.of_sorted(np.sort(flat if is_finite.all() else flat[is_finite]))

    @classmethod
    def of_sorted(cls, values: Floats) -> Self:
        """Of finite numbers that are sorted already."""
        low, high = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
        return cls(values, None, 0.0, low, high)

    @classmethod
    def of_sketch(cls, sketch: NumberSketch) -> Self:
        """Of what a sketch has seen."""
        if not sketch.count:
            return cls.of_sorted(np.empty(0))
        values, weights = sketch.weighted()
        error = 0.0 if sketch.is_exact else RANK_ERROR
        return cls(values, weights, error, sketch.min, sketch.max)

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return len(self.values) if self.weights is None else int(self.weights.sum())

    @property
    def is_constant(self) -> bool:
        """Whether all numbers are one; not of none."""
        return len(self.values) > 0 and self.low == self.high

    def counts(self, edges: ArrayLike) -> Integers:
        """How many lie at or below the first edge, from each to the next (included), above the last."""
        if self.weights is None:
            below = np.searchsorted(self.values, np.asarray(edges, dtype=np.float64), side="right")
        else:
            at = np.searchsorted(self.values, np.asarray(edges, dtype=np.float64), side="right")
            below = np.concatenate([[0], np.cumsum(self.weights)])[at]
        return np.diff(below, prepend=0, append=self.count)

    def quantiles(self, shares: ArrayLike) -> Floats:
        """The smallest values with at least these shares at or below them."""
        wanted = np.ceil(np.asarray(shares, dtype=np.float64) * self.count - 1e-9)
        if self.weights is None:
            place = wanted.astype(np.int64) - 1
        else:
            place = np.searchsorted(np.cumsum(self.weights), wanted, side="left")
        return self.values[np.clip(place, 0, len(self.values) - 1)]


Numbers = ArrayLike | NumberSketch | Ecdf
"""What a detector of numbers takes: an array, a sketch, or what either was made into."""


def ecdf(numbers: Numbers) -> Ecdf:
    """The distribution function of numbers in any form."""
    if isinstance(numbers, Ecdf):
        return numbers
    return Ecdf.of_sketch(numbers) if isinstance(numbers, NumberSketch) else Ecdf.of_array(numbers)


def merged_steps(reference: Ecdf, current: Ecdf) -> tuple[Floats, Floats]:
    """All different values of two, sorted, and how far the first function lies above the second from each on.

    Example:
        >>> merged_steps(Ecdf.of_array([1.0, 2.0]), Ecdf.of_array([2.0, 4.0]))
        (array([1., 2., 4.]), array([0.5, 0.5, 0. ]))
    """
    values = np.concatenate([reference.values, current.values])
    # Both halves are sorted: a stable sort sees the two runs and merges them.
    order = np.argsort(values, kind="stable")
    values = values[order]
    n, m = reference.count, current.count
    first = len(reference.values)
    from_reference = order < first
    # i of n and j of m have come: i / n - j / m, in whole numbers up to the last division.
    if reference.weights is None and current.weights is None:
        # In place: fetching fresh memory for arrays of this size takes longer than the sums.
        gaps: Floats = from_reference.astype(np.float64)
        np.cumsum(gaps, out=gaps)
        gaps *= n + m
        gaps -= np.arange(n, n * (n + m) + 1, n, dtype=np.float64)
        gaps /= n * m
    else:
        whole = _come(reference, order, from_reference, 0) * m
        whole -= _come(current, order, ~from_reference, first) * n
        gaps = whole / (n * m)
    is_last = np.append(values[1:] != values[:-1], True)
    return (values, gaps) if is_last.all() else (values[is_last], gaps[is_last])


def _come(one: Ecdf, order: Integers, is_own: NDArray[np.bool_], first: int) -> Integers:
    """How many of one's numbers have come, along the merged order."""
    steps = np.zeros(len(order), dtype=np.int64)
    steps[is_own] = 1 if one.weights is None else one.weights[order[is_own] - first]
    return np.cumsum(steps)
