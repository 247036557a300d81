"""Is it better than what we have? A paired comparison of cost with the version in production.

What a row costs: for classes the charter's `cost[truth][predicted]`, or 1 for a mistake where it has no
matrix, whatever the metric; for numbers the absolute error where the metric is `mae`, else the squared one.
"""

import numpy as np
import polars as pl

from ropeway.models.errors import RowsNotHeldOut
from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam, Side
from ropeway.stats.intervals import Floats, costs, difference_interval
from ropeway.stats.metrics import Aligned, BadPredictions, BadTruth, align

TOLERANCE = 1e-12
"""Rounding in the last digits is no difference in cost."""


def check(exam: Exam) -> GateCheck:
    """Pass when the cost saved per row is, with the charter's confidence, at least `min_gain`."""
    champion = exam.champion
    if champion is None:
        return GateCheck(name="champion", passed=True, skipped=True, says="no version in production yet")
    missing = [name for name in champion.model.inputs if name not in exam.rows.columns]
    if missing:
        says = f"{champion.version.ref} needs columns that {exam.dataset.shown} has not: {', '.join(missing)}"
        return GateCheck(name="champion", passed=False, says=says, code="not-comparable")
    try:
        kept = held_out(exam, champion)
    except RowsNotHeldOut as refusal:
        return GateCheck(name="champion", passed=False, says=refusal.what, code=refusal.code)
    truth = exam.truth.filter(kept)
    theirs = _aligned(truth, champion.predict(exam.rows.filter(kept)))
    if theirs is None or theirs.is_regression != exam.aligned.is_regression:
        says = f"{champion.version.ref} answers in another kind of columns: {_outputs(champion)}"
        return GateCheck(name="champion", passed=False, says=says, code="not-comparable")
    gain = difference_interval(
        _costs(exam, theirs),
        _costs(exam, align(truth, exam.predictions.filter(kept))),
        groups=exam.groups.filter(kept).to_list(),
        confidence=exam.project.charter.confidence,
        resamples=exam.project.gate.bootstrap,
        seed=exam.project.gate.seed,
    )
    limit = exam.project.gate.min_gain
    passed = gain.lower >= limit - TOLERANCE
    left_out = exam.height - len(truth)
    aside = f" ({left_out:,} that {champion.version.ref} has learnt from are left out)" if left_out else ""
    return GateCheck(
        name="champion",
        passed=passed,
        figure=gain.lower,
        limit=limit,
        says=f"costs {abs(gain.estimate):.3f} {'less' if gain.estimate >= 0 else 'more'} per row than "
        f"{champion.version.ref}, {gain.confidence:.0%} sure of a gain of at least {gain.lower:.3f}, "
        f"on {len(truth):,} rows that neither has learnt from{aside}, by {_priced(exam)}",
        code="" if passed else "not-better",
    )


def held_out(exam: Exam, champion: Side) -> pl.Series:
    """Which test rows the champion has never learnt from, as a mask.

    Rows are known by key and by group where both learnt from the same dataset, else by what the champion
    reads of them.

    Raises:
        RowsNotHeldOut: not one is left.
    """
    learnt = champion.learnt()
    if learnt.dataset == exam.dataset.name:
        kept = ~(exam.keys.is_in(learnt.keys.implode()) | exam.groups.is_in(learnt.groups.implode()))
    else:
        columns = list(champion.model.inputs)
        seen = set(map(repr, learnt.rows.select(columns).iter_rows()))
        shown = map(repr, exam.rows.select(columns).iter_rows())
        kept = pl.Series([row not in seen for row in shown], dtype=pl.Boolean)
    if not kept.any():
        raise RowsNotHeldOut(exam.version.ref, champion.version.ref, exam.height)
    return kept


def _aligned(truth: pl.Series, predictions: pl.DataFrame) -> Aligned | None:
    """The champion's answers beside the truth; None where this truth is nothing that they could say."""
    try:
        return align(truth, predictions)
    except (BadTruth, BadPredictions):
        return None


def _outputs(side: Side) -> str:
    return ", ".join(side.manifest.signature.outputs)


def _costs(exam: Exam, aligned: Aligned) -> Floats:
    """What each row costs, see the module."""
    if aligned.is_regression:
        error = aligned.truth - aligned.chosen
        return np.asarray(np.abs(error) if _is_absolute(exam) else error**2, dtype=np.float64)
    # The same names on both sides: a second way of writing a value as text would find mistakes of its own.
    names = aligned.classes
    truth, chosen = ([names[code] for code in codes] for codes in (aligned.truth, aligned.chosen))
    return costs(truth, chosen, exam.project.charter.cost)


def _priced(exam: Exam) -> str:
    if exam.aligned.is_regression:
        return "absolute error" if _is_absolute(exam) else "squared error"
    return "the charter's costs" if exam.project.charter.cost else "1 for each mistake"


def _is_absolute(exam: Exam) -> bool:
    return exam.project.charter.metric == "mae"
