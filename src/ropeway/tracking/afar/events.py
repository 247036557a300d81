"""The facts that clients tell from afar. Released shapes never change."""

from collections.abc import Iterable

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Edge, Event, event


class DatasetUse(msgspec.Struct, frozen=True, kw_only=True):
    """A data set as a client describes it; nothing of it is opened here."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: dict[str, str] = {}


class ModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model that a run made, and at which step."""

    model: str
    step: int = 0


class ModelMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a logged model. What JSON cannot say is text: `nan`, `inf`, `-inf`."""

    key: str
    value: float | str
    at_ms: int
    step: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


@event("experiment-created", erasable=("name", "location", "tags"))
class ExperimentCreated(Event, frozen=True, kw_only=True):
    """A place for runs was made. Its id stays; its name may change."""

    experiment: str
    name: str | None
    location: str | None
    tags: dict[str, str] | None

    def subject(self) -> str:
        """The experiment."""
        return f"experiment:{self.experiment}"


@event("experiment-changed", erasable=("name", "tags", "untagged"))
class ExperimentChanged(Event, frozen=True, kw_only=True):
    """What is None or empty is as it was. `lifecycle` is `active` or `deleted`."""

    experiment: str
    name: str | None = None
    tags: dict[str, str] | None = None
    untagged: list[str] | None = None
    lifecycle: str = ""

    def subject(self) -> str:
        """The experiment."""
        return f"experiment:{self.experiment}"


class OfRun(Event, frozen=True, kw_only=True):
    """What the events about one run share."""

    run: RunId

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"


@event("run-opened", erasable=("name", "user", "tags"))
class RunOpened(OfRun, frozen=True, kw_only=True):
    """A client began a run. `started_ms` is what it says, in milliseconds since 1970."""

    kind: str
    experiment: str
    name: str | None
    user: str | None
    tags: dict[str, str] | None
    started_ms: int
    parent: RunId | None = None

    def edges(self) -> Iterable[Edge]:
        """The run it is part of."""
        if self.parent is not None:
            yield Edge(f"run:{self.parent}", "parent-of", self.subject())


@event("run-changed", erasable=("name", "params", "tags", "untagged"))
class RunChanged(OfRun, frozen=True, kw_only=True):
    """What is None or empty is as it was. `status` is a status of runs, `lifecycle` `active` or `deleted`."""

    name: str | None = None
    params: dict[str, str] | None = None
    tags: dict[str, str] | None = None
    untagged: list[str] | None = None
    status: str = ""
    ended_ms: int | None = None
    lifecycle: str = ""


@event("run-file-put", erasable=("path",))
class RunFilePut(OfRun, frozen=True, kw_only=True):
    """A file of a run has these bytes from now on."""

    path: str | None
    digest: Digest
    size_bytes: int

    def objects(self) -> Iterable[Digest]:
        """The bytes."""
        return (self.digest,)


@event("run-file-removed", erasable=("path",))
class RunFileRemoved(OfRun, frozen=True, kw_only=True):
    """A file of a run, or all under a folder, are no longer listed."""

    path: str | None


@event("run-linked", erasable=("datasets",))
class RunLinked(OfRun, frozen=True, kw_only=True):
    """What a run used and made, as its client says."""

    datasets: list[DatasetUse] | None = None
    models_in: list[str]
    models_out: list[ModelOutput]

    def edges(self) -> Iterable[Edge]:
        """Data sets and models used, models made."""
        for dataset in self.datasets or []:
            yield Edge(f"foreign-dataset:{dataset.name}@{dataset.digest}", "used-by", self.subject())
        for model in self.models_in:
            yield Edge(f"logged-model:{model}", "used-by", self.subject())
        for output in self.models_out:
            yield Edge(self.subject(), "produced", f"logged-model:{output.model}")


class OfLoggedModel(Event, frozen=True, kw_only=True):
    """What the events about one logged model share."""

    model: str

    def subject(self) -> str:
        """The model."""
        return f"logged-model:{self.model}"


@event("logged-model-created", erasable=("name", "tags", "params"))
class LoggedModelCreated(OfLoggedModel, frozen=True, kw_only=True):
    """A client began to log a model: files under an id, before anybody registers it."""

    experiment: str
    name: str | None
    kind: str
    run: RunId | None
    tags: dict[str, str] | None
    params: dict[str, str] | None

    def edges(self) -> Iterable[Edge]:
        """The run that made it."""
        if self.run is not None:
            yield Edge(f"run:{self.run}", "produced", self.subject())


@event("logged-model-changed", erasable=("tags", "untagged", "params"))
class LoggedModelChanged(OfLoggedModel, frozen=True, kw_only=True):
    """What is None or empty is as it was. `status` is `pending`, `ready` or `failed`."""

    status: str = ""
    lifecycle: str = ""
    tags: dict[str, str] | None = None
    untagged: list[str] | None = None
    params: dict[str, str] | None = None


@event("logged-model-measured", erasable=("metrics",))
class LoggedModelMeasured(OfLoggedModel, frozen=True, kw_only=True):
    """A run logged figures that are a model's; the run's own points hold them too."""

    run: RunId
    metrics: list[ModelMetric] | None


@event("logged-model-file-put", erasable=("path",))
class LoggedModelFilePut(OfLoggedModel, frozen=True, kw_only=True):
    """A file of a logged model has these bytes from now on."""

    path: str | None
    digest: Digest
    size_bytes: int

    def objects(self) -> Iterable[Digest]:
        """The bytes."""
        return (self.digest,)


@event("logged-model-file-removed", erasable=("path",))
class LoggedModelFileRemoved(OfLoggedModel, frozen=True, kw_only=True):
    """A file of a logged model, or all under a folder, are no longer listed."""

    path: str | None


@event("times-told")
class TimesTold(Event, frozen=True, kw_only=True):
    """When an `experiment` or a `logged-model` was made and changed where it comes from."""

    thing: str
    id: str
    created_ms: int
    changed_ms: int

    def subject(self) -> str:
        """The experiment or the logged model."""
        return f"{self.thing}:{self.id}"


@event("store-brought", erasable=("source",))
class StoreBrought(Event, frozen=True, kw_only=True):
    """Another tool's store was brought over and held against it. `store` is a digest of its address."""

    store: str
    source: str | None
    report: Digest
    is_whole: bool

    def subject(self) -> str:
        """The store."""
        return f"store:{self.store}"

    def objects(self) -> Iterable[Digest]:
        """The report."""
        return (self.report,)
