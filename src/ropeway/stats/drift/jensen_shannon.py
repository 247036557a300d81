"""Jensen and Shannon's distance, base 2: how far apart two distributions are.

From 0, the same, to 1, nothing in common. The idea: mix both half and half; how many bits does one draw tell
about which of the two it came from? The distance is the square root of that, and is a metric. It answers
"does it matter?", where a p-value answers "is it there?": of many rows the smallest change is significant.

Few rows look further apart than they are: two samples of one distribution in k cells give about
(k - 1) / (8 ln 2) * (1 / n + 1 / m) bits by chance. `effect` takes that off, so that one limit serves windows
of a hundred rows and of a million; `distance` is as its users know it.

    Endres, D. M., Schindelin, J. E. (2003). A New Metric for Probability Distributions. IEEE Transactions on
    Information Theory 49(7).
    Grosse, I. et al. (2002). Analysis of symbolic sequences using the Jensen-Shannon divergence. Physical
    Review E 65.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> float:
    """The distance between two rows of counts, or of shares, in the same cells.

    Example:
        >>> round(jensen_shannon([50, 50], [90, 10]), 4), jensen_shannon([5, 0], [0, 9])
        (0.3831, 1.0)
    """
    return math.sqrt(_bits(_shares(reference), _shares(current)))


def effect(reference: ArrayLike, current: ArrayLike) -> float:
    """The distance between two rows of counts, less what chance alone would give.

    Example:
        >>> round(effect([500, 500], [45, 55]), 4), round(jensen_shannon([500, 500], [45, 55]), 4)
        (0.0, 0.0425)
    """
    left, right = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    n, m = float(left.sum()), float(right.sum())
    if n <= 0 or m <= 0:
        return 0.0
    held = int(((left + right) > 0).sum())
    by_chance = max(0, held - 1) / (8 * math.log(2)) * (1 / n + 1 / m)
    bits = _bits(left / n, right / m)
    # Nothing in common is 1, however few rows say it: chance has no part in that.
    return 1.0 if bits >= 1 else math.sqrt(max(0.0, bits - by_chance))


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    row = np.asarray(counts, dtype=np.float64)
    shares: NDArray[np.float64] = row / row.sum()
    return shares


def _bits(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    middle = (p + q) / 2
    total = 0.0
    for one in (p, q):
        held = one > 0
        total += float((one[held] * np.log2(one[held] / middle[held])).sum()) / 2
    return min(1.0, max(0.0, total))
