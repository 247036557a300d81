"""Feedback by id: checked against the prediction that it is about, then appended."""

from pathlib import Path
from typing import Any

from ropeway.core.clock import Clock
from ropeway.predictions.errors import UnknownPrediction
from ropeway.predictions.record import FeedbackRecord, Prediction, Value, find_in
from ropeway.serving.errors import FeedbackMismatch
from ropeway.serving.log import PredictionLog
from ropeway.serving.signature import FLOAT64_MAX, shown

MAX_NOTE_LENGTH = 2000
MAX_BY_LENGTH = 200


def give_feedback(
    log: PredictionLog, prediction: str, value: Any, *, by: str = "", note: str = ""
) -> FeedbackRecord:
    """Append what a prediction should have been. Saying it again, or otherwise, keeps both; the latest holds.

    Args:
        log: where it is appended.
        prediction: the id that the answer carried.
        value: one of the classes, or a number where the model predicts numbers.
        by: who says so.
        note: why; free text.

    Raises:
        UnknownPrediction: no prediction has that id.
        FeedbackMismatch: the value is none that the prediction could have been.
    """
    found = find_in(log.home, prediction)
    if found.error:
        # What a version failed on is on record, under an id that nobody was given.
        raise UnknownPrediction(prediction)
    record = FeedbackRecord(
        id=found.id,
        value=check_value(found, value),
        at=log.clock.now(),
        by=_check_text("by", by, MAX_BY_LENGTH),
        note=_check_text("note", note, MAX_NOTE_LENGTH),
    )
    log.add_feedback(record)
    return record


def append_feedback(
    home: Path, prediction: str, value: Any, *, by: str = "", note: str = "", clock: Clock | None = None
) -> FeedbackRecord:
    """Give feedback from a process of its own; on return it survives power loss.

    Args:
        home: the workspace's `.ropeway` folder.
        prediction: the id that its answer carried.
        value: what was true.
        by: who says so.
        note: anything beside it.
        clock: says when it was given; the machine's when absent.

    Raises:
        UnknownPrediction, FeedbackMismatch, LogUnavailable: as `give_feedback`.
    """
    with PredictionLog(home, clock=clock) as log:
        return give_feedback(log, prediction, value, by=by, note=note)


def check_value(prediction: Prediction, value: Any) -> Value:
    """The value, when the prediction could have been it.

    Raises:
        FeedbackMismatch: it could not.
    """
    if prediction.probabilities is not None:
        classes = list(prediction.probabilities)
        if not isinstance(value, str) or value not in classes:
            raise FeedbackMismatch(
                "value", "one of " + ", ".join(f"'{name}'" for name in classes), shown(value)
            )
        return value
    answered = prediction.prediction
    if isinstance(answered, bool | str):
        if type(value) is not type(answered):
            raise FeedbackMismatch(
                "value", "text" if isinstance(answered, str) else "true or false", shown(value)
            )
        return value
    # Compared, not converted: an integer of 400 digits has no float.
    if type(value) not in (int, float) or not abs(value) <= FLOAT64_MAX:
        raise FeedbackMismatch("value", "a finite number", shown(value))
    return value if isinstance(value, float) or abs(value) < 2**53 else float(value)


def parse_value(prediction: Prediction, text: str) -> Value:
    """A value as typed on a command line, in the kind that the prediction is of."""
    if prediction.probabilities is not None or isinstance(prediction.prediction, str):
        return text
    if isinstance(prediction.prediction, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return float(text)
    except ValueError:
        return text


def _check_text(field: str, text: Any, longest: int) -> str:
    if not isinstance(text, str):
        raise FeedbackMismatch(field, "text", shown(text))
    if len(text) > longest:
        raise FeedbackMismatch(field, f"at most {longest:,} characters", f"{len(text):,} characters long")
    return text
