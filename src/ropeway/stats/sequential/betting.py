"""An e-process for a bounded mean, by betting: evidence that may be looked at after every value.

The idea: somebody who believes that the mean of some values is at most m offers even odds on it. We bet
against, value by value: with a fraction lambda of our wealth at stake, a value d in [-C, C] multiplies it
by

    1 + lambda (d - m) / (C + m),        0 < lambda < 1,

which is never negative, and on average at most 1 if the mean is at most m. The wealth that starts at 1 is
then a non-negative supermartingale, and by Ville's inequality (1939) it ever reaches 1/alpha with a
probability of at most alpha, however often and for whatever reason one looks. Which lambda is best depends
on the truth, so the wealth is shared out beforehand over a grid of bets; what they have won together is
the e-value. No bet is ever changed, so the e-value does not depend on the order of the values. It holds for
changing means as well: with the mean of each value given those before it, wealth reaches 1/alpha while
their average so far is at most m with a probability of at most alpha (the inequality of arithmetic and
geometric means).

Ville, J. (1939). Étude critique de la notion de collectif. Gauthier-Villars.
Shafer, G. (2021). Testing by betting. JRSS A 184(2), 407-431.
Waudby-Smith, I., Ramdas, A. (2024). Estimating means of bounded random variables by betting. JRSS B
86(1), 1-27.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BETS: Floats = np.geomspace(0.95, 0.001, 24)
"""The fractions lambda. The smallest finds a mean of C/1000 in values that spread over the whole range."""

SHARES: Floats = np.sqrt(BETS) / np.sqrt(BETS).sum()
"""The wealth that starts on each bet. Large bets get more: hundreds decide a release, not millions."""

AT_ONCE = 16
"""Values multiplied before a logarithm is taken: few enough that no product leaves the range of a float."""

ROUNDING = 1e-9
"""How far beyond the bounds a value may be for its last digits, as a share of C."""


class Betting:
    """Evidence against "the mean is at most `null`", valid whenever one looks.

    Args:
        scale: C; every value lies in [-C, C].
        null: m, the mean that is betted against; above -C.

    Example:
        >>> values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], p=[0.15, 0.6, 0.25], size=200)
        >>> test = Betting(scale=1.0, null=0.0)
        >>> test.update(values[:100])
        >>> round(test.e, 1)
        5.4
        >>> test.update(values[100:])
        >>> round(test.e, 1)
        62.4
    """

    def __init__(self, scale: float, null: float) -> None:
        if not (math.isfinite(scale) and scale > 0 and null > -scale):
            raise AssertionError(f"no bet on values within {scale} against a mean of {null}")
        self._scale, self._null = scale, null
        self._log_wealth: Floats = np.log(SHARES)

    def update(self, values: Floats) -> None:
        """Bet on some more values, shape (n,); or (n, tests) to run that many tests side by side."""
        odds = (within(values, self._scale) - self._null) / (self._scale + self._null)
        self._log_wealth = self._log_wealth + log_winnings(odds)

    @property
    def log_e(self) -> float:
        """The natural logarithm of the e-value: 0 before the first value, and never infinite."""
        return float(log_sum(self._log_wealth))

    @property
    def log_es(self) -> Floats:
        """The same for tests that run side by side, shape (tests,)."""
        return log_sum(self._log_wealth)

    @property
    def e(self) -> float:
        """The e-value, no larger than what a float can hold."""
        return as_e(self.log_e)


def within(values: Floats, scale: float) -> Floats:
    """The values, clipped by a rounding error at most; anything farther out was never bounded by C."""
    values = np.asarray(values, dtype=np.float64)
    # Written so that NaN fails as well.
    if not np.all(np.abs(values) <= scale * (1 + ROUNDING)):
        raise AssertionError(f"values that are not within {scale}: {values[~(np.abs(values) <= scale)][:3]}")
    return np.clip(values, -scale, scale)


def log_winnings(odds: Floats) -> Floats:
    """What each bet wins over all values, shape (n, …) to (…, bets), as a logarithm."""
    total: Floats = np.zeros((*odds.shape[1:], len(BETS)))
    for start in range(0, len(odds), AT_ONCE):
        total += np.log(np.prod(1 + odds[start : start + AT_ONCE, ..., None] * BETS, axis=0))
    return total


def log_sum(log_wealth: Floats) -> Floats:
    """The logarithm of the summed wealth of all bets, shape (…, bets) to (…)."""
    most = log_wealth.max(axis=-1)
    summed: Floats = most + np.log(np.exp(log_wealth - most[..., None]).sum(axis=-1))
    return summed


LARGEST_LOG = 690.0
"""Just under the logarithm of the largest float."""


def as_e(log_e: float) -> float:
    """An e-value from its logarithm, capped where a float ends (at about 1e299).

    Example:
        >>> as_e(0.0), as_e(1e6) == as_e(690.0)
        (1.0, True)
    """
    return math.exp(min(log_e, LARGEST_LOG))
