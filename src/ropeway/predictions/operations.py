"""What can be asked of predictions: one by its id, and what was said of it."""

from ropeway.core.ids import PredictionId
from ropeway.predictions.record import FeedbackRecord, Prediction, feedback_in, find_in
from ropeway.workspace import Context, operation


@operation("serving.prediction", kind="query", permission="predictions:read")
def find_prediction(context: Context, *, prediction: PredictionId) -> Prediction:
    """The answer with that id: inputs as logged, output, version, time; read from its one segment."""
    return find_in(context.home, prediction)


@operation("serving.feedback", kind="query", permission="predictions:read")
def list_feedback(context: Context, *, prediction: PredictionId) -> list[FeedbackRecord]:
    """All that was said of a prediction, oldest first; the last one holds."""
    return feedback_in(context.home, find_in(context.home, prediction).id)
