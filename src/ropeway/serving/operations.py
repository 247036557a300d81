"""The operations of the serving room: saying what a prediction should have been.

Answering is no operation: a service does that, beside the ledger.
"""

from ropeway.core.ids import PredictionId
from ropeway.predictions.record import FeedbackRecord, find_in
from ropeway.serving.feedback import append_feedback, parse_value
from ropeway.workspace import Context, operation


@operation("serving.say", kind="command", permission="predictions:write")
def say(context: Context, *, prediction: PredictionId, value: str, note: str = "") -> FeedbackRecord:
    """Append what a prediction should have been, as the caller's word. The latest holds.

    Args:
        context: the call.
        prediction: the id that its answer carried.
        value: a class, or a number where the model predicts one; as text.
        note: why.

    Raises:
        UnknownPrediction: no prediction has that id.
        FeedbackMismatch: it is none that the prediction could have been.
    """
    found = find_in(context.home, prediction)
    return append_feedback(
        context.home,
        prediction,
        parse_value(found, value),
        by=context.actor_name,
        note=note,
        clock=context.clock,
    )
