"""Does serving answer as the evaluation did? Test rows one by one, as JSON, beside the batch's answers.

Every test row is read as the service would read it; of those a sample is answered.
"""

import numpy as np
import polars as pl

from ropeway.core.errors import RopewayError
from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam
from ropeway.models.reading import Problem, Request, Signature
from ropeway.models.request import frame_of, through_json

SAMPLE = 100
"""Rows answered singly: enough to meet each kind of row, few enough to take a moment."""


def check(exam: Exam) -> GateCheck:
    """Pass when the service takes every row, and no answer differs by more than `max_skew`."""
    limit = exam.project.gate.max_skew
    inputs = exam.model.inputs
    reader = Signature(inputs, nullable=exam.model.nullable)
    requests: list[Request] = []
    refused: list[tuple[str, Problem]] = []
    for key, row in zip(exam.keys, exam.rows.select(list(inputs)).iter_rows(named=True), strict=True):
        request, problems = reader.read(through_json(row))
        if request is None:
            refused.append((key, problems[0]))
        else:
            requests.append(request)
    if refused:
        return _refused(refused, exam.height)
    generator = np.random.default_rng(exam.project.gate.seed)
    size = min(SAMPLE, exam.height)
    sample = np.sort(generator.choice(exam.height, size=size, replace=False))
    try:
        single = pl.concat([exam.model.predict(frame_of([requests[row].row(0)], inputs)) for row in sample])
    except RopewayError as error:
        says = f"a test row that comes alone is not answered: {error.what.splitlines()[0]}"
        return GateCheck(name="skew", passed=False, limit=limit, says=says, code="skewed")
    batch = exam.predictions[sample]
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


def _refused(refused: list[tuple[str, Problem]], rows: int) -> GateCheck:
    key, first = refused[0]
    return GateCheck(
        name="skew",
        passed=False,
        says=f"the service would refuse {len(refused):,} of {rows:,} test rows: in '{key}', "
        f"'{first.field}' {first.got} where {first.expected} is expected",
        code="request-refused",
    )
