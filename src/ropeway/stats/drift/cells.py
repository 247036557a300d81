"""Counts of two samples in the same cells: what the detectors of categories compare.

Rare categories are put together into one cell: a test of counts needs five cases or so in each (Cochran 1954,
"Some methods for strengthening the common chi-square tests"), and of thousands of ids that came once each a
distance would say that nothing is as it was. Which are rare is decided by both samples together, so that the
choice favours neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ropeway.stats.drift.two_shares import ENOUGH
from ropeway.stats.sketches.category import OTHER

Integers = NDArray[np.int64]

RARE = "(rare)"


@dataclass(frozen=True, slots=True)
class Cells:
    """Two rows of counts.

    Attributes:
        labels: of the cells, those with the most cases first.
        reference: counts; so is `current`.
        rare_reference: the cases of all rare categories together; so is `rare_current`.
    """

    labels: list[str]
    reference: Integers
    current: Integers
    rare_reference: int
    rare_current: int

    @property
    def totals(self) -> tuple[int, int]:
        """All cases of each sample."""
        return (
            int(self.reference.sum()) + self.rare_reference,
            int(self.current.sum()) + self.rare_current,
        )

    @property
    def all_labels(self) -> list[str]:
        """The labels, with the rare ones' at the end where there are any."""
        return [*self.labels, RARE] if self.has_rare else self.labels

    @property
    def has_rare(self) -> bool:
        """Whether anything was put together."""
        return self.rare_reference + self.rare_current > 0

    def whole(self) -> tuple[Integers, Integers]:
        """Both rows with the rare cell at the end."""
        if not self.has_rare:
            return self.reference, self.current
        return np.append(self.reference, self.rare_reference), np.append(self.current, self.rare_current)


def cells(reference: Mapping[str, int], current: Mapping[str, int]) -> Cells:
    """Put two counts of categories into the same cells.

    Example:
        >>> made = cells({"a": 60, "b": 40, "c": 1}, {"a": 50, "b": 48, "d": 2})
        >>> made.all_labels, [each.tolist() for each in made.whole()]
        (['a', 'b', '(rare)'], [[60, 40, 1], [50, 48, 2]])
    """
    together = {
        name: (reference.get(name, 0), current.get(name, 0))
        for name in [*reference, *current]
        if name != OTHER
    }
    n, m = sum(reference.values()), sum(current.values())
    least = ENOUGH * (n + m) / max(1, min(n, m))
    frequent = sorted(
        (name for name, pair in together.items() if sum(pair) >= least),
        key=lambda name: (-sum(together[name]), name),
    )
    left = np.array([together[name][0] for name in frequent], dtype=np.int64)
    right = np.array([together[name][1] for name in frequent], dtype=np.int64)
    return Cells(frequent, left, right, n - int(left.sum()), m - int(right.sum()))
