"""Chi-square: have the categories of two samples one distribution?

The idea: each category should fall to the samples as their sizes are; add up the squared differences from
that, each in units of its own chance. Categories too rare for it are one cell; when even that is too small
for chi-square it is tested by Fisher's exact test, and the smaller of the two p-values counts twice.

From sketches: of more than some 1,500 categories a count may be low. Each difference is then taken as small
as the errors allow, and the cell of all others, of which least is known, is left out.

    Pearson, K. (1900). On the criterion that a given system of deviations … Philosophical Magazine 50(302).
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests. Biometrics 10(4).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ropeway.stats.drift.cells import Cells, cells
from ropeway.stats.drift.incomplete_gamma import chi_square_tail
from ropeway.stats.drift.two_shares import ENOUGH, two_shares


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """The statistic, its degrees of freedom, and how often chance alone makes one as large."""

    statistic: float
    degrees: int
    p_value: float


def chi2(
    reference: Mapping[str, int] | Cells,
    current: Mapping[str, int] | None = None,
    *,
    reference_error: int = 0,
    current_error: int = 0,
) -> ChiSquare:
    """Test two samples of categories.

    Args:
        reference: how often each came; or both in cells.
        current: the same of the other sample, where `reference` holds no cells.
        reference_error: by how much a count may be low.
        current_error: the same.

    Example:
        >>> found = chi2({"basic": 600, "pro": 300, "team": 100}, {"basic": 90, "pro": 80, "team": 30})
        >>> round(found.statistic, 3), found.degrees, round(found.p_value, 6)
        (15.631, 2, 0.000403)
    """
    made = reference if isinstance(reference, Cells) else cells(reference, current or {})
    error = (reference_error, current_error)
    totals = made.totals
    if not min(totals):
        return ChiSquare(0.0, 0, 1.0)
    is_exact = not any(error)
    rare = made.rare_reference + made.rare_current
    rare_is_cell = rare > 0 and is_exact and rare * min(totals) / sum(totals) >= ENOUGH
    left, right = made.whole() if rare_is_cell else (made.reference, made.current)
    statistic = _statistic(left.astype(float), right.astype(float), totals, error)
    # Cells that are left out take their degree of freedom along only when they are known to be empty.
    degrees = len(left) - 1 if rare_is_cell or not rare else len(left)
    p_value = chi_square_tail(statistic, degrees) if statistic > 0 else 1.0
    if rare and is_exact and not rare_is_cell:
        by_rare = two_shares(made.rare_reference, totals[0], made.rare_current, totals[1])
        p_value = min(1.0, 2 * min(p_value, by_rare)) if len(left) > 1 else by_rare
    return ChiSquare(statistic, max(0, degrees), p_value)


def _statistic(
    left: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    right: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    totals: tuple[int, int],
    error: tuple[int, int],
) -> float:
    if not len(left):
        return 0.0
    up, down = (totals[1] / totals[0]) ** 0.5, (totals[0] / totals[1]) ** 0.5
    differences = np.abs(left * up - right * down) - (error[0] * up + error[1] * down)
    return float((np.maximum(differences, 0.0) ** 2 / (left + right + error[0] + error[1])).sum())
