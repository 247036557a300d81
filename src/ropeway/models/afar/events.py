"""The facts that clients tell of models. Released shapes never change."""

from collections.abc import Iterable

from ropeway.core.ids import Digest, ModelName, RunId
from ropeway.ledger import Edge, Event, event
from ropeway.models.events import OfVersion


class OfEntry(Event, frozen=True, kw_only=True):
    """What the events about one registered name share. `name` is its identity, which stays."""

    name: ModelName

    def subject(self) -> str:
        """The model."""
        return f"model:{self.name}"


@event("model-entry-created", erasable=("shown", "description", "tags"))
class ModelEntryCreated(OfEntry, frozen=True, kw_only=True):
    """A name was registered, without any version yet. `shown` is what its clients call it."""

    shown: str | None
    description: str | None
    tags: dict[str, str] | None


@event("model-entry-changed", erasable=("shown", "description", "tags", "untagged"))
class ModelEntryChanged(OfEntry, frozen=True, kw_only=True):
    """What is None or empty is as it was. `lifecycle` is `active` or `deleted`."""

    shown: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    untagged: list[str] | None = None
    lifecycle: str = ""


@event("foreign-model-registered", erasable=("origin", "description", "tags", "run_link"))
class ForeignModelRegistered(OfVersion, frozen=True, kw_only=True):
    """Files that another tool packaged became a version.

    Attributes:
        origin: where its client says it comes from: text that nothing here opens.
        files: the tree of its files, where they are here.
        run: the run that made it, where its client says so and it is here.
        told_run: the run's id in its client's words.
        logged_model: likewise the logged model.
        is_pickled: whether some of the files can only be loaded by running what is in them.
    """

    origin: str | None
    files: Digest | None
    run: RunId | None
    told_run: str
    logged_model: str
    is_pickled: bool
    description: str | None
    tags: dict[str, str] | None
    run_link: str | None

    def edges(self) -> Iterable[Edge]:
        """The run and the logged model that it comes from."""
        if self.run is not None:
            yield Edge(f"run:{self.run}", "produced", self.subject())
        if self.logged_model:
            yield Edge(f"logged-model:{self.logged_model}", "is-packaged-in", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The files."""
        return () if self.files is None else (self.files,)


@event("foreign-model-adopted")
class ForeignModelAdopted(OfVersion, frozen=True, kw_only=True):
    """A foreign version was translated into a package that the gate can judge and that can be served.

    Attributes:
        package: the translation beside the version's own files.
        content: what it computes, as an identity.
        source: the digest of its own files, under which they are approved where loading runs them.
        dataset: the rows that it is judged on, `name@digest`.
        flavor: which of its flavors is loaded.
        runs_code: whether loading it runs what is in it.
    """

    package: Digest
    content: Digest
    source: Digest
    dataset: str
    flavor: str
    runs_code: bool

    def objects(self) -> Iterable[Digest]:
        """The package."""
        return (self.package,)


@event("model-version-changed", erasable=("description", "tags", "untagged"))
class ModelVersionChanged(OfVersion, frozen=True, kw_only=True):
    """What is None or empty is as it was. `stage` is a word of the client's, not a state."""

    description: str | None = None
    tags: dict[str, str] | None = None
    untagged: list[str] | None = None
    stage: str = ""


@event("model-version-removed")
class ModelVersionRemoved(OfVersion, frozen=True, kw_only=True):
    """A version is no longer listed for clients; its number is not given again."""


@event("model-alias-set")
class ModelAliasSet(OfEntry, frozen=True, kw_only=True):
    """An alias that is no environment points to a version from now on; None: it is gone."""

    alias: str
    number: int | None


@event("model-times-told")
class ModelTimesTold(OfEntry, frozen=True, kw_only=True):
    """When a registered name, or with a number a version of it, was made and changed where it comes from."""

    number: int | None
    created_ms: int
    changed_ms: int
