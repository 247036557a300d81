"""What happens to data, as released facts."""

from collections.abc import Iterable

from ropeway.core.ids import DatasetName, Digest
from ropeway.data.records import CheckResult, SplitSettings, Violation
from ropeway.ledger import Edge, Event, event


@event("dataset-arrived", erasable=("source", "bringer", "violations", "examples"))
class DatasetArrived(Event, frozen=True, kw_only=True):
    """A new version of a dataset was brought."""

    name: DatasetName
    version: Digest
    ordinal: int
    format: str
    rows: int
    size_bytes: int
    columns: list[tuple[str, str]]
    """Names and kinds in the file's own order, which canonical JSON would sort."""
    label_columns: list[str]
    contract: Digest
    profile: Digest
    broken: int
    checks: list[CheckResult]
    source: str | None
    bringer: str | None
    violations: list[Violation] | None
    examples: dict[str, list[str]] | None
    """The keys that checks found, by check: kept apart, for a key may name a person."""

    def subject(self) -> str:
        """The version."""
        return f"dataset:{self.name}@{self.version}"

    def edges(self) -> Iterable[Edge]:
        """The contract that it was held against."""
        yield Edge(f"contract:{self.name}@{self.contract}", "checked", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The rows, their contract and their profile."""
        return (self.version, self.contract, self.profile)


@event("source-pulled")
class SourcePulled(Event, frozen=True, kw_only=True):
    """Something new was fetched from a source of the project file."""

    source: str
    kind: str
    mode: str
    dataset: DatasetName
    version: Digest
    rows: int
    """How many rows came; the version may have more, from before."""
    state: Digest
    """How far the source has been read: its cursor, its etag, or its objects."""
    previous: Digest | None

    def subject(self) -> str:
        """The version."""
        return f"dataset:{self.dataset}@{self.version}"

    def objects(self) -> Iterable[Digest]:
        """The rows, and how far the source has been read."""
        return (self.version, self.state)


@event("contract-checked", erasable=("violations", "examples"))
class ContractChecked(Event, frozen=True, kw_only=True):
    """A version was held against its contract and checks again, as they then stood."""

    name: DatasetName
    version: Digest
    contract: Digest
    columns: list[tuple[str, str]]
    broken: int
    checks: list[CheckResult]
    violations: list[Violation] | None
    examples: dict[str, list[str]] | None

    def subject(self) -> str:
        """The version."""
        return f"dataset:{self.name}@{self.version}"

    def edges(self) -> Iterable[Edge]:
        """The contract that it was held against."""
        yield Edge(f"contract:{self.name}@{self.contract}", "checked", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The rows and the contract."""
        return (self.version, self.contract)


@event("split-assigned")
class SplitAssigned(Event, frozen=True, kw_only=True):
    """The rows of a version were given their parts; known keys kept theirs."""

    dataset: DatasetName
    version: Digest
    record: Digest
    previous: Digest | None
    settings: SplitSettings
    rows: int
    parts: dict[str, int]
    clusters: int
    followed: int
    bridged: int

    def subject(self) -> str:
        """The version."""
        return f"dataset:{self.dataset}@{self.version}"

    def objects(self) -> Iterable[Digest]:
        """The rows and their parts."""
        return (self.version, self.record)
