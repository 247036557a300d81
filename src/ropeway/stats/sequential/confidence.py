"""A confidence sequence for a bounded mean: bounds that hold at all times at once.

The idea: the means that betting (`stats.sequential.betting`) has not refuted. For each m on a grid, bets are
placed against "the mean is at most m"; the lower bound is the largest m that lost with an e-value of
1/alpha. The upper bound is that of the negated values. With probability 1 - alpha the bounds hold the mean
after every value, so one may look as often as one likes and stop when one likes.

Between the grid's points the bound errs on the safe side. The logarithm of the e-value falls and is convex
in m, for that of each bet is: log((1 - lambda)(C + m) + lambda (d + C)) - log(C + m) has the second
derivative 1/(C + m)^2 - (1 - lambda)^2/(…)^2 >= 0. So the line through the two last refuted points lies
below the curve to their right, and reaches log 1/alpha before it.

Waudby-Smith, I., Ramdas, A. (2024). Estimating means of bounded random variables by betting. JRSS B
86(1), 1-27.
Howard, S. R., Ramdas, A., McAuliffe, J., Sekhon, J. (2021). Time-uniform, nonparametric, nonasymptotic
confidence sequences. Annals of Statistics 49(2), 1055-1080.
"""

import math

import numpy as np

from ropeway.stats.sequential.betting import SHARES, Floats, log_sum, log_winnings, within

_STEPS = np.arange(-95, 97) / 96
GRID: Floats = np.sinh(6 * _STEPS) / np.sinh(6)
"""Means as shares of C, dense near 0, where differences between versions lie; without -C itself."""


class LowerBound:
    """A lower bound of the mean which holds at all times at once.

    Args:
        scale: C; every value lies in [-C, C].
        alpha: the chance that it ever lies above the mean; with 0 nothing is ever known.
    """

    def __init__(self, scale: float, alpha: float) -> None:
        if not (math.isfinite(scale) and scale > 0 and 0 <= alpha < 1):
            raise AssertionError(f"no bound of values within {scale} at a level of {alpha}")
        self._scale = scale
        self._needed = -math.log(alpha) if alpha > 0 else math.inf
        self._means = GRID * scale
        self._log_wealth: Floats = np.broadcast_to(np.log(SHARES), (len(GRID), len(SHARES)))

    def update(self, values: Floats) -> None:
        """Take in some more values, shape (n,)."""
        odds = (within(values, self._scale)[:, None] - self._means) / (self._scale + self._means)
        self._log_wealth = self._log_wealth + log_winnings(odds)

    @property
    def value(self) -> float:
        """The bound; -C as long as nothing is refuted."""
        log_e = log_sum(self._log_wealth)
        refuted = int(np.count_nonzero(log_e >= self._needed))
        if refuted == 0:
            return -self._scale
        last = float(self._means[refuted - 1])
        if refuted == 1:
            return last
        before, at = log_e[refuted - 2], log_e[refuted - 1]
        slope = float(before - at) / (last - float(self._means[refuted - 2]))
        ahead = float(at - self._needed) / slope if slope > 0 else 0.0
        next_up = float(self._means[min(refuted, len(self._means) - 1)])
        return min(last + ahead, next_up)


class ConfidenceSequence:
    """Bounds of the mean which hold at all times at once.

    Args:
        scale: C; every value lies in [-C, C].
        alpha: the chance that the mean is ever outside; half on each side.
        sides: other chances for the lower and the upper bound.

    Example:
        >>> values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], p=[0.1, 0.6, 0.3], size=200)
        >>> bounds = ConfidenceSequence(scale=1.0, alpha=0.05)
        >>> bounds.interval
        (-1.0, 1.0)
        >>> bounds.update(values)
        >>> low, high = bounds.interval
        >>> round(low, 3), round(high, 3)
        (0.112, 0.406)
    """

    def __init__(self, scale: float, alpha: float, *, sides: tuple[float, float] | None = None) -> None:
        low, high = sides if sides is not None else (alpha / 2, alpha / 2)
        self._low, self._negated = LowerBound(scale, low), LowerBound(scale, high)

    def update(self, values: Floats) -> None:
        """Take in some more values, shape (n,)."""
        self._low.update(values)
        self._negated.update(-values)

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        return self._low.value, -self._negated.value
