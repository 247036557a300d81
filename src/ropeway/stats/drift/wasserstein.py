"""Wasserstein's distance: how far must the numbers of one sample be moved to become the other?

The idea: the area between the two distribution functions, which is the mean way in the column's own unit. A
p-value says whether there is a change; this says how large, in hours or euros.

From sketches the area may be wrong by the sum of both rank errors times the range of the values, at most.

    Vallender, S. S. (1974). Calculation of the Wasserstein distance between probability distributions on the
    line. Theory of Probability and its Applications 18(4), 784-786.
"""

import sys

import numpy as np

from ropeway.stats.drift.ecdf import Floats, Numbers, ecdf, merged_steps

LARGEST = sys.float_info.max


def wasserstein(reference: Numbers, current: Numbers) -> float:
    """The distance between two samples, arrays or sketches, at least one number in each.

    Example:
        >>> wasserstein([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
        2.0
    """
    points, gaps = merged_steps(ecdf(reference), ecdf(current))
    return area_between(points, gaps)


def area_between(points: Floats, gaps: Floats) -> float:
    """The area under the size of the gaps. One beyond the largest float is given as the largest."""
    sizes = np.abs(gaps[:-1])
    if points[-1] / 2 - points[0] / 2 < LARGEST / 2:
        return float(sizes @ np.diff(points))
    # Halved before they are subtracted: the range of these is beyond the largest float.
    half = float(sizes @ np.diff(points / 2))
    return 2 * half if half < LARGEST / 2 else LARGEST
