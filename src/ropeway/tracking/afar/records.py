"""What questions about experiments, runs from afar and logged models are answered with."""

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.afar.events import DatasetUse, ModelOutput


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A place for runs. `location` is where its client keeps files; None where that is here."""

    id: str
    name: str
    location: str | None
    lifecycle: str
    created_ms: int
    changed_ms: int
    tags: dict[str, str]


class MetricNow(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a metric that counts as its last: highest step, then time, then value."""

    key: str
    value: float
    at_ms: int
    step: int


class TrackedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a client of tracking sees it: all settings as text, times in milliseconds.

    Attributes:
        hex: its id in 32 hex digits.
        user: whose run it is, by the word of who recorded it; else the name of who did.
        location: where the experiment's client keeps files; None where that is here.
    """

    id: RunId
    hex: str
    name: str
    kind: str
    experiment: str
    user: str
    status: str
    started_ms: int
    ended_ms: int | None
    lifecycle: str
    location: str | None
    parent: RunId | None
    commit: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[MetricNow]
    datasets: list[DatasetUse]
    models_in: list[str]
    models_out: list[ModelOutput]


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a folder with files in it; `digest` is None for a folder."""

    path: str
    size_bytes: int
    digest: Digest | None


class ModelFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a logged model, and the run that logged it."""

    key: str
    value: float
    at_ms: int
    step: int
    run: RunId
    dataset_name: str
    dataset_digest: str


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a client logged as a model; `run` is the hex id of the run that made it."""

    id: str
    experiment: str
    name: str
    kind: str
    run: str | None
    status: str
    lifecycle: str
    created_ms: int
    changed_ms: int
    location: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[ModelFigure]
