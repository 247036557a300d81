"""How often the largest gap between two samples' distribution functions is as large by chance.

Two ways, chosen by the sizes n and m of the samples:

    exact   up to n * m = 1,000,000 and n + m = 4,000: the chance that a random path from (0, 0) to (n, m)
            leaves the band in which |i / n - j / m| < d (Hodges 1958, "The significance probability of the
            Smirnov two-sample test"). A sum of positive terms, so that tiny chances keep their digits.
    limit   above: Kolmogorov's distribution at d * sqrt(n * m / (n + m)) (Smirnov 1939).

The limit errs to the careful side: the exact value is smaller, by a fifth of itself at most where it is above
0.0005 and both sizes are 100 or more, by less for more rows. Ties in the data make both larger than
the truth, never smaller.
"""

import math

import numpy as np

EXACT_CELLS = 1_000_000
EXACT_STEPS = 4_000
"""Up to where the exact value is computed: some ten milliseconds."""

_TERMS = 101


def chance_of_gap(gap: float, n: int, m: int) -> float:
    """The chance of a gap at least so large between samples of n and m from one continuous distribution.

    Example:
        >>> round(chance_of_gap(0.5, 10, 10), 9), round(chance_of_gap(0.05, 3000, 3000), 9)
        (0.167821343, 0.001106169)
    """
    if n * m <= EXACT_CELLS and n + m <= EXACT_STEPS:
        return exact(gap, n, m)
    return limit(gap * math.sqrt(n / (n + m) * m))


def exact(gap: float, n: int, m: int) -> float:
    """The exact chance, by the paths that leave the band, along i + j = 1, 2, …, n + m.

    Example:
        >>> round(exact(1.0, 3, 3), 9)  # of 20 paths, the two along the edges
        0.1
    """
    n, m = min(n, m), max(n, m)
    # |i * m - j * n| >= least, in whole numbers; rounded down, since a smaller gap is the careful one.
    least = math.floor(gap * n * m + 1e-6)
    if least <= 0:
        return 1.0
    if least > n * m:
        return 0.0
    numbers = np.arange(n + 1, dtype=np.float64)
    # Of the paths to (i, ·), the share that has been outside. One place of room at both ends.
    left = np.zeros(n + 3)
    for steps in range(1, n + m + 1):
        low = max(0, (steps * n - least) // (n + m) + 1)
        high = min(n, -((-steps * n - least) // (n + m)) - 1)
        # A path that is at (i, steps - i) came from (i - 1, ·) with chance i / steps: all are as likely.
        share = numbers[low : high + 1] / steps
        here = left[low + 1 : high + 2]
        left[low + 1 : high + 2] = here + share * (left[low : high + 1] - here)
        # The band moves by less than one place a step: only its neighbours are ever looked at.
        left[low] = left[high + 2] = 1.0
    return min(1.0, float(left[n + 1]))


def limit(x: float) -> float:
    """Kolmogorov's distribution: the chance that the supremum of a Brownian bridge's size is at least x.

    Example:
        >>> round(limit(1.358), 4), limit(0.0)
        (0.05, 1.0)
    """
    if x <= 0.05:
        return 1.0
    if x < 1:
        # Jacobi's other form of the same series, since the usual one takes many terms near zero.
        terms = [math.exp(-((2 * k - 1) ** 2) * math.pi**2 / (8 * x * x)) for k in range(1, _TERMS)]
        return 1.0 - math.sqrt(2 * math.pi) / x * math.fsum(terms)
    return 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, _TERMS))
