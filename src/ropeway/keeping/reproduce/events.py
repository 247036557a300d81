"""What the ledger keeps of a reproduction."""

from collections.abc import Iterable

from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Edge, Event, event


@event("run-reproduced")
class RunReproduced(Event, frozen=True, kw_only=True):
    """A run was done again from what is on record; `evidence` holds the whole comparison.

    `model` is the version on whose behalf, empty when the run itself was asked for. `place` is `here` or
    `clean`. `differs_at` names the first step that gave something else.
    """

    run: RunId
    model: str
    verdict: str
    differs_at: str
    place: str
    evidence: Digest

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """The run gave the evidence, and the evidence judged the version."""
        yield Edge(self.subject(), "reproduced-as", f"check:{self.evidence}")
        if self.model:
            yield Edge(f"check:{self.evidence}", "judged", f"model:{self.model}")

    def objects(self) -> Iterable[Digest]:
        """The comparison."""
        return (self.evidence,)
