"""Krippendorff's alpha: how far many raters agree beyond chance, with a bootstrap interval.

    Krippendorff, K. (2011). Computing Krippendorff's Alpha-Reliability. University of Pennsylvania.
    alpha = 1 - D_o / D_e, the disagreement observed within units over that expected by chance.

Raters need not be known, may differ from unit to unit, and may be few: only the values that a unit got
count. Units with fewer than two ratings hold no pair and are left out, as the paper says.

The interval draws whole units with replacement, for the units are the sample and the raters of one unit
are not independent of one another (Zapf et al. 2016, *Measuring inter-rater reliability for nominal
data*, BMC Medical Research Methodology 16:93).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ropeway.stats.intervals import draw_counts

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Alpha with its two-sided interval; None where undefined."""

    alpha: float | None
    low: float | None
    high: float | None
    level: Level
    confidence: float
    units: int
    """Units with at least two ratings: those that alpha rests on."""
    ratings: int
    undefined: str = ""
    """Why there is no alpha: empty when there is one."""


def krippendorff_alpha(units: ArrayLike, values: ArrayLike, level: Level) -> float | None:
    """Alpha of ratings in long form; None where it is undefined.

    Args:
        units: the unit of each rating, any integers.
        values: the value of each rating; for `ordinal` and `interval` their order or size counts.
        level: the measurement level of the values.

    Example:
        >>> round(krippendorff_alpha([0, 0, 1, 1, 2, 2], [1, 1, 2, 3, 3, 3], "interval"), 3)
        0.828
    """
    counts, scale = _value_counts(units, values)
    if not len(counts):
        return None
    alpha = float(_alphas(np.ones((1, len(counts))), counts, scale, level)[0])
    return None if np.isnan(alpha) else alpha


def measure_agreement(
    units: ArrayLike,
    values: ArrayLike,
    level: Level,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Alpha with a percentile bootstrap interval over units.

    A sample in which all values are equal has no alpha and is left out of the interval.

    Args:
        units: the unit of each rating, any integers.
        values: the value of each rating.
        level: the measurement level of the values.
        confidence: of the two-sided interval.
        resamples: how many bootstrap samples.
        seed: of the draws; same seed, same interval.
    """
    counts, scale = _value_counts(units, values)
    ratings = int(counts.sum())

    def undefined(reason: str) -> Agreement:
        return Agreement(None, None, None, level, confidence, len(counts), ratings, reason)

    if not len(counts):
        return undefined("no unit has two ratings or more")
    if len(scale) < 2:
        return undefined("all ratings are equal, so there is no disagreement to expect by chance")
    alpha = float(_alphas(np.ones((1, len(counts))), counts, scale, level)[0])
    drawn = np.concatenate(
        [
            _alphas(block, counts, scale, level)
            for block in draw_counts(len(counts), resamples=resamples, seed=seed)
        ]
    )
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return Agreement(alpha, None, None, level, confidence, len(counts), ratings)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Agreement(alpha, float(low), float(high), level, confidence, len(counts), ratings)


def _value_counts(units: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    """How often each unit got each value, shape (units, values), and the values in order."""
    unit = np.asarray(units)
    value = np.asarray(values, dtype=np.float64)
    if not unit.size:
        return np.zeros((0, 0)), np.zeros(0)
    _, unit_number, per_unit = np.unique(unit, return_inverse=True, return_counts=True)
    paired = per_unit[unit_number] >= 2
    kept, unit_number = np.unique(unit_number[paired], return_inverse=True)
    scale, value_number = np.unique(value[paired], return_inverse=True)
    cells = np.bincount(unit_number * len(scale) + value_number, minlength=len(kept) * len(scale))
    return cells.reshape(len(kept), len(scale)).astype(np.float64), scale


def _alphas(weights: Floats, counts: Floats, scale: Floats, level: Level) -> Floats:
    """Alpha of each weighting of the units, shape (samples,); NaN where undefined.

    Both disagreements are sums over pairs. For equality (nominal) and for squared distance (interval) they
    follow from sums over single ratings, so nothing of the size values x values is ever built.
    """
    m = counts.sum(axis=1)
    n = weights @ m
    per_pair = weights / (m - 1)
    totals = weights @ counts
    if level == "nominal":
        within = per_pair @ (m**2 - (counts**2).sum(axis=1))
        among = n**2 - (totals**2).sum(axis=1)
    elif level == "interval":
        # Centred first: the differences of large sums of squares below would lose digits.
        x = scale - (counts.sum(axis=0) @ scale) / m.sum()
        within = per_pair @ (2 * (m * (counts @ x**2) - (counts @ x) ** 2))
        among = 2 * (n * (totals @ x**2) - (totals @ x) ** 2)
    else:
        # The ordinal distance of c and k is the squared difference of their mid-ranks among all ratings,
        # and these move with every sample.
        ranks = np.cumsum(totals, axis=1) - totals / 2
        ranks -= (totals * ranks).sum(axis=1, keepdims=True) / n[:, None]
        squares, sums = counts @ (ranks**2).T, counts @ ranks.T
        within = 2 * (per_pair.T * (m[:, None] * squares - sums**2)).sum(axis=0)
        among = 2 * (n * (totals * ranks**2).sum(axis=1) - (totals * ranks).sum(axis=1) ** 2)
    # Against `among` itself: one value only leaves rounding noise, not a true zero, at the interval level.
    defined = (totals > 0).sum(axis=1) > 1
    alphas = np.full(len(weights), np.nan)
    alphas[defined] = 1 - (n[defined] - 1) * within[defined] / among[defined]
    return alphas
