"""Does serving answer as the evaluation did? Test rows one by one, as JSON, beside the batch's answers."""

import numpy as np

from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam
from ropeway.models.request import one_by_one

SAMPLE = 100
"""Rows sent singly: enough to meet each kind of row, few enough to take a moment."""


def check(exam: Exam) -> GateCheck:
    """Pass when no answer differs by more than `max_skew`."""
    generator = np.random.default_rng(exam.project.gate.seed)
    size = min(SAMPLE, exam.height)
    sample = np.sort(generator.choice(exam.height, size=size, replace=False))
    single = one_by_one(exam.model, exam.rows[sample])
    batch = exam.predictions[sample]
    limit = exam.project.gate.max_skew
    if single.columns != batch.columns:
        says = f"answers have the columns {single.columns} singly and {batch.columns} in a batch"
        return GateCheck(name="skew", passed=False, limit=limit, says=says, code="skewed")
    apart = np.abs(single.to_numpy() - batch.to_numpy())
    # A NaN on one side only is as far apart as can be.
    skew = float(np.nan_to_num(apart, nan=np.inf).max())
    passed = skew <= limit
    verdict = "the same answers" if passed else f"answers that differ by up to {skew:.3g}"
    return GateCheck(
        name="skew",
        passed=passed,
        figure=skew,
        limit=limit,
        says=f"{size:,} test rows sent one by one as JSON get {verdict}",
        code="" if passed else "skewed",
    )
