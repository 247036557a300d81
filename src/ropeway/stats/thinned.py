"""Long series made short for drawing, with their extremes kept.

A bucket of a series is drawn as its lowest and its highest value: a spike of one point in a million stays,
where every n-th point would lose it. (The idea is M4's, Jugel et al., VLDB 2014.)
"""

from typing import Any

LEAST = 16
"""With fewer points than these, no bucket has room for its extremes."""


def thinned(values: Any, *, points: int) -> Any:
    """Which of a series' points to draw.

    Args:
        values: the series, in the order in which it is drawn; NaN and infinities are welcome.
        points: how many to keep at the most, `LEAST` or more; all are kept when there are no more.

    Returns:
        Indexes into the series, growing: the first and the last point, and of each bucket its lowest and
        highest finite value, and where it has them the first NaN and the first of either infinity.

    Raises:
        ValueError: fewer points than `LEAST`.

    Example:
        >>> import numpy as np
        >>> values = np.zeros(1_000_000)
        >>> values[123_456] = 9.0
        >>> chosen = thinned(values, points=2_000)
        >>> len(chosen) <= 2_000, 123_456 in chosen
        (True, True)
    """
    import numpy as np

    if points < LEAST:
        raise ValueError(f"a series is drawn with {LEAST} points at the least, not {points}")
    values = np.asarray(values, dtype=np.float64)
    if len(values) <= points:
        return np.arange(len(values))
    odd = [mask for mask in (np.isnan(values), values == np.inf, values == -np.inf) if mask.any()]
    # The first and the last point are beside the buckets.
    edges = np.linspace(0, len(values), (points - 2) // (2 + len(odd)) + 1).astype(np.int64)
    chosen = [np.array([0, len(values) - 1])]
    chosen += [_extremes(values, edges, np.inf, np.argmin), _extremes(values, edges, -np.inf, np.argmax)]
    chosen += [_first(mask, edges) for mask in odd]
    return np.unique(np.concatenate(chosen))


def _extremes(values: Any, edges: Any, away: float, choose: Any) -> Any:
    """Of each bucket the index of its extreme among the finite values."""
    import numpy as np

    finite = np.where(np.isfinite(values), values, away)
    width = int(np.diff(edges).max())
    # Buckets are of one width or one less: the last of each shorter one is filled up.
    index = edges[:-1, None] + np.arange(width)
    index = np.minimum(index, (edges[1:] - 1)[:, None])
    best = choose(finite[index], axis=1)
    found = index[np.arange(len(index)), best]
    return found[np.isfinite(values[found])]


def _first(mask: Any, edges: Any) -> Any:
    """Of each bucket the index of the first that is marked."""
    import numpy as np

    marked = np.flatnonzero(mask)
    bucket = np.searchsorted(edges, marked, side="right")
    return marked[np.unique(bucket, return_index=True)[1]]
