"""What monitoring tells: windows, performance, alerts, the health of each deployment. Results of operations.

A deployment is one version in one environment. No polars here: these are read by every face.
"""

from datetime import datetime
from typing import Literal

import msgspec

from ropeway.core.ids import Digest
from ropeway.workspace.tables.monitor import Watched

Problem = Literal["missing", "null", "mistyped", "unseen", "contract", "skewed"]
"""What can be wrong with a column of requests.

missing: the field did not come. null: it did, empty, where training knew none. mistyped: of another type.
unseen: a category that training never saw. contract: outside what the dataset's contract says. skewed: other
than in the training row of the same key.
"""
Severity = Literal["warn", "page"]
Role = Literal["live", "arm", "shadow", "former"]
"""How a version stands in an environment now. former: it answered there, and does no more."""
State = Literal["well", "alert", "silent", "unjudged", "former"]
"""well: judged, nothing open. alert: alerts are open. silent: the last whole window had no rows.
unjudged: no window has been judged yet. former: it does not answer there any more."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One problem of one column in a window: how many rows have it, and a sentence with examples."""

    column: str
    problem: Problem
    rows: int
    says: str = ""


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers of one or more windows were, by the truth that is known so far.

    Bounds are each one-sided at the charter's confidence. `value`, `low` and `high` are None without labels,
    or where the metric is not defined on them; `estimated` is what the model's own confidence lets expect.

    Attributes:
        rows: answers given, failures not among them.
        labelled: those of which the truth is known.
        cost: per answer, by the charter's matrix; for numbers the absolute or squared error.
        windows: how many windows were merged to tell this.
    """

    start: datetime
    end: datetime
    rows: int
    labelled: int
    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    estimated: float | None = None
    estimated_low: float | None = None
    estimated_high: float | None = None
    windows: int = 1
    measured_at: datetime | None = None

    @property
    def coverage(self) -> float:
        """The share of answers of which the truth is known."""
        return self.labelled / self.rows if self.rows else 0.0


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a version's performance is held against: its figure at the gate, and the charter's bar."""

    metric: str
    higher_is_better: bool
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float | None = None


class WindowLine(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one deployment.

    Attributes:
        ref: the version, as `name@number`.
        rows: answers and failures.
        judged: whether there were enough rows, and a reference, to look for drift.
        drifted: the columns that drifted, the one that moved furthest first.
        effect: the largest Jensen-Shannon distance (base 2) of any column; None when not judged.
        quality: rows by problem, those of the worst column each.
        faulty: the share of rows that the worst problem of the worst column touches.
        faulty_columns: those with a problem, the worst first.
        profile, drift, findings: objects; `monitoring.window` reads them.
        labels: a digest of which answers had which truth when performance was measured.
        says: what was found, in a sentence.
    """

    ref: str
    name: str
    number: int
    environment: str
    start: datetime
    end: datetime
    rows: int
    errors: int
    latency_p50_us: int
    latency_p99_us: int
    judged: bool
    drifted: list[str]
    effect: float | None
    quality: dict[str, int]
    faulty: float
    faulty_columns: list[str]
    profile: Digest
    drift: Digest | None
    findings: Digest | None
    observed_at: datetime
    performance: Performance | None = None
    labels: Digest | None = None
    says: str = ""

    @property
    def error_rate(self) -> float:
        """The share of requests that the version failed on."""
        return self.errors / self.rows if self.rows else 0.0


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody should look at. One is open at a time for each rule, version and environment.

    Attributes:
        rule: the name under [alerts], or of a rule that holds without any.
        when: what the rule is about.
        model: the version, as `name@number`.
        start, end: the window, or windows, in which it was found.
        figure, limit: what was found, and what the rule allows.
        columns: those concerned, the worst first.
        next_step: a command.
        resolution: why it is over; empty while it is open.
    """

    id: str
    rule: str
    when: Watched
    severity: Severity
    model: str
    environment: str
    start: datetime
    end: datetime
    figure: float
    limit: float
    says: str
    next_step: str
    raised_at: datetime
    resolved_at: datetime | None = None
    resolution: str = ""
    columns: list[str] = []
    seq: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_at is None


class DeploymentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one version does in one environment now.

    Attributes:
        share: of the traffic, while it has a role there.
        is_mirrored: it is asked beside the live version too, for requests that it does not answer.
        window: the latest observed.
        judged: the latest that was judged for drift.
        performance: by the truth that is known, of the latest windows that together have enough labels.
        alerts: those that are open, pages first.
    """

    ref: str
    name: str
    number: int
    environment: str
    role: Role
    share: float
    state: State
    says: str
    next_step: str = ""
    windows: int = 0
    rows: int = 0
    window: WindowLine | None = None
    judged: WindowLine | None = None
    performance: Performance | None = None
    baseline: Baseline | None = None
    alerts: list[Alert] = []
    is_mirrored: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that has not succeeded yet, and when it is tried again."""

    alert: str
    state: Literal["raised", "resolved"]
    sink: str
    tries: int
    error: str
    says: str
    tried_at: datetime
    next_at: datetime

    @property
    def line(self) -> str:
        """Whom it does not reach and why, by the error's code, and when that is tried again."""
        tries = f"{self.tries:,} {'try' if self.tries == 1 else 'tries'}"
        # The sink stands before it already.
        why = self.says.partition(": ")[2] if self.error == "secret-missing" else self.says
        return f"{self.sink}: [{self.error}] {why} ({tries}, again at {self.next_at:%Y-%m-%d %H:%M} UTC)"


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at production did.

    Attributes:
        notes: what stood in the way, in sentences.
        errors: the parts that could not be done, each with the error.
    """

    at: datetime
    sealed: int
    windows: list[WindowLine]
    measured: int
    raised: list[Alert]
    resolved: list[Alert]
    delivered: int = 0
    undelivered: list[Attempt] = []
    notes: list[str] = []
    errors: list[str] = []


class SkewedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column whose values in serving are other than in the training rows of the same keys."""

    column: str
    rows: int
    share: float
    examples: list[str] = []


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """Training values beside serving values of the same rows. `compared`: rows found on both sides."""

    ref: str
    dataset: str
    key: str
    compared: int
    columns: list[SkewedColumn]
