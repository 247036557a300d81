"""Is a share the same in two samples? Missing values, texts that hold a word, unknown tokens.

The idea: were both from one population, the cases would fall to the samples as their sizes are. Where five or
more are to be expected in each cell, chi-square with Yates's correction, which is a little careful; where
fewer, Fisher's exact test, twice its smaller side.

    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98(1), 39-82.
    Yates, F. (1934). Contingency tables involving small numbers and the chi-square test. JRSS Suppl. 1(2).
"""

import math

from ropeway.stats.drift.incomplete_gamma import chi_square_tail

ENOUGH = 5.0
"""Cases to be expected in a cell from which chi-square's approximation is good (Cochran 1954)."""


def two_shares(x: float, n: float, y: float, m: float) -> float:
    """The p-value of x of n against y of m.

    Counts may be fractions, where cases are not independent and count for less than one.

    Example:
        >>> round(two_shares(20, 1000, 12, 200), 5), round(two_shares(1, 1000, 3, 100), 5)
        (0.00303, 0.00546)
    """
    both = n + m
    cases = x + y
    if n <= 0 or m <= 0 or cases <= 0 or cases >= both:
        return 1.0
    if min(cases, both - cases) / both * min(n, m) < ENOUGH:
        return fisher(round(x), round(n), round(y), round(m))
    off = max(0.0, abs(x - n * cases / both) - 0.5)
    statistic = off * off * both * both * both / (n * m * cases * (both - cases))
    return chi_square_tail(statistic, 1)


def fisher(x: int, n: int, y: int, m: int) -> float:
    """The exact p-value of x of n against y of m: twice the smaller side.

    Example:
        >>> round(fisher(0, 3000, 3, 100), 8)
        6.52e-05
    """
    up = _side(y, m, x + y, n + m, step=1)
    down = _side(y, m, x + y, n + m, step=-1)
    return min(1.0, 2 * min(up, down))


def _side(y: int, drawn: int, cases: int, both: int, *, step: int) -> float:
    """The chance of y cases or more (step 1) or fewer (step -1) among the drawn: hypergeometric."""
    least, most = max(0, drawn + cases - both), min(drawn, cases)
    chance = math.exp(_log_choose(cases, y) + _log_choose(both - cases, drawn - y) - _log_choose(both, drawn))
    total, k = chance, y
    while (k < most if step > 0 else k > least) and chance > total * 1e-17:
        k += step
        # From one count of cases to the next, the chance changes by a quotient of four whole numbers.
        low = k if step > 0 else k + 1
        quotient = (cases - low + 1) * (drawn - low + 1) / (low * (both - cases - drawn + low))
        chance *= quotient if step > 0 else 1 / quotient
        total += chance
    return min(1.0, total)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
