"""What happens to rollouts, as released facts.

A rollout's evidence is an object in the store (`evidence.Evidence`), named by its digest: the events carry
only what a table shows.
"""

from collections.abc import Iterable

import msgspec

from ropeway.core.ids import Digest, ModelName
from ropeway.ledger import Edge, Event, event

SHADOW = 0.0
"""The share of a step in which the candidate is asked, and never answers."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The guards as they were when the rollout began."""

    latency_ratio: float
    error_rate: float
    coverage_gap: float


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """By what a rollout is decided: settled when it begins, and not to be changed while it runs.

    Attributes:
        min_entities: how many entities each step must hear the truth about.
        settle: how long an entity is listened to after its first truth, in seconds.
        deadline: after how many seconds at one step it is undecided.
        mirror: every row is put to both versions.
        alpha: the chance of a wrong promotion that this rollout may take.
        harm_alpha: the chance of a wrong return for harm.
        min_gain: what must be saved per entity, in the unit of the costs.
        scale: the highest cost of one answer; costs lie between 0 and this.
        unit: what a cost is, in words.
        cap: where an absolute error is cut off; None where classes are predicted.
        cost: the charter's matrix, `cost[truth][answer]`; empty means 1 for each mistake.
        undecided: what becomes of it at the deadline, `hold` or `roll-back`.
        guards: what stops it whatever its costs are.
    """

    min_entities: int
    settle: float
    deadline: float
    mirror: bool
    alpha: float
    harm_alpha: float
    min_gain: float
    scale: float
    unit: str
    cap: float | None
    cost: dict[str, dict[str, float]]
    undecided: str
    guards: Limits


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation found, in figures. The gain is what the candidate saves per entity.

    Attributes:
        verdict: gain, harm, futile, continue or undecided.
        says: the verdict in one sentence.
        entities: how many the test has heard the truth about.
        in_step: how many of this step's own.
        estimate, low, high: the gain with its interval, which holds at all times at once.
        log_e_gain, log_e_harm: natural logarithms of the evidence for each; proven over `-log(alpha)`.
        answers_live, answers_candidate: answered rows of each since this step began.
        coverage_live, coverage_candidate: which share of them has its truth; None without rows.
        error_rate_live, error_rate_candidate: which share of requests each failed on, since the beginning;
            without mirroring, since this step began.
        p99_live_us, p99_candidate_us: latencies since this step began; None without rows.
    """

    verdict: str
    says: str
    entities: int
    in_step: int
    estimate: float
    low: float
    high: float
    log_e_gain: float
    log_e_harm: float
    answers_live: int
    answers_candidate: int
    coverage_live: float | None
    coverage_candidate: float | None
    error_rate_live: float | None
    error_rate_candidate: float | None
    p99_live_us: float | None
    p99_candidate_us: float | None


class OfRollout(Event, frozen=True, kw_only=True):
    """What all events about one rollout share: its id, and the version that wants to be live."""

    rollout: str
    name: ModelName
    number: int
    environment: str

    def subject(self) -> str:
        """The rollout."""
        return f"rollout:{self.rollout}"


@event("rollout-started", erasable=("note",))
class RolloutStarted(OfRollout, frozen=True, kw_only=True):
    """A version begins to prove itself beside the live one.

    `steps` are shares of traffic, 0 for shadow. `alpha_spent` is taken from the model's budget of `year`, of
    which `budget_left` is left. `rule` says which rule released it, empty for a person; `retraining`, which
    retraining made it.
    """

    champion: int
    steps: list[float]
    terms: Terms
    alpha_spent: float
    year: int
    budget_left: float
    salt: str
    retraining: str
    rule: str
    note: str | None

    def edges(self) -> Iterable[Edge]:
        """It compares the candidate with the live version."""
        yield Edge(f"model:{self.name}@{self.champion}", "compared-in", self.subject())
        yield Edge(self.subject(), "tried", f"model:{self.name}@{self.number}")
        if self.retraining:
            yield Edge(f"retraining:{self.retraining}", "released-by", self.subject())


@event("rollout-evaluated")
class RolloutEvaluated(OfRollout, frozen=True, kw_only=True):
    """What production has said so far. `evidence` is the object with every figure and the test's path."""

    step: int
    summary: Summary
    evidence: Digest

    def objects(self) -> Iterable[Digest]:
        """The evidence."""
        return (self.evidence,)


@event("rollout-advanced", erasable=("note",))
class RolloutAdvanced(OfRollout, frozen=True, kw_only=True):
    """It goes on to a further step. `rule` is empty where a person says so."""

    step: int
    share: float
    rule: str
    says: str
    note: str | None


@event("rollout-held", erasable=("note",))
class RolloutHeld(OfRollout, frozen=True, kw_only=True):
    """It stays at its step and waits for a person; harm and broken guards still end it."""

    reason: str
    rule: str
    says: str
    note: str | None


@event("rollout-resumed", erasable=("note",))
class RolloutResumed(OfRollout, frozen=True, kw_only=True):
    """A person lets it go on; the step's deadline begins anew."""

    note: str | None


@event("rollout-ended", erasable=("note",))
class RolloutEnded(OfRollout, frozen=True, kw_only=True):
    """It is over.

    `outcome`: promoted, rolled-back, futile, undecided, superseded, withdrawn or ended (by a person).
    `rule`: what decided it; empty for a person. `evidence`: on what; None where nothing was evaluated.
    """

    outcome: str
    rule: str
    says: str
    evidence: Digest | None
    note: str | None

    def edges(self) -> Iterable[Edge]:
        """Where it was promoted, it is how the version went live."""
        if self.outcome == "promoted":
            yield Edge(self.subject(), "promoted", f"model:{self.name}@{self.number}")

    def objects(self) -> Iterable[Digest]:
        """The evidence."""
        return () if self.evidence is None else (self.evidence,)


@event("release-rolled-back", erasable=("note",))
class ReleaseRolledBack(Event, frozen=True, kw_only=True):
    """A person goes back to what was live before; the promotion that does it is the next event."""

    name: ModelName
    environment: str
    number: int
    left: int | None
    note: str | None

    def subject(self) -> str:
        """The version that was left, or the one gone back to where nothing was live."""
        return f"model:{self.name}@{self.left or self.number}"
