"""The fact of a pipeline run. Released shapes never change."""

from collections.abc import Iterable

from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Edge, Event, event
from ropeway.pipelines.records import Scalar, SliceRecord, StepOutcome


@event("pipeline-ran", erasable=("params", "settings"))
class PipelineRan(Event, frozen=True, kw_only=True):
    """A pipeline came to its end, its slice was evaluated, and what it takes to deploy it was kept."""

    run: RunId
    pipeline: str
    inputs: dict[str, str]
    split: Digest
    code: Digest
    source: Digest
    files: dict[str, Digest]
    packages: dict[str, str]
    steps: list[StepOutcome]
    params: dict[str, Scalar] | None
    settings: dict[str, Scalar] | None
    slice: SliceRecord
    part: str
    metrics: dict[str, float]

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """The source files that the slice needs; the run's own event draws those to data and snapshot."""
        yield Edge(f"code:{self.source}", "source-of", f"run:{self.run}")

    def objects(self) -> Iterable[Digest]:
        """The code, what was learnt, and the rows to replay."""
        learnt = (artifact.digest for artifact in self.slice.artifacts.values())
        return (self.code, self.source, self.slice.replay, *learnt)
