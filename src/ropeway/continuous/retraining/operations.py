"""The moves of retrainings and of the policy: each is checked under the write lock."""

from typing import Any

from ropeway.continuous.retraining.errors import (
    MadeByHand,
    NoPolicy,
    PolicyPausedNow,
    RetrainingMoved,
    RetrainingUnderway,
)
from ropeway.continuous.retraining.events import (
    STAGES,
    Cause,
    FeedbackCollected,
    Outcome,
    PolicyAdopted,
    PolicyPaused,
    PolicyResumed,
    RetrainingAdvanced,
    RetrainingEnded,
    RetrainingTriggered,
    Stage,
)
from ropeway.continuous.retraining.projections import TRIGGERED
from ropeway.continuous.retraining.reading import (
    active_rollout,
    checked_since,
    collected_until,
    count_begun,
    find_run,
    get,
    is_made_by_policy,
    judged,
    list_retrainings,
    live_version,
    open_of,
    open_retrainings,
    own_time,
    policy_standing,
    rolled_back,
    show_retraining,
    state_of,
    went_back_before,
)
from ropeway.continuous.retraining.records import Gathering, Judged, PolicyState, Retraining, rule_of
from ropeway.continuous.rollouts.operations import release_in
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest, ModelName, new_id
from ropeway.data.operations import record_arrival
from ropeway.models import registry
from ropeway.models.errors import NoSuchRule
from ropeway.models.operations import approve_by_rule_in
from ropeway.workspace import Context, operation

__all__ = [
    "Gathering",
    "Judged",
    "PolicyState",
    "Retraining",
    "active_rollout",
    "adopt_policy",
    "advance",
    "approve_retrained",
    "checked_since",
    "collected_until",
    "count_begun",
    "end",
    "find_run",
    "judged",
    "list_retrainings",
    "live_version",
    "open_retrainings",
    "pause_policy",
    "policy_standing",
    "record_collected",
    "release_retrained",
    "resume_policy",
    "rolled_back",
    "show_retraining",
    "trigger",
    "went_back_before",
]


@operation("retraining.trigger", kind="command", permission="retraining:write")
def trigger(
    context: Context,
    *,
    name: ModelName,
    environment: str,
    trigger: Cause,
    cause: str = "",
    live: str = "",
    says: str | None = None,
) -> Retraining:
    """Begin a retraining: nothing of it is done yet, the controller takes it on.

    Raises:
        RetrainingUnderway: one of this model is not over yet.
        PolicyPausedNow: the policy waits for a person.
        NoPolicy: the project has none.
    """
    if context.project.policy is None:
        raise NoPolicy
    context.begin()
    under_way = open_of(context.read, name, environment)
    if under_way is not None:
        raise RetrainingUnderway(name, under_way.id, under_way.stage)
    state = state_of(context.read, name, environment)
    if state.paused_at is not None:
        raise PolicyPausedNow(name, state.reason or "the reason was erased")
    fact = context.append(
        RetrainingTriggered(
            retraining=new_id("retraining"),
            name=name,
            environment=environment,
            trigger=trigger,
            cause=cause or f"person:{context.actor}",
            live=live,
            says=says,
            clock_at=own_time(context),
        )
    )
    return get(context.read, fact.event.retraining)


@operation("retraining.collect", kind="command", permission="retraining:write")
def record_collected(context: Context, *, retraining: str, gathered: Gathering) -> Retraining:
    """Put a dataset version made of feedback on record, and with it the stage `data`: one transaction."""
    current = _may_advance(context, retraining, "data")
    if current is None:
        return get(context.read, retraining)
    version = record_arrival(context, gathered.found)
    context.append(
        FeedbackCollected(
            dataset=version.name,
            version=version.version,
            base=gathered.base,
            retraining=retraining,
            environment=current.environment,
            rows=gathered.rows,
            known=gathered.known,
            unusable=gathered.unusable,
            since=gathered.since,
            until=gathered.until,
            models=gathered.models,
        )
    )
    says = f"{gathered.rows:,} judged predictions added: {version.shown} has {version.rows:,} rows"
    says += f"; {gathered.left_out}" if gathered.left_out else ""
    return _advance(context, current, "data", says=says, dataset=version.reference)


@operation("retraining.advance", kind="command", permission="retraining:write")
def advance(
    context: Context,
    *,
    retraining: str,
    stage: Stage,
    says: str = "",
    dataset: str = "",
    run: str = "",
    version: str = "",
    passed: bool | None = None,
    rule: str = "",
    rollout: str = "",
) -> Retraining:
    """Record that a stage was done. One that is on record already stays as it was.

    Raises:
        RetrainingMoved: it is over, or stands before the stage that comes first.
    """
    current = _may_advance(context, retraining, stage)
    if current is None:
        return get(context.read, retraining)
    return _advance(
        context,
        current,
        stage,
        says=says,
        dataset=dataset,
        run=run,
        version=version,
        passed=passed,
        rule=rule,
        rollout=rollout,
    )


@operation("retraining.end", kind="command", permission="retraining:write")
def end(
    context: Context, *, retraining: str, outcome: Outcome, says: str, version: str = "", code: str = ""
) -> Retraining:
    """Record how it ended, once; what ended already stays as it was."""
    context.begin()
    current = get(context.read, retraining)
    if current.outcome is None:
        context.append(
            RetrainingEnded(
                retraining=retraining,
                name=current.name,
                environment=current.environment,
                outcome=outcome,
                version=version or current.version,
                code=code,
                says=says,
                clock_at=own_time(context),
            )
        )
    return get(context.read, retraining)


@operation("retraining.approve", kind="command", permission="models:approve")
def approve_retrained(context: Context, *, retraining: str) -> Retraining:
    """Let the policy answer for what its retraining made, and put that stage on record: one transaction.

    Raises:
        RetrainingMoved: it is over, or its version has not passed the gate.
        NoSuchRule: the policy does not approve by rule.
        MadeByHand: the version is one that a person trained.
        StaleEvidence, IllegalTransition: as for `models.approve`.
    """
    context.begin()
    current = get(context.read, retraining)
    if current.outcome is not None or current.stage not in ("gated", "approved"):
        raise RetrainingMoved(retraining, "approved", current.outcome or current.stage)
    version = registry.resolve(context.read, context.project, current.version)
    policy = context.project.policy
    if policy is None or policy.approval != "by-rule":
        raise NoSuchRule(version.ref)
    if not is_made_by_policy(context.read, version):
        raise MadeByHand(version.ref, version.run)
    approve_by_rule_in(context, ref=version.ref, rule=rule_of(current))
    if current.stage == "approved":
        return current
    says = f"{version.ref} is approved by rule: it passed the gate"
    return _advance(context, current, "approved", says=says, rule=rule_of(current))


@operation("retraining.release", kind="command", permission="models:promote")
def release_retrained(context: Context, *, retraining: str) -> Retraining:
    """Let the version of a retraining out, and record that this ends it: one transaction.

    Raises:
        NothingToCompare: nothing is live there: a person decides.
        RolloutActive: another version is on its way there.
        StaleEvidence: the gate would not judge it by the same today.
        AlphaSpent: the year's budget of wrong promotions is spent.
    """
    current = _may_advance(context, retraining, "released")
    if current is None:
        return get(context.read, retraining)
    rule = rule_of(current)
    released = release_in(
        context, ref=current.version, environment=current.environment, retraining=retraining, by_rule=rule
    )
    rollout = "" if released.rollout is None else released.rollout.id
    _advance(context, current, "released", says=released.says, rule=rule, rollout=rollout)
    return end.function(context, retraining=retraining, outcome="released", says=released.says)


@operation("policy.adopt", kind="command", permission="retraining:write")
def adopt_policy(context: Context, *, name: ModelName, environment: str) -> bool:
    """Record by which settings the controller goes from now on. False when it went by them already."""
    policy = context.project.policy
    if policy is None:
        raise NoPolicy
    settings = Digest(digest_json(policy))
    if state_of(context.read, name, environment).settings == settings:
        return False
    context.begin()
    if state_of(context.read, name, environment).settings == settings:
        return False
    context.append(
        PolicyAdopted(
            name=name,
            environment=environment,
            settings=settings,
            triggers=list(policy.triggers),
            schedule=policy.schedule or "",
            time_zone=policy.time_zone,
            approval=policy.approval,
        )
    )
    return True


@operation("policy.pause", kind="command", permission="retraining:write")
def pause_policy(
    context: Context, *, name: ModelName, environment: str, reason: str, by_rule: bool = False
) -> PolicyState:
    """Begin nothing any more until a person resumes it. What was paused already stays as it was."""
    context.begin()
    if state_of(context.read, name, environment).paused_at is None:
        context.append(PolicyPaused(name=name, environment=environment, by_rule=by_rule, reason=reason))
    return state_of(context.read, name, environment)


@operation("policy.resume", kind="command", permission="retraining:approve")
def resume_policy(
    context: Context, *, name: ModelName, environment: str, reason: str | None = None
) -> PolicyState:
    """Go on by the policy. What goes on already stays as it was."""
    context.begin()
    if state_of(context.read, name, environment).paused_at is not None:
        context.append(PolicyResumed(name=name, environment=environment, reason=reason))
    return state_of(context.read, name, environment)


def _may_advance(context: Context, identity: str, stage: Stage) -> Retraining | None:
    """The retraining under the write lock; None when it has this stage on record already."""
    context.begin()
    current = get(context.read, identity)
    before = TRIGGERED if stage == STAGES[0] else STAGES[STAGES.index(stage) - 1]
    if current.stage != TRIGGERED and STAGES.index(current.stage) >= STAGES.index(stage):
        return None
    if current.outcome is not None or current.stage != before:
        raise RetrainingMoved(identity, stage, current.outcome or current.stage)
    return current


def _advance(context: Context, current: Retraining, stage: Stage, **found: Any) -> Retraining:
    context.append(
        RetrainingAdvanced(
            retraining=current.id,
            name=current.name,
            environment=current.environment,
            stage=stage,
            **found,
        )
    )
    return get(context.read, current.id)
