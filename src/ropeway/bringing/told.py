"""What a store of MLflow tells, whatever it lies in, and the seam behind which it lies."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from ropeway.bringing.report import LeftOut
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.tracking.afar.logged_models import ModelStatus
from ropeway.tracking.afar.runs import Status

STATUS: dict[str, Status] = {
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "interrupted",
}
STATUS_NUMBERS = ("", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
MODEL_STATUS: dict[str, ModelStatus] = {
    "1": "pending",
    "2": "ready",
    "3": "failed",
    "LOGGED_MODEL_PENDING": "pending",
    "LOGGED_MODEL_READY": "ready",
    "LOGGED_MODEL_UPLOAD_FAILED": "failed",
}
DELETED_STAGE = "Deleted_Internal"


class ToldExperiment(NamedTuple):
    """An experiment, times in milliseconds as everywhere here."""

    id: str
    name: str
    location: str
    is_deleted: bool
    created_ms: int
    changed_ms: int
    tags: dict[str, str]


class ToldRun(NamedTuple):
    """A run without its points; `keys` are the metrics that it has."""

    id: str
    experiment: str
    name: str
    user: str
    status: Status
    started_ms: int
    ended_ms: int | None
    is_deleted: bool
    location: str
    params: dict[str, str]
    tags: dict[str, str]
    keys: Sequence[str]
    datasets: list[DatasetUse]
    models_in: list[str]
    models_out: list[ModelOutput]


class ToldModel(NamedTuple):
    """A logged model. Its figures are grouped by the run that logged them."""

    id: str
    experiment: str
    name: str
    kind: str
    run: str
    status: ModelStatus
    is_deleted: bool
    created_ms: int
    changed_ms: int
    location: str
    params: dict[str, str]
    tags: dict[str, str]
    figures: dict[str, list[Figure]]


class ToldEntry(NamedTuple):
    """A registered name."""

    name: str
    description: str
    created_ms: int
    changed_ms: int
    tags: dict[str, str]
    aliases: dict[str, int]


class ToldVersion(NamedTuple):
    """A version of a registered name."""

    name: str
    number: int
    source: str
    run: str
    logged_model: str
    description: str
    run_link: str
    stage: str
    created_ms: int
    changed_ms: int
    tags: dict[str, str]


class ToldPoints(NamedTuple):
    """Points of one metric, as columns."""

    key: str
    values: list[float]
    times_ms: list[int]
    steps: list[int]


class Owner(NamedTuple):
    """Whose files: a run or a logged model, and where it says that they are."""

    kind: Literal["run", "logged model"]
    id: str
    experiment: str
    location: str


class ToldFile(NamedTuple):
    """A file by its name under its owner."""

    path: str
    size_bytes: int


class Source(Protocol):
    """A store that is only read. Everything it gives is data of somebody's, and believed in nothing.

    Each method may be called again and begins anew. It raises `StoreUnreachable` where it cannot go on, and
    `OutOfReach` for files that lie outside of it.
    """

    shown: str
    is_local: bool
    """Whether its files can be read again at the price of the disk."""

    def experiments(self) -> Iterator[ToldExperiment]:
        """Every experiment, deleted ones too."""
        ...

    def runs(self, experiment: ToldExperiment) -> Iterator[ToldRun]:
        """The runs of one, deleted ones too, the one begun first first."""
        ...

    def points(self, run: ToldRun) -> Iterator[ToldPoints]:
        """The points of a run, in pieces of bounded size."""
        ...

    def models(self, experiment: ToldExperiment) -> Iterator[ToldModel]:
        """The logged models of an experiment."""
        ...

    def entries(self) -> Iterator[ToldEntry]:
        """The registered names."""
        ...

    def versions(self, entry: ToldEntry) -> Iterator[ToldVersion]:
        """The versions of one, by number; deleted ones are gone."""
        ...

    def files(self, owner: Owner) -> list[ToldFile]:
        """The files of a run or of a logged model."""
        ...

    def fetch(self, owner: Owner, file: ToldFile, scratch: Path) -> Path:
        """A file's bytes, in a file that is only read: its own, or one in the folder `scratch`."""
        ...

    def left_out(self) -> list[LeftOut]:
        """What else is there and does not come."""
        ...

    def damaged(self) -> list[str]:
        """What was there to be read so far and could not be, in sentences."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
