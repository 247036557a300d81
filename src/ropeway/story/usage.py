"""How often each model version answered, and what was said of it: counted from the log of predictions.

Reads four columns of all that is kept: linear in the predictions.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ropeway.predictions.history import is_empty, lazy_feedback, lazy_predictions

if TYPE_CHECKING:
    import polars as pl


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One version's answers: how many, how many were judged, and how good those were.

    Attributes:
        predictions: all answers.
        judged: those with feedback.
        right: those whose feedback is what was answered; a class is right or wrong.
        measured: those that answered with a number: it is near or far, and hardly ever right.
        mean_error: of those, how far they were off on average; None without any.
    """

    predictions: int = 0
    judged: int = 0
    right: int = 0
    measured: int = 0
    mean_error: float | None = None

    @property
    def in_words(self) -> str:
        """What feedback says, in a few words."""
        if not self.judged:
            return "no feedback"
        told = [f"{self.judged:,} with feedback"]
        if self.judged > self.measured:
            told.append(f"{self.right:,} of those right")
        if self.mean_error is not None:
            told.append(f"mean absolute error {self.mean_error:,.4g}")
        return ", ".join(told)


def usage_by_version(home: Path) -> dict[str, Usage]:
    """Each model version's use, by its `name@number`. Of several judgements of one answer the last holds.

    What failed was no answer; what a version would have answered beside another one was not given to anybody.
    """
    if is_empty(home):
        return {}
    import polars as pl

    both = pl.col("probabilities").is_null() & _number("prediction").is_not_null()
    is_measured = both & _number("truth").is_not_null()
    is_right = ~is_measured & (pl.col("truth") == pl.col("prediction"))
    counted = (
        lazy_predictions(home)
        .filter(pl.col("error") == "")
        .select("id", "model", "prediction", "probabilities")
        .join(lazy_feedback(home).select("id", "truth"), on="id", how="left")
        .group_by("model")
        .agg(
            pl.len().alias("predictions"),
            pl.col("truth").is_not_null().sum().alias("judged"),
            is_right.sum().alias("right"),
            is_measured.sum().alias("measured"),
            (_number("prediction") - _number("truth")).abs().filter(is_measured).mean().alias("mean_error"),
        )
        .sort("model")
        .collect()
    )
    return {row.pop("model"): Usage(**row) for row in counted.iter_rows(named=True)}


def in_all(usages: Iterable[Usage]) -> Usage:
    """Several uses as one."""
    each = list(usages)
    measured = sum(usage.measured for usage in each)
    errors = sum(usage.mean_error * usage.measured for usage in each if usage.mean_error is not None)
    return Usage(
        predictions=sum(usage.predictions for usage in each),
        judged=sum(usage.judged for usage in each),
        right=sum(usage.right for usage in each),
        measured=measured,
        mean_error=errors / measured if measured else None,
    )


def _number(column: str) -> "pl.Expr":
    """A column of JSON as numbers; null where it is none."""
    import polars as pl

    return pl.col(column).cast(pl.Float64, strict=False)
