"""What the report shows, as plain data: the page is a function of `ReportData` and of nothing else."""

from datetime import datetime

import msgspec

from ropeway.monitoring.records import Alert, DeploymentHealth, WindowLine
from ropeway.stats.drift.report import ColumnDrift
from ropeway.stats.drift.tokens import TellingToken


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A version went live: when, by whom or by which rule, and why.

    Attributes:
        replaced: what was live before; empty where nothing was.
        rule: which rule decided it; empty for a person.
        rollout: in which it proved itself; empty where there was none.
        approval: who or which rule answers for it, in words.
        says: on which evidence, or the note.
    """

    seq: int
    at: datetime
    model: str
    environment: str
    ref: str
    replaced: str = ""
    by: str = ""
    rule: str = ""
    rollout: str = ""
    approval: str = ""
    says: str = ""


class StripRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far one column lay from its reference, window by window; None where nobody could say."""

    column: str
    effects: list[float | None]
    drifted: list[bool]


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """Drift over time: judged windows, oldest first, each with the version that answered in it."""

    starts: list[datetime]
    ends: list[datetime]
    refs: list[str]
    rows: list[StripRow]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The latest judged window beside its reference: the columns that moved furthest, and telling tokens."""

    ref: str
    start: datetime
    end: datetime
    reference_rows: int
    current_rows: int
    columns: list[ColumnDrift]
    tokens: dict[str, list[TellingToken]] = {}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A model in an environment.

    Attributes:
        live: the release by which the live version is live; None while nothing is.
        deployments: the versions that have a role there now, the live one first.
        windows: of all versions, oldest first; at most the latest `MOST_WINDOWS` of each.
        releases: oldest first.
    """

    model: str
    environment: str
    live: Release | None
    deployments: list[DeploymentHealth]
    windows: list[WindowLine]
    releases: list[Release]
    strip: Strip | None = None
    compared: Compared | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a rollout's test stood after so many entities."""

    at: datetime
    entities: int
    estimate: float
    low: float
    high: float
    e_gain: float
    e_harm: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a rollout that was taken, and by how many entities it had been heard of when it began."""

    name: str
    at: datetime
    entities: int
    by: str = ""
    says: str = ""


class RolloutStory(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout: what it was to prove, how the test moved, and how it ended.

    Attributes:
        state: running, held or ended; `outcome` says how it ended, `says` why, or why it is held.
        planned: the names of all its steps, whether taken or not.
        steps: those that were taken.
        looks: the path of the test, at most 200.
        gain: what it saves per entity in `unit`, with the interval: the last look's figures.
    """

    id: str
    model: str
    environment: str
    ref: str
    champion: str
    state: str
    outcome: str
    says: str
    started_at: datetime
    started_by: str
    rule: str
    note: str
    retraining: str
    planned: list[str]
    steps: list[Step]
    looks: list[Look]
    entities: int
    gain: float | None
    low: float | None
    high: float | None
    unit: str
    scale: float
    min_gain: float
    min_entities: int
    alpha: float
    harm_alpha: float
    alpha_spent: float
    year: int
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_rule: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one rollout took of a year's budget."""

    rollout: str
    ref: str
    alpha: float
    outcome: str


class AlphaBudget(msgspec.Struct, frozen=True, kw_only=True):
    """A model's chance of a wrong promotion for a year, and what its rollouts took of it."""

    model: str
    year: int
    alpha: float
    taken: list[Share]

    @property
    def spent(self) -> float:
        """What is gone."""
        return sum(share.alpha for share in self.taken)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a retraining that was done, in words."""

    name: str
    at: datetime
    says: str
    is_refusal: bool = False


class RetrainingStory(msgspec.Struct, frozen=True, kw_only=True):
    """A retraining from what triggered it to how it ended; `outcome` is empty while it goes on."""

    id: str
    model: str
    environment: str
    trigger: str
    says: str
    at: datetime
    by: str
    stages: list[Stage]
    outcome: str = ""
    ended_at: datetime | None = None
    ended_says: str = ""
    version: str = ""
    rollout: str = ""


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page. Times are in UTC.

    Attributes:
        min_effect: from which distance on a column that moved is called drifted.
        window: how long a window is, as the project file says it.
        paused: policies that wait for a person, with their reason.
    """

    at: datetime
    project: str
    metric: str
    higher_is_better: bool
    bar: float | None
    min_effect: float
    window: str
    places: list[Place]
    rollouts: list[RolloutStory]
    budgets: list[AlphaBudget]
    alerts: list[Alert]
    retrainings: list[RetrainingStory]
    paused: list[str] = []
