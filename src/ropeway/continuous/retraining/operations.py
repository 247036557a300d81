"""The operations on retrainings and on the policy: each move is checked under the write lock."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from ropeway.continuous.retraining.errors import (
    NoPolicy,
    PolicyPausedNow,
    RetrainingMoved,
    RetrainingUnderway,
    UnknownRetraining,
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
from ropeway.continuous.retraining.projections import (
    TRIGGERED,
    feedback_collected,
    policy_state,
    retraining,
)
from ropeway.continuous.rollouts import reading
from ropeway.continuous.rollouts.operations import release
from ropeway.core.clock import from_text, to_text
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest, ModelName, RunId, new_id
from ropeway.data.operations import NewVersion, record_arrival
from ropeway.ledger import person
from ropeway.models import registry
from ropeway.models.errors import StaleEvidence
from ropeway.models.judgement import require_fresh
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.projections import pipeline_run
from ropeway.pipelines.records import PipelineRecord
from ropeway.tracking.projections import run as run_table
from ropeway.workspace import Context, operation

MANY = 10_000


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


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """How the policy of a model in an environment stands.

    Attributes:
        scheduled_since: since when its schedule counts; None before a controller went by it.
        paused_at: since when nothing is begun; None while it goes on.
        resumed_at: when a person last resumed it: what was before no longer counts against it.
    """

    name: str
    environment: str
    settings: str = ""
    scheduled_since: datetime | None = None
    paused_at: datetime | None = None
    paused_by_rule: bool = False
    reason: str | None = None
    resumed_at: datetime | None = None


class Gathering(msgspec.Struct, frozen=True, kw_only=True):
    """What became of judged predictions in a new dataset version; its fields are those of the event."""

    found: NewVersion
    base: str
    rows: int
    known: int
    unusable: int
    since: datetime
    until: datetime
    models: list[str]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and why its evidence would not be the same today; empty when it would."""

    version: ModelVersion
    stale: list[str]


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
    under_way = _open(context.read, name, environment)
    if under_way is not None:
        raise RetrainingUnderway(name, under_way.id, under_way.stage)
    state = _state(context.read, name, environment)
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
        )
    )
    return _get(context.read, fact.event.retraining)


@operation("retraining.show", kind="query", permission="retraining:read")
def show_retraining(context: Context, *, retraining: str) -> Retraining:
    """One retraining, by its id."""
    return _get(context.read, retraining)


@operation("retraining.list", kind="query", permission="retraining:read")
def list_retrainings(
    context: Context, *, name: str | None = None, environment: str | None = None, limit: int = 100
) -> list[Retraining]:
    """Retrainings, newest first."""
    query = select(retraining).order_by(retraining.c.seq.desc()).limit(limit)
    if name is not None:
        query = query.where(retraining.c.name == name)
    if environment is not None:
        query = query.where(retraining.c.environment == environment)
    return [_of(context.read, row) for row in context.read.execute(query)]


@operation("retraining.open", kind="query", permission="retraining:read")
def open_retrainings(context: Context) -> list[Retraining]:
    """Retrainings that are not over, oldest first."""
    query = select(retraining).where(retraining.c.outcome.is_(None)).order_by(retraining.c.seq)
    return [_of(context.read, row) for row in context.read.execute(query)]


@operation("retraining.collect", kind="command", permission="retraining:write")
def record_collected(context: Context, *, retraining: str, gathered: Gathering) -> Retraining:
    """Put a dataset version made of feedback on record, and with it the stage `data`: one transaction."""
    current = _may_advance(context, retraining, "data")
    if current is None:
        return _get(context.read, retraining)
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
        return _get(context.read, retraining)
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
    current = _get(context.read, retraining)
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
            )
        )
    return _get(context.read, retraining)


@operation("retraining.find-run", kind="query", permission="retraining:read")
def find_run(context: Context, *, retraining: str) -> RunId | None:
    """A pipeline run that the same person finished for it, and whose stage was not put on record any more.

    The process was killed in between: the run is on record whole, and need not be done again.
    """
    current = _get(context.read, retraining)
    policy = context.project.policy
    params = policy.params if policy is not None else {}
    rows = context.read.execute(
        select(pipeline_run.c.run, pipeline_run.c.record)
        .join(run_table, run_table.c.id == pipeline_run.c.run)
        .join(person, person.c.id == run_table.c.person)
        .where(pipeline_run.c.seq > current.stage_seq)
        .where(run_table.c.status == "finished")
        .where(person.c.name == context.actor_name)
        .order_by(pipeline_run.c.seq.desc())
    )
    for row in rows:
        record = msgspec.json.decode(row.record, type=PipelineRecord)
        learnt = record.params or {}
        same_data = not current.dataset or current.dataset in record.inputs.values()
        if same_data and all(learnt.get(name, value) == value for name, value in params.items()):
            return RunId(row.run)
    return None


@operation("retraining.judged", kind="query", permission="retraining:read")
def judged(context: Context, *, ref: str) -> Judged:
    """A version, and whether the evidence that it has would be the same today."""
    version = registry.resolve(context.read, context.project, ref)
    stale: list[str] = []
    if version.evidence is not None:
        try:
            require_fresh(context, version)
        except StaleEvidence as error:
            stale = list(error.facts["differences"])  # type: ignore[call-overload]
    return Judged(version=version, stale=stale)


@operation("retraining.live", kind="query", permission="retraining:read")
def live_version(context: Context, *, name: str, environment: str) -> ModelVersion | None:
    """The version that an environment points to, if there is one."""
    number = registry.number_in(context.read, name, environment)
    return None if number is None else registry.get(context.read, name, number)


@operation("retraining.rollout", kind="query", permission="retraining:read")
def active_rollout(context: Context, *, name: str, environment: str) -> str:
    """The rollout that is on its way to an environment, in words; empty when there is none."""
    found = reading.active_in(context.read, name, environment)
    return "" if found is None else f"{found.ref} ({found.id})"


@operation("retraining.rolled-back", kind="query", permission="retraining:read")
def rolled_back(context: Context, *, name: str, environment: str, since: datetime) -> list[str]:
    """The versions that a rule has rolled back since then, newest first."""
    ended = reading.list_all(context.read, name=name, environment=environment, active=False, limit=MANY)
    return [
        each.ref
        for each in ended
        if each.outcome == reading.ROLLED_BACK and each.ended_rule and each.ended_at and each.ended_at > since
    ]


@operation("retraining.release", kind="command", permission="models:promote")
def release_retrained(context: Context, *, retraining: str, rule: str) -> Retraining:
    """Let the version of a retraining out, and record that this ends it: one transaction.

    Raises:
        RolloutActive: another version is on its way there.
        StaleEvidence: the gate would not judge it by the same today.
        AlphaSpent: the year's budget of wrong promotions is spent.
    """
    current = _may_advance(context, retraining, "released")
    if current is None:
        return _get(context.read, retraining)
    released = release.function(
        context, ref=current.version, environment=current.environment, retraining=retraining, by_rule=rule
    )
    rollout = "" if released.rollout is None else released.rollout.id
    _advance(context, current, "released", says=released.says, rule=rule, rollout=rollout)
    return end.function(context, retraining=retraining, outcome="released", says=released.says)


@operation("retraining.collected-until", kind="query", permission="retraining:read")
def collected_until(context: Context, *, dataset: str) -> datetime | None:
    """The time of the latest truth that was collected into any version of a dataset."""
    latest = select(func.max(feedback_collected.c.until)).where(feedback_collected.c.dataset == dataset)
    found = context.read.execute(latest).scalar()
    return None if found is None else from_text(found)


@operation("policy.state", kind="query", permission="retraining:read")
def policy_standing(context: Context, *, name: str, environment: str) -> PolicyState:
    """Whether the policy goes on, and since when its schedule counts."""
    return _state(context.read, name, environment)


@operation("policy.adopt", kind="command", permission="retraining:write")
def adopt_policy(context: Context, *, name: ModelName, environment: str) -> bool:
    """Record by which settings the controller goes from now on. False when it went by them already."""
    policy = context.project.policy
    if policy is None:
        raise NoPolicy
    settings = Digest(digest_json(policy))
    if _state(context.read, name, environment).settings == settings:
        return False
    context.begin()
    if _state(context.read, name, environment).settings == settings:
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
    if _state(context.read, name, environment).paused_at is None:
        context.append(PolicyPaused(name=name, environment=environment, by_rule=by_rule, reason=reason))
    return _state(context.read, name, environment)


@operation("policy.resume", kind="command", permission="retraining:approve")
def resume_policy(
    context: Context, *, name: ModelName, environment: str, reason: str | None = None
) -> PolicyState:
    """Go on by the policy. What goes on already stays as it was."""
    context.begin()
    if _state(context.read, name, environment).paused_at is not None:
        context.append(PolicyResumed(name=name, environment=environment, reason=reason))
    return _state(context.read, name, environment)


def begun_within(read: Connection, name: str, environment: str, *, since: datetime) -> int:
    """How many retrainings began since then; those that found nothing to learn do not count."""
    return int(
        read.execute(
            select(func.count())
            .select_from(retraining)
            .where(retraining.c.name == name)
            .where(retraining.c.environment == environment)
            .where(retraining.c.triggered_at > to_text(since))
            .where(func.coalesce(retraining.c.outcome, "") != "no-new-data")
        ).scalar_one()
    )


@operation("retraining.begun", kind="query", permission="retraining:read")
def count_begun(context: Context, *, name: str, environment: str, within_s: float) -> int:
    """How many retrainings began within the last seconds, as the budget counts them."""
    since = context.clock.now() - timedelta(seconds=within_s)
    return begun_within(context.read, name, environment, since=since)


def _may_advance(context: Context, identity: str, stage: Stage) -> Retraining | None:
    """The retraining under the write lock; None when it has this stage on record already."""
    context.begin()
    current = _get(context.read, identity)
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
    return _get(context.read, current.id)


def _open(read: Connection, name: str, environment: str) -> Retraining | None:
    row = read.execute(
        select(retraining)
        .where(retraining.c.name == name)
        .where(retraining.c.environment == environment)
        .where(retraining.c.outcome.is_(None))
    ).first()
    return None if row is None else _of(read, row)


def _get(read: Connection, identity: str) -> Retraining:
    row = read.execute(select(retraining).where(retraining.c.id == identity)).first()
    if row is None:
        raise UnknownRetraining(identity, read.execute(select(retraining.c.id).limit(MANY)).scalars())
    return _of(read, row)


def _of(read: Connection, row: Row[Any]) -> Retraining:
    values = {name: getattr(row, name) for name in Retraining.__struct_fields__}
    return msgspec.convert(values | {"by": registry.name_of(read, row.by)}, Retraining)


def _state(read: Connection, name: str, environment: str) -> PolicyState:
    where = (policy_state.c.name == name) & (policy_state.c.environment == environment)
    row = read.execute(select(policy_state).where(where)).first()
    if row is None:
        return PolicyState(name=name, environment=environment)
    values = {name: getattr(row, name) for name in PolicyState.__struct_fields__}
    return msgspec.convert(values | {"scheduled_since": row.scheduled_since or None}, PolicyState)
