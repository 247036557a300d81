"""What can be asked of predictions, and how their log is sealed."""

from contextlib import ExitStack

from sqlalchemy import select

from ropeway.core.ids import PredictionId
from ropeway.predictions.draft import Sealed, draft_batch, remove_recorded
from ropeway.predictions.events import SegmentSealed
from ropeway.predictions.projections import sealed_segment
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


@operation("predictions.seal", kind="job", permission="predictions:write")
def seal_batch(context: Context) -> Sealed:
    """Seal the next segments that nobody writes any more: Parquet for each, and one event.

    Their files stay until the next call, which removes what this one recorded. To seal all that there is and
    remove it at once, there is `ropeway.predictions.seal`.

    Raises:
        OutOfSpace: the disk is full; the segments stay as they are.
    """
    left = remove_recorded(context.home)
    with ExitStack() as held:
        batch = draft_batch(context.home, context.store, held)
        fresh = _record(context, batch.drafts) if batch.drafts else []
    return Sealed(
        segments=len(fresh),
        records=sum(draft.records for draft in fresh),
        left=[*left, *batch.left],
        is_done=batch.is_done,
    )


def _record(context: Context, drafts: list[SegmentSealed]) -> list[SegmentSealed]:
    """One event for each that no other sealer has recorded meanwhile."""
    context.begin()
    fresh = [draft for draft in drafts if not _is_recorded(context, draft)]
    for draft in fresh:
        context.append(draft)
    return fresh


def _is_recorded(context: Context, draft: SegmentSealed) -> bool:
    table = sealed_segment.c
    query = select(table.seq).where(
        (table.kind == draft.kind) & (table.replica == draft.replica) & (table.segment == draft.segment)
    )
    return context.read.execute(query).first() is not None
