"""Which of many p-values may be believed: Benjamini and Hochberg's step-up rule.

The idea: of twenty columns, one will look drifted at 5 % in every window. Sort the p-values; the k-th
smallest of n is compared with alpha * k / n. Of what is then called drift no more than alpha is false on
average, for tests that are independent or go up and down together. The q-value of a p-value is the smallest
alpha at which it passes.

    Benjamini, Y., Hochberg, Y. (1995). Controlling the False Discovery Rate. JRSS B 57(1), 289-300.
"""

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The q-values, in the order of the p-values.

    Example:
        >>> [round(q, 3) for q in benjamini_hochberg([0.01, 0.04, 0.03, 0.5])]
        [0.04, 0.053, 0.053, 0.5]
    """
    n, least = len(p_values), 1.0
    found = [1.0] * n
    ranked = sorted(range(n), key=lambda place: -p_values[place])
    for rank, place in zip(range(n, 0, -1), ranked, strict=True):
        least = min(least, p_values[place] * n / rank)
        found[place] = least
    return found
