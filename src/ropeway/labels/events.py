"""What happens to labels, as released facts."""

from collections.abc import Iterable

from ropeway.core.ids import DatasetName, Digest
from ropeway.ledger import Edge, Event, event


@event("guide-published")
class GuidePublished(Event, frozen=True, kw_only=True):
    """A version of a guide came into force."""

    name: str
    version: Digest

    def subject(self) -> str:
        """The guide's version."""
        return f"guide:{self.name}@{self.version}"

    def objects(self) -> Iterable[Digest]:
        """The guide's text."""
        return (self.version,)


@event("ratings-imported")
class RatingsImported(Event, frozen=True, kw_only=True):
    """Ratings of a dataset's items were taken in."""

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
    most: int
    raters: int | None
    settings: Digest | None = None
    """The settings that the import depends on, as a digest."""

    def subject(self) -> str:
        """The ratings."""
        return f"ratings:{self.labels}@{self.ratings}"

    def edges(self) -> Iterable[Edge]:
        """From the rated data and from the guide."""
        yield Edge(f"dataset:{self.dataset}@{self.dataset_version}", "rated", self.subject())
        yield Edge(f"guide:{self.guide}@{self.guide_version}", "guided", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The ratings, what was rated, and the guide."""
        return (self.ratings, self.dataset_version, self.guide_version)


@event("agreement-measured")
class AgreementMeasured(Event, frozen=True, kw_only=True):
    """How far the raters agree was measured."""

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

    def subject(self) -> str:
        """The ratings."""
        return f"ratings:{self.labels}@{self.ratings}"


@event("label-adjudicated", erasable=("reason",))
class LabelAdjudicated(Event, frozen=True, kw_only=True):
    """A person decided an item's label."""

    labels: str
    ratings: Digest
    item: str
    label: str
    reason: str | None

    def subject(self) -> str:
        """The ratings that were decided over."""
        return f"ratings:{self.labels}@{self.ratings}"


@event("labels-snapshotted")
class LabelsSnapshotted(Event, frozen=True, kw_only=True):
    """The labels, as ratings and adjudications gave them then, became a dataset version."""

    labels: str
    ratings: Digest
    dataset: DatasetName
    version: Digest
    classes: dict[str, int]
    adjudicated: int
    left_out: int
    disputed: int

    def subject(self) -> str:
        """The labelled dataset version."""
        return f"dataset:{self.dataset}@{self.version}"

    def edges(self) -> Iterable[Edge]:
        """From the ratings."""
        yield Edge(f"ratings:{self.labels}@{self.ratings}", "labelled", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The ratings and the labelled rows."""
        return (self.ratings, self.version)
