"""What the log of predictions refuses, and what may be wrong with it.

NotFound      unknown-prediction
Damaged       seal-broken · segment-misnamed
"""

from ropeway.core.errors import Damaged, NotFound


class UnknownPrediction(NotFound):
    """An id that no prediction in this workspace has."""

    code = "unknown-prediction"

    def __init__(self, prediction: str) -> None:
        super().__init__("prediction", prediction)
        self.expected = "an id as an answer gave it: p-REPLICA-SEGMENT-ORDINAL, such as p-4k2m9x7q-1-a3"
        self.next_step = "take 'id' from the answer of POST /predict"


class SealBroken(Damaged):
    """A sealed segment whose records are not those that its event commits to."""

    code = "seal-broken"

    def __init__(self, kind: str, segment: str) -> None:
        super().__init__(
            f"The records of the sealed segment '{segment}' ({kind}) are not those that were sealed.",
            expected="records whose Merkle root is the one that the event 'segment-sealed' tells",
            next_step="ropeway fsck; then restore .ropeway from a copy",
            kind=kind,
            segment=segment,
        )


class SegmentMisnamed(Damaged):
    """A segment's file that has the name of another: a copy, or one that was renamed."""

    code = "segment-misnamed"

    def __init__(self, path: str, name: str) -> None:
        super().__init__(
            f"The segment '{path}' says of itself that it is '{name}'.",
            expected="files of the log under the names that they were written with",
            next_step=f"remove it when it is a copy, else name it '{name}' again",
        )
