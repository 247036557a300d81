"""What the log of predictions refuses.

NotFound      unknown-prediction
"""

from ropeway.core.errors import NotFound


class UnknownPrediction(NotFound):
    """An id that no prediction in this workspace has."""

    code = "unknown-prediction"

    def __init__(self, prediction: str) -> None:
        super().__init__("prediction", prediction)
        self.expected = "an id as an answer gave it: p-REPLICA-SEGMENT-ORDINAL, such as p-4k2m9x7q-1-a3"
        self.next_step = "take 'id' from the answer of POST /predict"
