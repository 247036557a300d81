"""Count, mean, spread and range of numbers, exact under merging.

Chan, T. F., Golub, G. H., LeVeque, R. J. (1983). Algorithms for Computing the Sample Variance: Analysis
and Recommendations. The American Statistician 37(3), 242-247.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """The first two moments of finite numbers, and their range.

    Attributes:
        m2: the sum of squared deviations from the mean; infinite where numbers are beyond 1e150.

    Example:
        >>> both = Moments.of(np.array([1.0, 2.0])).merge(Moments.of(np.array([6.0])))
        >>> both.count, both.mean, both.std
        (3, 3.0, 2.160246899469287)
    """

    count: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Self:
        """The moments of some finite numbers."""
        if not len(values):
            return cls()
        # Numbers near the largest float overflow a sum or a square: that is infinite, not worth a warning.
        with np.errstate(over="ignore", under="ignore"):
            mean = float(values.mean())
            if not math.isfinite(mean):
                mean = float((values / len(values)).sum())
            m2 = float(np.square(values - mean).sum())
        return cls(len(values), mean, m2, float(values.min()), float(values.max()))

    def merge(self, other: Self) -> Self:
        """The moments of both."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        share, delta = other.count / count, other.mean - self.mean
        # The first form keeps the digits of means that are close; the second does not overflow.
        mean = (
            self.mean + delta * share
            if math.isfinite(delta)
            else self.mean * (1 - share) + other.mean * share
        )
        m2 = self.m2 + other.m2 + delta * delta * share * self.count
        return type(self)(count, mean, m2, min(self.low, other.low), max(self.high, other.high))

    @property
    def std(self) -> float:
        """The standard deviation, over n; NaN without numbers."""
        return math.sqrt(self.m2 / self.count) if self.count else math.nan
