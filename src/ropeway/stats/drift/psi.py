"""The population stability index, as its users know it: below 0.1 stable, from 0.25 on a shift.

The idea: how surprised is each sample by the other's shares, summed over cells (Kullback and Leibler's
divergence in both directions). Numbers are put into ten cells with a tenth of the reference each, open at
both ends.

An empty cell would be infinitely surprising: its share is set to EPSILON, as is the custom; the figure is
then as much the epsilon's as the data's. The usual limits ignore the number of rows: two samples of 100 from
one distribution in ten cells give 0.18 by chance. So it is shown, and nothing is decided by it.

    Siddiqi, N. (2006). Credit Risk Scorecards. Wiley. Chapter "Scorecard implementation: pre-implementation".
    Yurdakul, B. (2018). Statistical Properties of Population Stability Index. Western Michigan University.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ropeway.stats.drift.ecdf import Numbers, ecdf

EPSILON = 1e-4
"""What stands for a share of nothing."""

BINS = 10


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """The index of two rows of counts in the same cells.

    Example:
        >>> round(psi([100, 100], [60, 140]), 4), round(psi([100, 100, 0], [60, 100, 40]), 4)
        (0.1695, 1.6216)
    """
    expected, actual = _shares(reference), _shares(current)
    return float(((actual - expected) * np.log(actual / expected)).sum())


def psi_of_numbers(reference: Numbers, current: Numbers) -> float:
    """The index of numbers, arrays or sketches, in ten cells of the reference.

    Example:
        >>> generator = np.random.default_rng(7)
        >>> round(psi_of_numbers(generator.normal(size=5000), generator.normal(0.5, size=5000)), 3)
        0.259
    """
    one, other = ecdf(reference), ecdf(current)
    edges = quantile_edges(one.quantiles(np.arange(1, BINS) / BINS))
    return psi(one.counts(edges), other.counts(edges))


def quantile_edges(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The different ones of some quantiles: where one value is very frequent, cells fall together."""
    return np.unique(quantiles)


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    row = np.asarray(counts, dtype=np.float64)
    shares = row / row.sum()
    # A cell that both leave empty is equally unsurprising to both.
    return np.where(shares > 0, shares, EPSILON)
