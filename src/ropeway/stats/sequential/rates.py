"""Whether one version fails more often than another, by evidence that may be looked at after every request.

The idea: both rates are unknown, so neither is taken for what was seen of it. What was seen is bet on by a
mixture over all rates of each version (Jeffreys' prior, a beta of 1/2 and 1/2), and held against the best
that can be said of it where the candidate's rate is at most the live version's and so much more: the pair of
rates that is allowed and makes what was seen as likely as can be. The ratio is an e-value. For the true pair
the mixture's ratio is a non-negative martingale that starts at 1, whatever the order in which the versions
are asked, and the best pair is at least as likely as the true one; so where the true pair is allowed, the
e-value ever reaches 1/alpha with a probability of at most alpha (Ville 1939), however often one looks.

Jeffreys, H. (1946). An invariant form for the prior probability in estimation problems. Proceedings of the
Royal Society A 186, 453-461.
Wasserman, L., Ramdas, A., Balakrishnan, S. (2020). Universal inference. PNAS 117(29), 16880-16890.
"""

import math

STEPS = 100
"""Thirds taken off [0, 1]: more than a float can tell apart."""


def log_e_of_more(live: tuple[int, int], candidate: tuple[int, int], margin: float) -> float:
    """Evidence that the candidate fails more often than the live version and `margin` more.

    Args:
        live: on how many requests it failed, and how many it was given.
        candidate: the same.
        margin: so much higher its rate may be.

    Returns:
        The natural logarithm of the e-value.

    Example:
        >>> round(log_e_of_more((1, 400), (2, 400), 0.01), 1)
        -6.5
        >>> math.log(1000) < log_e_of_more((1, 400), (30, 400), 0.01)
        True
    """
    if margin >= 1 or not candidate[0]:
        return -math.inf
    return _log_mixture(*live) + _log_mixture(*candidate) - _log_best(live, candidate, max(margin, 0.0))


def _log_mixture(failed: int, asked: int) -> float:
    """How likely this very sequence is where every rate is possible."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    return log_beta(failed + 0.5, asked - failed + 0.5) - log_beta(0.5, 0.5)


def _log_best(live: tuple[int, int], candidate: tuple[int, int], margin: float) -> float:
    """How likely it is at the likeliest pair of rates that is allowed."""
    rates = [failed / asked if asked else 0.0 for failed, asked in (live, candidate)]
    if not live[1]:
        return _log_likelihood(*candidate, rates[1])
    if rates[1] <= rates[0] + margin:
        return _log_likelihood(*live, rates[0]) + _log_likelihood(*candidate, rates[1])

    # On the bound of what is allowed; concave, so thirds find its top.
    def at(rate: float) -> float:
        return _log_likelihood(*live, rate) + _log_likelihood(*candidate, rate + margin)

    low, high = 0.0, 1.0 - margin
    for _ in range(STEPS):
        third = (high - low) / 3
        if at(low + third) < at(high - third):
            low += third
        else:
            high -= third
    return max(at(low), at((low + high) / 2), at(high))


def _log_likelihood(failed: int, asked: int, rate: float) -> float:
    """Of this very sequence at one rate."""
    rate, total = min(max(rate, 0.0), 1.0), 0.0
    for count, chance in ((failed, rate), (asked - failed, 1.0 - rate)):
        if count and chance <= 0:
            return -math.inf
        total += count * math.log(chance) if count else 0.0
    return total
