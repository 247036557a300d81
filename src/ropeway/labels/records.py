"""What the labels room knows, as small records: results of operations. No polars here."""

from datetime import datetime

import msgspec

from ropeway.core.ids import DatasetName, Digest
from ropeway.data.records import DatasetVersion


class RatingsVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Ratings as imported: of which data, under which guide, by how many."""

    labels: str
    ratings: Digest
    dataset: DatasetName
    dataset_version: Digest
    guide: str
    guide_version: Digest
    items: int
    unrated: int
    count: int
    fewest: int
    """The fewest ratings that a rated item has."""
    most: int
    raters: int | None
    """How many different raters there are; None where the data does not name them."""
    imported_at: datetime
    by: str | None
    settings: Digest | None = None
    """The settings that it was imported with, as a digest."""

    @property
    def reference(self) -> str:
        """How lineage names it."""
        return f"ratings:{self.labels}@{self.ratings}"

    @property
    def who(self) -> str:
        """The raters in words; never more than is known of them."""
        if self.raters is not None:
            return f"{self.raters:,} {'rater' if self.raters == 1 else 'raters'}"
        if self.fewest == self.most:
            return f"{self.most:,} anonymous raters an item"
        return f"{self.fewest:,} to {self.most:,} anonymous raters an item"


class MeasuredAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Krippendorff's alpha of some ratings, with its two-sided interval."""

    labels: str
    ratings: Digest
    level: str
    alpha: float | None
    low: float | None
    high: float | None
    confidence: float
    resamples: int
    seed: int
    units: int
    count: int
    undefined: str
    """Why there is no alpha; empty where there is one."""
    measured_at: datetime


class Adjudication(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision on one item; `seq` is the number of its event."""

    seq: int
    labels: str
    item: str
    label: str
    reason: str | None
    by: str | None
    at: datetime


class ItemLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What the ratings of one item say."""

    item: str
    label: str | None
    """The label that the ratings give; None without ratings, and on a tie of a majority."""
    count: int
    mean: float | None
    share: float
    """The share of the most common label among the ratings."""
    is_tie: bool
    distribution: dict[str, int]
    """How many ratings speak for each label, the most common first."""
    shown: dict[str, str] = {}
    """The item's kept columns, for a person to decide by."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The items that a person should decide, the most disputed first."""

    labels: str
    below: float
    waiting: int
    decided: int
    """How many items were adjudicated so far."""
    choices: list[str]
    items: list[ItemLabel]


class LabelSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled dataset version, and what it was made of."""

    labels: str
    ratings: Digest
    version: DatasetVersion
    is_new: bool
    classes: dict[str, int]
    adjudicated: int
    left_out: int
    """Items without a label: not rated, or tied and not decided."""
    disputed: int
    """Items in the snapshot that still wait in the queue."""


class RatingsBehind(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings behind one label of a labelled dataset version."""

    labels: str
    item: str
    ratings: Digest
    guide: str
    guide_version: Digest
    label: str | None
    """As the snapshot has it: an adjudication stands over the ratings."""
    count: int
    values: dict[str, int]
    """How often each value was given, the smallest first."""
    distribution: dict[str, int]
    mean: float | None
    share: float
    who: str
    """The raters in words: "95 anonymous raters"."""
    adjudication: Adjudication | None
