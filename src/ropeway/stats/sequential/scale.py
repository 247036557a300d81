"""How far apart two costs can be: the bound that every bet rests on."""

from collections.abc import Mapping, Sequence


def largest_difference(matrix: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> float:
    """C for answers among `classes`, priced as `stats.intervals.costs` prices them.

    Args:
        matrix: the charter's, `matrix[truth][answer]`; a pair that it does not name costs 0 when right
            and 1 when wrong.
        classes: what may be true and what may be answered; a truth beyond them may cost as much as these do.

    Example:
        >>> largest_difference({"spam": {"ham": 5.0}, "ham": {"spam": 2.0}}, ["spam", "ham"])
        5.0
        >>> largest_difference({}, ["spam", "ham"])
        1.0
    """
    paid = [
        matrix.get(truth, {}).get(answer, 0.0 if truth == answer else 1.0)
        for truth in classes
        for answer in classes
    ]
    named = [cost for row in matrix.values() for cost in row.values()]
    # Costs are never negative, so no two are farther apart than the largest is from 0.
    return max([*paid, *named], default=0.0) or 1.0
