"""Recorded rows through a fresh package: as one batch, and each alone as a request would bring it.

This is what finds a step whose answer for a row depends on the other rows, or that changes their order.
"""

import math
from typing import Any

import polars as pl

from ropeway.core.errors import RopewayError
from ropeway.models.errors import ReplayDiffers
from ropeway.models.request import Predicts, frame_of, through_json

IN_A_BATCH = "in one batch"
ALONE = "alone, through JSON"
PACKAGE_REASON = "The packaged code and data are not all that the run's answers depend on."
ALONE_REASON = "Its answer depends on the rows that come with it, or on what JSON does not carry."


def replay(model: Predicts, rows: pl.DataFrame, answers: pl.DataFrame, *, tolerance: float) -> None:
    """Hold a package's answers against the recorded ones.

    Args:
        model: the package, freshly loaded.
        rows: recorded rows.
        answers: what the run answered for them.
        tolerance: how far numbers may be apart.

    Raises:
        ReplayDiffers: some answer differs; names row, column, both values.
    """
    try:
        batch = model.predict(rows)
    except RopewayError as error:
        raise _differs(IN_A_BATCH, PACKAGE_REASON, 0, "", answers.row(0, named=True), error.what) from error
    _compare(batch, answers, tolerance, IN_A_BATCH, PACKAGE_REASON)
    inputs = model.signature.inputs
    single: list[pl.DataFrame] = []
    for number, row in enumerate(rows.select(list(inputs)).iter_rows(named=True)):
        try:
            single.append(model.predict(frame_of([through_json(row)], inputs)))
        except RopewayError as error:
            expected = answers.row(number, named=True)
            raise _differs(ALONE, ALONE_REASON, number, "", expected, error.what) from error
    for number, answer in enumerate(single):
        _compare(answer, answers[number], tolerance, ALONE, ALONE_REASON, first=number)


def _compare(
    got: pl.DataFrame, expected: pl.DataFrame, tolerance: float, way: str, reason: str, *, first: int = 0
) -> None:
    if got.columns != expected.columns:
        raise _differs(way, reason, first, "", expected.columns, got.columns)
    for column in expected.columns:
        pairs = zip(expected[column], got[column], strict=True)
        for number, (wanted, given) in enumerate(pairs, start=first):
            if not _is_same(wanted, given, tolerance):
                raise _differs(way, reason, number, column, wanted, given)


def _is_same(wanted: Any, given: Any, tolerance: float) -> bool:
    if isinstance(wanted, float) and isinstance(given, float):
        both_missing = math.isnan(wanted) and math.isnan(given)
        return both_missing or wanted == given or abs(wanted - given) <= tolerance
    return bool(wanted == given)


def _differs(way: str, reason: str, row: int, column: str, expected: object, got: object) -> ReplayDiffers:
    return ReplayDiffers(
        way=way, row=str(row + 1), column=column or "(all)", expected_value=expected, got=got, reason=reason
    )
