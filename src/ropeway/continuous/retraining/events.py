"""What happens when a model is trained anew, as released facts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from ropeway.core.ids import DatasetName, Digest, ModelName
from ropeway.ledger import Edge, Event, event

Cause = Literal["drift", "degradation", "new-data", "schedule", "hand"]
Stage = Literal["data", "trained", "registered", "gated", "approved", "released"]
Outcome = Literal["released", "refused-by-gate", "no-new-data", "data-refused", "rejected", "failed"]

STAGES: tuple[Stage, ...] = ("data", "trained", "registered", "gated", "approved", "released")
"""The stages in their order; each is on record once it is done."""

_THINGS = ("alert:", "dataset:", "model:")
"""What of the causes is a thing on record, from which lineage is drawn."""


class OfRetraining(Event, frozen=True, kw_only=True):
    """What all events about one retraining share."""

    retraining: str
    name: ModelName
    environment: str

    def subject(self) -> str:
        """The retraining."""
        return f"retraining:{self.retraining}"


@event("retraining-triggered", erasable=("says",))
class RetrainingTriggered(OfRetraining, frozen=True, kw_only=True):
    """Something asked for it.

    Attributes:
        cause: what: an alert, a dataset version, a due time, a person.
        clock_at: what the clock said, where it stood behind the record, whose times never run backwards.
    """

    trigger: Cause
    cause: str
    live: str
    says: str | None
    clock_at: datetime | None = None

    def edges(self) -> Iterable[Edge]:
        """The alert or the data that asked for it."""
        if self.cause.startswith(_THINGS):
            yield Edge(self.cause, "triggered", self.subject())


@event("retraining-advanced")
class RetrainingAdvanced(OfRetraining, frozen=True, kw_only=True):
    """A stage was done. Only what that stage found is filled in."""

    stage: Stage
    dataset: str = ""
    run: str = ""
    version: str = ""
    passed: bool | None = None
    rule: str = ""
    rollout: str = ""
    says: str = ""

    def edges(self) -> Iterable[Edge]:
        """What it learnt from, and the run that it led to; its rollout draws its own."""
        if self.stage == "data" and self.dataset:
            yield Edge(self.dataset, "learnt-in", self.subject())
        if self.stage == "trained":
            yield Edge(self.subject(), "trained", f"run:{self.run}")


@event("retraining-ended")
class RetrainingEnded(OfRetraining, frozen=True, kw_only=True):
    """It came to its end, once.

    Attributes:
        code: that of the error where it failed or was refused.
        clock_at: what the clock said, where it stood behind the record, whose times never run backwards.
    """

    outcome: Outcome
    version: str
    code: str
    says: str
    clock_at: datetime | None = None


@event("feedback-collected")
class FeedbackCollected(Event, frozen=True, kw_only=True):
    """Predictions of which people said what they should have been became rows of a dataset version.

    Attributes:
        base: the version that they were added to.
        rows: how many were added.
        known: how many had a key that the data had already; those rows stayed as they were.
        unusable: how many lacked a column or did not fit it.
        since: how far back predictions were looked at.
        until: the time of the latest truth that was seen.
    """

    dataset: DatasetName
    version: Digest
    base: str
    retraining: str
    environment: str
    rows: int
    known: int
    unusable: int
    since: datetime
    until: datetime
    models: list[str]

    def subject(self) -> str:
        """The new version."""
        return f"dataset:{self.dataset}@{self.version}"

    def edges(self) -> Iterable[Edge]:
        """The version that it continues, and the models whose predictions people judged."""
        yield Edge(self.base, "continued-by", self.subject())
        for model in self.models:
            yield Edge(f"feedback:{model}/{self.environment}", "collected-into", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The rows."""
        return (self.version,)


class OfPolicy(Event, frozen=True, kw_only=True):
    """What all events about one model's policy share."""

    name: ModelName
    environment: str

    def subject(self) -> str:
        """The policy of a model in an environment."""
        return f"policy:{self.name}/{self.environment}"


@event("policy-adopted")
class PolicyAdopted(OfPolicy, frozen=True, kw_only=True):
    """The controller first went by these settings. A schedule counts from here on."""

    settings: Digest
    triggers: list[str]
    schedule: str
    time_zone: str
    approval: str


@event("policy-paused", erasable=("reason",))
class PolicyPaused(OfPolicy, frozen=True, kw_only=True):
    """Nothing is begun by it until a person resumes it. `by_rule`: it paused itself and asks one."""

    by_rule: bool
    reason: str | None


@event("policy-resumed", erasable=("reason",))
class PolicyResumed(OfPolicy, frozen=True, kw_only=True):
    """A person has looked at it, and it goes on."""

    reason: str | None
