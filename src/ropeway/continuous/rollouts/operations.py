"""What can be done with rollouts: begin one, move it by hand, go back, and ask how they stand.

What goes on by itself is `reconcile`.
"""

from datetime import datetime

import msgspec

from ropeway.continuous.rollouts import moves, reading
from ropeway.continuous.rollouts.errors import (
    AlphaSpent,
    AlreadyLive,
    NotHeld,
    NothingToCompare,
    NothingToRollBack,
    RolloutActive,
    RolloutOver,
)
from ropeway.continuous.rollouts.events import ReleaseRolledBack, RolloutResumed, RolloutStarted, Summary
from ropeway.continuous.rollouts.guards import Guarded
from ropeway.continuous.rollouts.moves import BY_HAND
from ropeway.continuous.rollouts.projections import HELD
from ropeway.continuous.rollouts.reading import PREFIX, RolloutState
from ropeway.continuous.rollouts.terms import shares_of, terms_of
from ropeway.core.ids import new_id
from ropeway.models import registry
from ropeway.models.judgement import require_fresh
from ropeway.models.operations import promote_in
from ropeway.models.registry import PRODUCTION, ModelVersion
from ropeway.models.states import Move, State, after
from ropeway.models.within import Within
from ropeway.stats.sequential.budget import spend
from ropeway.workspace import Context, Limit, operation

LEAST_ALPHA = 1e-4
"""Below this a test would ask for e-values over ten thousand: it would hardly ever end."""


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a release: a rollout that began, or a version that is live at once (`rollout` is None)."""

    version: ModelVersion
    environment: str
    rollout: RolloutState | None
    says: str


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a going back did: ended a rollout, or made an earlier version live again."""

    name: str
    environment: str
    live: str
    left: str | None
    rollout: RolloutState | None
    says: str


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A model's chance of a wrong promotion for a calendar year, and what releases have taken of it."""

    name: str
    year: int
    alpha: float
    spent: float
    left: float
    next: float
    releases: int


@operation("continuous.release", kind="command", permission="models:promote")
def release(
    context: Context,
    *,
    ref: str,
    environment: str = PRODUCTION,
    steps: list[str | float] | None = None,
    note: str | None = None,
) -> Released:
    """Let an approved version prove itself beside the live one; where none is live it is live at once.

    Args:
        context: the call.
        ref: the version.
        environment: where it shall be live.
        steps: shares of traffic, `shadow` at most as the first; those of `[rollout]` when absent.
        note: what should be remembered.

    Raises:
        IllegalTransition: it is not approved.
        StaleEvidence: its gate would not judge it by the same today.
        RolloutActive, AlreadyLive, AlphaSpent, BadSteps, NoErrorCap: see there.
    """
    return release_in(context, ref=ref, environment=environment, steps=steps, note=note)


def release_in(
    context: Context,
    *,
    ref: str,
    environment: str,
    steps: list[str | float] | None = None,
    retraining: str = "",
    by_rule: str = "",
    note: str | None = None,
) -> Released:
    """As `continuous.release`, inside another operation; that a rule releases it is not for callers to say.

    Args:
        context: the call.
        ref: the version.
        environment: where it shall be live.
        steps: as there.
        retraining: the retraining that made it.
        by_rule: which rule releases it; empty for a person.
        note: what should be remembered.

    Raises:
        NothingToCompare: a rule would put it live at once.
    """
    context.begin()
    registry.check_environment(context.project, environment)
    version = registry.resolve(context.read, context.project, ref)
    live = registry.number_in(context.read, version.name, environment)
    if live == version.number:
        raise AlreadyLive(version.ref, environment)
    after(version.ref, State(version.state), Move.PROMOTE)
    active = reading.active_in(context.read, version.name, environment)
    if active is not None:
        raise RolloutActive(version.ref, environment, active.id, active.ref)
    if live is None:
        if by_rule:
            raise NothingToCompare(version.ref, environment)
        return _live_at_once(context, version, environment, note)
    if not registry.was_live_in(context.read, version, environment):
        require_fresh(context, version)
    rollout = _start(context, version, live, environment, steps, retraining, by_rule, note)
    moves.route_step(context, rollout, 0, reason=f"rollout {rollout.id} begins")
    return Released(
        version=version,
        environment=environment,
        rollout=rollout,
        says=f"{version.ref} begins beside {rollout.champion}, at {rollout.steps[0]}",
    )


@operation("continuous.rollouts", kind="query", permission="models:read")
def list_rollouts(
    context: Context,
    *,
    name: str | None = None,
    environment: str | None = None,
    active: bool = False,
    limit: Limit = 100,
) -> list[RolloutState]:
    """Rollouts, active ones first, then the newest."""
    return reading.list_all(context.read, name=name, environment=environment, active=active, limit=limit)


@operation("continuous.rollout", kind="query", permission="models:read")
def get_rollout(context: Context, *, rollout: str) -> RolloutState:
    """The rollout with that id, or of that model the active or else the newest one."""
    return reading.get(context.read, rollout)


@operation("continuous.budget", kind="query", permission="models:read")
def get_budget(context: Context, *, name: str, year: int | None = None) -> Budget:
    """What a model's releases may still risk in a calendar year, this one when none is named."""
    year = context.clock.now().year if year is None else year
    taken = reading.alpha_spent(context.read, name, year)
    settings = context.project.rollout
    spent = sum(taken)
    return Budget(
        name=name,
        year=year,
        alpha=settings.alpha,
        spent=spent,
        left=max(0.0, settings.alpha - spent),
        next=spend(settings.alpha, settings.spend, spent),
        releases=len(taken),
    )


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What production says of a rollout now; nothing is decided by it."""

    summary: Summary
    guarded: Guarded


@operation("continuous.hear", kind="query", permission="models:read")
def hear(context: Context, *, rollout: str) -> Heard:
    """What production says of a rollout, as of now.

    Raises:
        ObjectMissing, ObjectDamaged: a sealed part of the log cannot be read.
    """
    from ropeway.continuous.rollouts.evidence import evaluate

    found = evaluate(Within(context), reading.get(context.read, rollout))
    return Heard(summary=found.summary, guarded=found.guarded)


@operation("continuous.rollbacks", kind="query", permission="models:read")
def count_rollbacks(context: Context, *, name: str, since: datetime, environment: str = PRODUCTION) -> int:
    """How often a model was taken back since then: rolled back by rule, or gone back from by hand."""
    return rollbacks_in(context, name, environment, since)


def rollbacks_in(context: Context, name: str, environment: str, since: datetime) -> int:
    """As `continuous.rollbacks`, inside another operation."""
    return reading.rollbacks_since(context.read, name, environment, since)


@operation("continuous.advance", kind="command", permission="models:promote")
def advance_rollout(context: Context, *, rollout: str, note: str | None = None) -> RolloutState:
    """Take the next step now, whatever the test says; behind the last step the version is live."""
    found = _active(context, rollout)
    moves.advance(context, found, rule=BY_HAND, says="", note=note)
    if found.state == HELD and found.step + 1 < len(found.steps):
        _resume(context, found, None)
    return reading.get(context.read, found.id)


@operation("continuous.hold", kind="command", permission="models:promote")
def hold_rollout(context: Context, *, rollout: str, note: str | None = None) -> RolloutState:
    """Keep it at its step until a person lets it go on; harm and broken guards still end it."""
    found = _active(context, rollout)
    if found.state != HELD:
        moves.hold(context, found, reason="by-hand", rule=BY_HAND, says="held by a person", note=note)
    return reading.get(context.read, found.id)


@operation("continuous.resume", kind="command", permission="models:promote")
def resume_rollout(context: Context, *, rollout: str, note: str | None = None) -> RolloutState:
    """Let a held one go on by itself; its deadline begins anew."""
    found = _active(context, rollout)
    if found.state != HELD:
        raise NotHeld(found.id)
    _resume(context, found, note)
    return reading.get(context.read, found.id)


@operation("continuous.end", kind="command", permission="models:promote")
def end_rollout(context: Context, *, rollout: str, note: str | None = None) -> RolloutState:
    """End it: all traffic is the live version's again."""
    found = _active(context, rollout)
    moves.end(context, found, outcome="ended", rule=BY_HAND, says="ended by a person", note=note)
    return reading.get(context.read, found.id)


@operation("continuous.rollback", kind="command", permission="models:promote")
def rollback(
    context: Context, *, name: str, environment: str = PRODUCTION, note: str | None = None
) -> RolledBack:
    """Go back at once: end an active rollout, else make live again what was live before.

    It wants no fresh evidence and no sound project file: it must work in the middle of the night.

    Raises:
        UnknownEnvironment: there is none of that name, and nothing was ever there.
        NothingToRollBack: there is nothing to go back to.
    """
    context.begin()
    found = registry.find(context.read, name.partition("@")[0])
    assert found is not None, "a bare name is its newest version"
    name = found.name
    live = registry.number_in(context.read, name, environment)
    active = reading.active_in(context.read, name, environment)
    if active is not None and live is not None:
        moves.roll_back(context, active, rule=BY_HAND, says="taken back by a person", note=note)
        return RolledBack(
            name=name,
            environment=environment,
            live=f"{name}@{live}",
            left=active.ref,
            rollout=reading.get(context.read, active.id),
            says=f"the rollout of {active.ref} is over; all traffic is {name}@{live}'s again",
        )
    before = reading.before_in(context.read, name, environment)
    if before is None:
        if live is None:
            registry.check_environment(context.project, environment)
        raise NothingToRollBack(name, environment)
    context.append(ReleaseRolledBack(name=name, environment=environment, number=before, left=live, note=note))
    version = promote_in(context, ref=f"{name}@{before}", environment=environment, note=note or "gone back")
    left = None if live is None else f"{name}@{live}"
    return RolledBack(
        name=name,
        environment=environment,
        live=version.ref,
        left=left,
        rollout=None,
        says=f"{version.ref} is live again" + (f" in place of {left}" if left else ""),
    )


def _live_at_once(context: Context, version: ModelVersion, environment: str, note: str | None) -> Released:
    says = f"nothing was live in {environment}: there was nothing to compare with, and it is live at once"
    version = promote_in(context, ref=version.ref, environment=environment, note=note or says)
    return Released(version=version, environment=environment, rollout=None, says=says)


def _start(
    context: Context,
    version: ModelVersion,
    live: int,
    environment: str,
    steps: list[str | float] | None,
    retraining: str,
    by_rule: str,
    note: str | None,
) -> RolloutState:
    budget = get_budget.function(context, name=version.name)
    # What is left decides, not what this release would take of it: the last ones are long, not impossible.
    if budget.left < LEAST_ALPHA:
        raise AlphaSpent(version.name, budget.year, budget.alpha, budget.left)
    shares = shares_of(context.project.rollout, steps)
    identity = PREFIX + new_id("").removeprefix("_")
    context.append(
        RolloutStarted(
            rollout=identity,
            name=version.name,
            number=version.number,
            environment=environment,
            champion=live,
            steps=shares,
            terms=terms_of(context, version, budget.next),
            alpha_spent=budget.next,
            year=budget.year,
            budget_left=budget.left - budget.next,
            salt=new_id("salt"),
            retraining=retraining,
            rule=by_rule,
            note=note,
        )
    )
    return reading.get(context.read, identity)


def _resume(context: Context, rollout: RolloutState, note: str | None) -> None:
    context.append(
        RolloutResumed(
            rollout=rollout.id,
            name=rollout.name,
            number=rollout.number,
            environment=rollout.environment,
            note=note,
        )
    )


def _active(context: Context, identity: str) -> RolloutState:
    """The rollout, read under the write lock, while it can still be moved."""
    context.begin()
    found = reading.get(context.read, identity)
    if not found.is_active:
        raise RolloutOver(found.id, found.outcome, found.ref)
    return found
