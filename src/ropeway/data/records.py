"""What the data room knows of a dataset version, as small records: results of operations, parts of events.

No polars here: these are read by every command that lists or shows.
"""

from datetime import datetime
from typing import Literal

import msgspec

from ropeway.core.hashing import short
from ropeway.core.ids import DatasetName, Digest

REFERRED = "referred"
"""The format of a version whose bytes are elsewhere: its object is a pin."""
FOLDER = "folder"
"""The format of a version whose rows are files: its object is a tree."""
MANY_OBJECTS = (REFERRED, FOLDER)
"""Formats of which the object's own length says nothing."""

Severity = Literal["warn", "error"]
Rule = Literal["rows", "missing", "unexpected", "type", "nulls", "range", "categories", "unique"]


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a version breaks: where, what was expected, what came."""

    column: str | None
    rule: Rule
    expected: str
    got: str
    rows: list[int] = []
    """The numbers of the first offending rows; the first row of data is 1."""
    count: int = 0
    """How many rows offend; 0 where the column as a whole does."""

    @property
    def sentence(self) -> str:
        """The violation as one line for people."""
        place = f"column '{self.column}': " if self.column else ""
        line = f"{place}expected {self.expected}, got {self.got}"
        if not self.rows:
            return line
        named = ", ".join(f"{row:,}" for row in self.rows)
        more = f" and {self.count - len(self.rows):,} more" if self.count > len(self.rows) else ""
        return f"{line} ({'row' if self.count == 1 else 'rows'} {named}{more})"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    name: str
    severity: Severity
    offending: int
    about: str = ""
    """The first line of the function's docstring."""
    examples: list[str] = []
    """The keys of the first offending rows, where the rows have a key."""

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.offending == 0


class TopValue(msgspec.Struct, frozen=True, kw_only=True):
    """A frequent value and how often it came."""

    value: str
    count: int


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column: `min`, `max` and `mean` are of numbers, of text lengths, or of a list's items."""

    name: str
    kind: str
    nulls: int
    distinct: int | None
    of: str
    """What the figures describe: values, characters, items; empty where there are none."""
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    bins: list[int] = []
    """Counts of equally wide ranges from min to max."""
    top: list[TopValue] = []
    """The most frequent values, where any came more than once."""
    lengths: str = ""
    """For a list column: how many items the rows hold, in words."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a version looks like."""

    rows: int
    columns: list[ColumnProfile]


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a dataset, as it arrived and as it was last checked."""

    name: DatasetName
    version: Digest
    """The digest of the stored object."""
    ordinal: int
    """Its place among the dataset's versions, from 1."""
    rows: int
    columns: dict[str, str]
    """Each column's kind; with `format` they say how the object is read."""
    format: str
    size_bytes: int
    label_columns: list[str]
    """Columns that hold labels or what they were made of: never shown to a model."""
    contract: Digest
    profile: Digest
    contract_ok: bool
    broken: int
    """How many rules of the contract it breaks."""
    violations: list[Violation]
    """Empty once erased, even where `broken` is not 0."""
    checks: list[CheckResult]
    source: str | None
    bringer: str | None
    arrived_at: datetime
    by: str | None
    """Who recorded it; None once erased."""
    contract_edited: bool = False
    """Whether the contract's file says something else by now than when this version was held against it."""

    @property
    def reference(self) -> str:
        """How lineage names it."""
        return f"dataset:{self.name}@{self.version}"

    @property
    def shown(self) -> str:
        """How people name it: `tweets@v2`."""
        return f"{self.name}@v{self.ordinal}"

    @property
    def is_kept(self) -> bool:
        """Whether its bytes are in the store; else it only says where they are, and cannot be restored."""
        return self.format != REFERRED

    @property
    def failed_checks(self) -> list[str]:
        """The checks of severity `error` that found something."""
        return [found.name for found in self.checks if found.severity == "error" and not found.passed]

    @property
    def is_trainable(self) -> bool:
        """Whether its contract and the project's own checks allow training with it."""
        return self.contract_ok and not self.contract_edited and not self.failed_checks

    def __str__(self) -> str:
        return f"{self.shown} ({short(self.version)})"


class DatasetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a list: its latest version and how many there are."""

    versions: int
    latest: DatasetVersion


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What came of bringing data: the version, and whether it is a new one."""

    version: DatasetVersion
    is_new: bool
    contract_file: str
    contract_inferred: bool
    remarks: list[str] = []
    """What a person should know before training, though no rule is broken."""


class LastPull(msgspec.Struct, frozen=True, kw_only=True):
    """The latest pull from a source that brought something."""

    source: str
    dataset: DatasetName
    version: Digest
    rows: int
    state: Digest
    at: datetime


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a pull.

    Attributes:
        version: the dataset's version after it; None where there is none yet, or of a dry run.
        is_new: whether a version was added, or would be.
        rows: how many rows came from the source.
        total: how many rows the version has, or would have.
        says: what was found, in words.
        violations: of a dry run, what of the contract the version would break.
        error: why there is no answer, where several sources were asked.
    """

    source: str
    dataset: str
    version: DatasetVersion | None = None
    is_new: bool = False
    is_dry: bool = False
    rows: int = 0
    total: int = 0
    says: str = ""
    violations: list[Violation] = []
    remarks: list[str] = []
    error: str = ""


class SplitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a dataset's rows fall into parts. All but `near_duplicates` are fixed by the first assignment."""

    key: str
    salt: str
    train: float
    tune: float
    test: float
    group: str | None
    near_duplicates: list[str]


class SplitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one dataset version's rows, on record."""

    dataset: DatasetName
    version: Digest
    digest: Digest
    """The object with every key that ever had a part."""
    settings: SplitSettings
    rows: int
    parts: dict[str, int]
    """How many of the version's rows are in each part."""
    clusters: int
    followed: int
    bridged: int
    assigned_at: datetime
