"""What the pipelines room tells of steps, slices and runs. Nothing heavy is loaded for it."""

from datetime import datetime
from typing import Literal

import msgspec

from ropeway.core.ids import Digest, RunId

Scalar = bool | int | float | str
StepState = Literal["cached", "ran", "failed", "skipped"]


class StepEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to a step while the pipeline runs."""

    step: str
    state: Literal["started", "cached", "finished", "failed"]
    seconds: float


class StepOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step."""

    step: str
    state: StepState
    seconds: float
    reason: str = ""
    """Why it ran."""
    uncached: str = ""
    """Why its result was not kept; empty when it was."""
    kind: str = ""
    rows: int | None = None
    content: Digest | None = None


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit learnt, or a pinned table, in the store."""

    digest: Digest
    format: str
    kind: str
    content: Digest
    size_bytes: int


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The request's columns with their polars types, and the answer's columns."""

    inputs: dict[str, str]
    outputs: list[str]


class SliceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The deployable part of a run: the steps from request to answer, with what was learnt pinned."""

    served: str
    steps: list[str]
    artifacts: dict[str, Artifact]
    signature: Signature
    replay: Digest
    """Some rows and what the slice answered for them; `slice.read_replay` reads it."""
    replay_rows: int


class PipelineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on record about one finished pipeline run."""

    run: RunId
    pipeline: str
    inputs: dict[str, str]
    """Input name to `dataset:NAME@DIGEST`."""
    split: Digest
    code: Digest
    """The tree of the project's files when the run began."""
    source: Digest
    """The tree of the files that the slice needs: modules, and data files that they read."""
    files: dict[str, Digest]
    packages: dict[str, str]
    steps: list[StepOutcome]
    params: dict[str, Scalar] | None
    """All parameters, as the run's own record shows them; None once erased."""
    settings: dict[str, Scalar] | None
    """The parameters of the slice's steps as `step.name`; None once erased."""
    slice: SliceRecord
    part: str
    """The part of the data that the metrics are of."""
    metrics: dict[str, float]
    recorded_at: datetime | None = None


class PipelineResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of the pipeline gave."""

    run: RunId
    steps: list[StepOutcome]
    metrics: dict[str, float]
    params: dict[str, Scalar]
    seconds: float
    part: str = "tune"
    metric: str = ""
    """The charter's metric."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a step would run, and why."""

    step: str
    state: Literal["cached", "will run", "may run"]
    reason: str
