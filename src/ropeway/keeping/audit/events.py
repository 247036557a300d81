"""What can happen to the key that signs the ledger's heads."""

from ropeway.ledger.event import Event, event


@event("checkpoint-key-replaced", erasable=("reason",))
class CheckpointKeyReplaced(Event, frozen=True, kw_only=True):
    """Another key signs the heads from here on: the earlier was lost, or the ledger was put back."""

    ledger: str
    verifier: str
    replaced: str | None
    reason: str | None

    def subject(self) -> str:
        """The ledger."""
        return f"ledger:{self.ledger}"
