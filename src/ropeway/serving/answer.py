"""From a model's output frame to answers: the class with the highest probability, or the predicted value."""

import logging
import math
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.predictions.record import Value
from ropeway.serving.errors import PredictionFailed, SignatureMismatch
from ropeway.serving.signature import Problem, Request, Servable

if TYPE_CHECKING:
    import polars as pl

logger = logging.getLogger("ropeway.serving")

PREDICTION = "prediction"


class Answer(msgspec.Struct, frozen=True):
    """One row's answer. `probabilities` only where the model gives one number per class."""

    prediction: Value
    probabilities: dict[str, float] | None = None


def ask(servable: Servable, request: Request, is_discreet: bool = False) -> list[Answer]:  # noqa: FBT001, FBT002  passed by position to a thread
    """One answer for each row of a request.

    Args:
        servable: the version that answers.
        request: what was read.
        is_discreet: some column is not to be logged, so stderr gets no words of an exception: they may hold
            its values.

    Raises:
        SignatureMismatch: values that no column of the signature's type can hold.
        PredictionFailed: the model's code raised, or what it gave is no answer; stderr has the rest.
    """
    rows = frame_of(servable, request)
    try:
        return answers_in(servable.ref, servable.predict(rows), request.height)
    except PredictionFailed as error:
        logger.error("%s: %s", servable.ref, error.what)  # noqa: TRY400  there is no traceback worth showing
        raise
    except RopewayError as error:
        if error.http_status < PredictionFailed.http_status:
            raise
        # Its words name the user's files, and hold the traceback: they are for the log.
        logger.error("%s: %s", servable.ref, _outline(error) if is_discreet else error.what)  # noqa: TRY400
        step = str(error.facts.get("step", ""))
        where = f"step '{step}' failed" if step else f"it is {error.code}"
        raise PredictionFailed(servable.ref, where, cause=error.code, step=step) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code: it may exit, and polars panics past Exception
        if is_discreet:
            logger.error("%s raised while predicting: %s", servable.ref, _outline(error))  # noqa: TRY400
        else:
            logger.exception("%s raised while predicting", servable.ref)
        # The text of a foreign exception may hold paths or values; its kind does not.
        raise PredictionFailed(servable.ref, f"its code raised {type(error).__name__}") from error


def _outline(error: BaseException) -> str:
    """What was raised and where, without its words."""
    first = error
    while isinstance(first, RopewayError) and first.__cause__ is not None:
        first = first.__cause__
    step = error.facts.get("step") if isinstance(error, RopewayError) else None
    kind = f"{type(first).__module__}.{type(first).__qualname__}".removeprefix("builtins.")
    said = f"step '{step}' raised {kind}" if step else kind
    frames = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(first.__traceback__)
    ]
    return "\n".join([f"{said} (its words may hold columns that [log] does not keep)", *frames])


def frame_of(servable: Servable, request: Request) -> "pl.DataFrame":
    """The request as a frame in the signature's types, made as the gate makes it when it looks for skew.

    Raises:
        SignatureMismatch: values that no column of the signature's type can hold (of nested types, say).
    """
    import polars as pl

    from ropeway.models.request import frame_of as frame_of_rows

    try:
        return frame_of_rows([request.row(index) for index in range(request.height)], servable.inputs)
    except (Exception, pl.exceptions.PanicException) as error:  # whatever the values are, they are not ours
        problem = Problem("", "values of the signature's types", f"fits no column ({type(error).__name__})")
        raise SignatureMismatch(servable.ref, [problem]) from error


def answers_in(ref: str, frame: Any, height: int) -> list[Answer]:
    """The answers that an output frame holds.

    Raises:
        PredictionFailed: another number of rows, no columns, a null, NaN, or what is no plain value.
    """
    names: list[str] = list(frame.columns)
    if frame.height != height or not names:
        raise PredictionFailed(ref, f"it gave {frame.height} rows in {len(names)} columns for {height} rows")
    if PREDICTION not in names:
        return [_most_likely(ref, names, row) for row in frame.rows()]
    at = names.index(PREDICTION)
    if len(names) == 1:
        return [Answer(_value(ref, PREDICTION, row[0])) for row in frame.rows()]
    classes = [name for name in names if name != PREDICTION]
    return [
        Answer(
            _value(ref, PREDICTION, row[at]),
            _numbers(ref, classes, [value for index, value in enumerate(row) if index != at]),
        )
        for row in frame.rows()
    ]


def _most_likely(ref: str, names: list[str], row: tuple[Any, ...]) -> Answer:
    probabilities = _numbers(ref, names, row)
    return Answer(max(probabilities, key=probabilities.__getitem__), probabilities)


def _numbers(ref: str, names: list[str], values: Any) -> dict[str, float]:
    for name, value in zip(names, values, strict=True):
        if type(value) not in (float, int) or not math.isfinite(value):
            raise PredictionFailed(ref, f"its column '{name}' is not a finite number")
    return dict(zip(names, values, strict=True))


def _value(ref: str, name: str, value: Any) -> Value:
    if isinstance(value, str | bool) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    raise PredictionFailed(ref, f"its column '{name}' is neither text, true or false, nor a finite number")
