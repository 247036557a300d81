"""Segments written by the real log, and what was put into them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ropeway.core.ids import PredictionId
from ropeway.predictions.record import FeedbackRecord
from ropeway.serving.log import PredictionLog

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLASSES = {"no": 0.25, "yes": 0.75}


def answer(log: PredictionLog, number: int = 0, **more: object) -> PredictionId:
    """One logged answer; each of another hour."""
    given = {"prediction": "yes", "probabilities": CLASSES, "model": "m@1", "at": AT + number * HOUR, **more}
    model, prediction, probabilities = (given.pop(name) for name in ("model", "prediction", "probabilities"))
    row = given.pop("row", {"text": f"row {number}"})
    return log.add(model, row, prediction, probabilities, latency_us=number, **given)


def answers(home: Path, count: int, **more: object) -> list[PredictionId]:
    """Answers of a process that has ended."""
    with PredictionLog(home, environment="production", **more.pop("log", {})) as log:
        return [answer(log, number, **more) for number in range(count)]


def say(home: Path, prediction: str, value: object, *, at: datetime = AT, by: str = "ana") -> None:
    """Feedback from a process that has ended."""
    with PredictionLog(home) as log:
        log.add_feedback(FeedbackRecord(id=PredictionId(prediction), value=value, at=at, by=by))


def segments_of(home: Path, kind: str = "predictions") -> list[Path]:
    """The files of a kind that are not sealed and removed."""
    return sorted((home / "segments" / kind).glob("*.seg"))
