"""How often each model version answered, and what was said of it: counted from the log's segments.

Reads every record: linear in the predictions kept here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

import msgspec

from ropeway.predictions.record import PredictionRecord, Value, all_feedback, all_predictions


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
    """Each model version's use, by its `name@number`. Of several judgements of one answer the last holds."""
    verdicts = {}
    for said in sorted(all_feedback(home), key=lambda record: record.at):
        verdicts[said.id] = said.value
    found: dict[str, Usage] = {}
    for identity, record in all_predictions(home):
        one = _judge(record, verdicts[identity]) if identity in verdicts else Usage(predictions=1)
        found[record.model] = in_all([found.get(record.model, Usage()), one])
    return found


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


def _judge(record: PredictionRecord, value: Value) -> Usage:
    answered = record.prediction
    if record.probabilities is None and _is_number(answered) and _is_number(value):
        return Usage(predictions=1, judged=1, measured=1, mean_error=abs(float(answered) - float(value)))
    return Usage(predictions=1, judged=1, right=int(value == answered))


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
