"""Exact bounds of a proportion: what can be said of a rate from so many cases.

Clopper and Pearson (1934), *The use of confidence or fiducial limits illustrated in the case of the
binomial*.
"""

import math

STEPS = 60
"""Halvings of [0, 1]: more than a float can tell apart."""


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """The highest rate at which so few events are still credible: a one-sided exact bound.

    Args:
        events: how many of the trials had it; 0 to `trials`.
        trials: how many there were.
        confidence: of the bound.

    Example:
        >>> round(upper_bound(0, 4, 0.95), 4)  # no error in 4 says little: the error rate may be 53 %
        0.5271
        >>> round(upper_bound(4, 100, 0.95), 4)
        0.0892
    """
    if events >= trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _at_most(events, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(events: int, trials: int, confidence: float) -> float:
    """The lowest rate at which so many events are still credible."""
    return 1.0 - upper_bound(trials - events, trials, confidence)


def _at_most(events: int, trials: int, rate: float) -> float:
    """The chance of that many events or fewer: the binomial's cumulative distribution."""
    if rate in {0.0, 1.0}:
        return float(rate == 0.0)
    logs = [
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(rate)
        + (trials - k) * math.log1p(-rate)
        for k in range(events + 1)
    ]
    return math.fsum(math.exp(each) for each in logs)
