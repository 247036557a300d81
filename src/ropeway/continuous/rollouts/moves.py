"""The moves of a rollout inside a write transaction: what is put on record, and where traffic goes with it.

Each function here is part of one transaction of its caller's: what is recorded and how traffic is divided
come together or not at all.
"""

from ropeway.continuous.rollouts import reading
from ropeway.continuous.rollouts.events import (
    SHADOW,
    RolloutAdvanced,
    RolloutEnded,
    RolloutEvaluated,
    RolloutHeld,
    Summary,
)
from ropeway.continuous.rollouts.reading import ROLLED_BACK, RolloutState, step_name
from ropeway.core.ids import Digest
from ropeway.models import registry
from ropeway.models.operations import promote_in
from ropeway.models.routing import recorded_routing, route_in
from ropeway.workspace import Context

PROMOTED = "promoted"
BY_HAND = ""


def route_step(context: Context, rollout: RolloutState, step: int, *, reason: str) -> None:
    """Divide traffic as a step wants it; everybody who had the candidate keeps it."""
    share = rollout.shares[step]
    is_shadow = share == SHADOW
    route_in(
        context,
        name=rollout.name,
        environment=rollout.environment,
        arms={} if is_shadow else {rollout.ref: share},
        # A version among the shadows is put to every row, and beside its own answers the live one is.
        shadows=[rollout.ref] if is_shadow or rollout.terms.mirror else [],
        salt=rollout.salt,
        rollout=rollout.id,
        reason=reason,
    )


def take_evidence(context: Context, rollout: RolloutState, summary: Summary, evidence: Digest) -> None:
    """Put on record what production has said so far."""
    context.append(
        RolloutEvaluated(
            rollout=rollout.id,
            name=rollout.name,
            number=rollout.number,
            environment=rollout.environment,
            step=rollout.step,
            summary=summary,
            evidence=evidence,
        )
    )


def advance(context: Context, rollout: RolloutState, *, rule: str, says: str, note: str | None = None) -> str:
    """Go on to the next step, or live behind the last one; gives what was done, in words."""
    step = rollout.step + 1
    if step >= len(rollout.shares):
        promote(context, rollout, rule=rule, says=says, note=note)
        return f"{rollout.ref} is live in {rollout.environment}"
    context.append(
        RolloutAdvanced(
            rollout=rollout.id,
            name=rollout.name,
            number=rollout.number,
            environment=rollout.environment,
            step=step,
            share=rollout.shares[step],
            rule=rule,
            says=says,
            note=note,
        )
    )
    route_step(context, rollout, step, reason=says or note or "")
    return f"{rollout.ref} goes on to {step_name(rollout.shares[step])}"


def promote(
    context: Context, rollout: RolloutState, *, rule: str, says: str, note: str | None = None
) -> None:
    """Make the candidate live, which ends the rollout.

    Raises:
        StaleEvidence: its gate would not judge it by the same today.
    """
    why = f"by rollout {rollout.id}: {says}" if says else f"by rollout {rollout.id}"
    registry.check_environment(context.project, rollout.environment)
    promote_in(context, ref=rollout.ref, environment=rollout.environment, note=note or why)
    _ended(context, rollout, outcome=PROMOTED, rule=rule, says=says, note=note)


def end(
    context: Context,
    rollout: RolloutState,
    *,
    outcome: str,
    rule: str,
    says: str,
    note: str | None = None,
) -> None:
    """End it without promoting: all traffic is the live version's again. Asks nothing of the project file."""
    _ended(context, rollout, outcome=outcome, rule=rule, says=says, note=note)
    now = recorded_routing(context.read, rollout.name, rollout.environment)
    # What a person has divided otherwise meanwhile, or emptied by a recall, is not this rollout's to change.
    if now.live is not None and now.rollout == rollout.id:
        route_in(
            context, name=rollout.name, environment=rollout.environment, arms={}, shadows=[], reason=says
        )


def hold(
    context: Context, rollout: RolloutState, *, reason: str, rule: str, says: str, note: str | None = None
) -> None:
    """Keep it where it is until a person says how it goes on."""
    context.append(
        RolloutHeld(
            rollout=rollout.id,
            name=rollout.name,
            number=rollout.number,
            environment=rollout.environment,
            reason=reason,
            rule=rule,
            says=says,
            note=note,
        )
    )


def roll_back(
    context: Context, rollout: RolloutState, *, rule: str, says: str, note: str | None = None
) -> None:
    """Take the candidate's traffic away, since it does harm or somebody says so."""
    end(context, rollout, outcome=ROLLED_BACK, rule=rule, says=says, note=note)


def _ended(
    context: Context, rollout: RolloutState, *, outcome: str, rule: str, says: str, note: str | None
) -> None:
    # Read anew: evidence that was taken in this very transaction is what it rests on.
    now = reading.get(context.read, rollout.id)
    context.append(
        RolloutEnded(
            rollout=rollout.id,
            name=rollout.name,
            number=rollout.number,
            environment=rollout.environment,
            outcome=outcome,
            rule=rule,
            says=says,
            evidence=now.evidence,
            note=note,
        )
    )


def is_live(context: Context, rollout: RolloutState) -> bool:
    """Whether the version that the candidate is compared with is still the live one."""
    number = registry.number_in(context.read, rollout.name, rollout.environment)
    return number is not None and f"{rollout.name}@{number}" == rollout.champion
