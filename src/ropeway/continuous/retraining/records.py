"""What is told of retrainings and of the policy, as small records."""

from datetime import datetime

import msgspec

from ropeway.continuous.retraining.events import Cause, Outcome
from ropeway.core.ids import ModelName
from ropeway.data.operations import NewVersion
from ropeway.models.registry import ModelVersion


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """One retraining as it stands.

    Attributes:
        trigger: what kind of thing asked for it.
        cause: which: an alert, a dataset version, a due time, a person.
        live: the version that was live when it began; empty when none was.
        says: why, in words; None once erased.
        stage: the last one that was done; `triggered` when none is yet.
        outcome: how it ended; None while it goes on.
    """

    id: str
    name: ModelName
    environment: str
    trigger: Cause
    cause: str
    live: str
    says: str | None
    triggered_at: datetime
    by: str
    stage: str
    stage_at: datetime
    stage_says: str = ""
    dataset: str = ""
    run: str = ""
    version: str = ""
    passed: bool | None = None
    rule: str = ""
    rollout: str = ""
    outcome: Outcome | None = None
    code: str = ""
    ended_says: str = ""
    ended_at: datetime | None = None
    seq: int = 0
    stage_seq: int = 0


def rule_of(current: Retraining) -> str:
    """The rule by which a retraining acts, as the record names it."""
    return f"policy: retraining after {current.trigger}"


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """How the policy of a model in an environment stands.

    Attributes:
        scheduled_since: since when its schedule counts; None before a controller went by it.
        paused_at: since when nothing is begun; None while it goes on.
        resumed_at: when a person last resumed it: what was before no longer counts against it.
        resumed_seq: where on record that is.
    """

    name: str
    environment: str
    settings: str = ""
    scheduled_since: datetime | None = None
    paused_at: datetime | None = None
    paused_by_rule: bool = False
    reason: str | None = None
    resumed_at: datetime | None = None
    resumed_seq: int = 0


class Gathering(msgspec.Struct, frozen=True, kw_only=True):
    """What became of judged predictions in a new dataset version.

    Its fields are those of the event; `left_out`: what was not used, and why, in words.
    """

    found: NewVersion
    base: str
    rows: int
    known: int
    unusable: int
    left_out: str
    since: datetime
    until: datetime
    models: list[str]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and why its evidence would not be the same today; empty when it would."""

    version: ModelVersion
    stale: list[str]
