"""Whether two groups have something equally often: Fisher's exact test of a table of two by two.

The idea: with the sums of both groups given, and nothing that sets one group apart, how many of those who
have it are of the first group is drawn as from an urn. The p-value is the chance of a draw that is no
likelier than what was seen. It knows nothing of further looks.

Fisher, R. A. (1935). The logic of inductive inference. Journal of the Royal Statistical Society 98(1), 39-82.
"""

import math

ROUNDING = 1e-7
"""Draws whose chance differs by less, as a share, are equally likely."""


def exact_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The chance of groups at least so unlike each other where nothing sets them apart; two-sided.

    Args:
        first: how many of a group have it, and how many there are.
        second: the same of the other.

    Example:
        >>> round(exact_p((1, 12), (5, 6)), 4)
        0.0039
        >>> exact_p((0, 5), (0, 9))
        1.0
    """
    import numpy as np

    (had, size), (others_had, others) = first, second
    total = had + others_had
    least, most = max(0, total - others), min(total, size)
    counts = np.arange(least, most, dtype=np.float64)
    # Each draw's chance by the one before it; their sum is one.
    steps = np.log((total - counts) * (size - counts)) - np.log((counts + 1) * (others - total + counts + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    seen = chances[had - least] * (1 + ROUNDING)
    return math.fsum(chances[chances <= seen]) / math.fsum(chances)
