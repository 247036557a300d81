"""What monitoring puts on record, as released facts. A window is one event, however many answers it holds."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ropeway.core.ids import Digest, ModelName
from ropeway.ledger import Edge, Event, event


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of one column: how many rows of the window have it. Values stand in `findings` alone."""

    column: str
    problem: str
    rows: int


class OfDeployment(Event, frozen=True, kw_only=True):
    """What all events about one version in one environment share."""

    name: ModelName
    number: int
    environment: str

    @property
    def ref(self) -> str:
        """The version, as `name@number`."""
        return f"{self.name}@{self.number}"

    def subject(self) -> str:
        """The version."""
        return f"model:{self.ref}"


@event("window-observed")
class WindowObserved(OfDeployment, frozen=True, kw_only=True):
    """A window of production was over, and was held against what the version learnt from.

    `drift` is None where the window was not judged, for want of rows or of a reference. `drifted` names the
    columns that moved, the furthest first; `effect` is the largest Jensen-Shannon distance of any column.
    """

    start: datetime
    end: datetime
    rows: int
    errors: int
    latency_p50_us: int
    latency_p99_us: int
    profile: Digest
    drift: Digest | None
    drifted: list[str]
    effect: float | None
    faults: list[Faults]
    findings: Digest | None

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("a window ends after it begins")

    def objects(self) -> Iterable[Digest]:
        """The profile, the report on drift, the findings with examples."""
        return [each for each in (self.profile, self.drift, self.findings) if each is not None]


class OfPerformance(OfDeployment, frozen=True, kw_only=True):
    """How good answers were, by the truth known then.

    `labels` is a digest of which answers had which truth, so that the same labels are not measured twice.
    """

    start: datetime
    end: datetime
    rows: int
    labelled: int
    labels: Digest
    metric: str
    value: float | None
    low: float | None
    high: float | None
    cost: float | None
    cost_low: float | None
    cost_high: float | None
    estimated: float | None
    estimated_low: float | None
    estimated_high: float | None


@event("performance-measured")
class PerformanceMeasured(OfPerformance, frozen=True, kw_only=True):
    """How good the answers of a window were. A later one of the same window takes its place."""


@event("recent-performance-measured")
class RecentPerformanceMeasured(OfPerformance, frozen=True, kw_only=True):
    """How good the answers of the latest windows were together: as many as have enough labels.

    This is what a version's degradation is judged by. A later one takes its place.
    """

    windows: int


@event("estimate-calibrated")
class EstimateCalibrated(Event, frozen=True, kw_only=True):
    """How far a version's confidence may be believed was learnt from the rows that it was tuned on."""

    name: ModelName
    number: int
    calibration: Digest
    rows: int

    def subject(self) -> str:
        """The version."""
        return f"model:{self.name}@{self.number}"

    def objects(self) -> Iterable[Digest]:
        """What was learnt."""
        return (self.calibration,)


@event("alert-raised")
class AlertRaised(OfDeployment, frozen=True, kw_only=True):
    """A rule of the project found something that somebody should look at. `sinks` are to be told."""

    id: str
    rule: str
    when: str
    severity: str
    start: datetime
    end: datetime
    figure: float
    limit: float
    columns: list[str]
    says: str
    next_step: str
    sinks: list[str]

    def edges(self) -> Iterable[Edge]:
        """The version gave cause for it."""
        yield Edge(self.subject(), "gave-cause-for", f"alert:{self.id}")


@event("alert-resolved")
class AlertResolved(OfDeployment, frozen=True, kw_only=True):
    """It is over, and `says` why."""

    id: str
    says: str
    sinks: list[str]


@event("alert-delivered")
class AlertDelivered(Event, frozen=True, kw_only=True):
    """A sink took the message that an alert was raised, or resolved (`state`), after so many tries."""

    id: str
    state: str
    sink: str
    tries: int

    def subject(self) -> str:
        """The alert."""
        return f"alert:{self.id}"
