"""Reading retrainings and the policy's standing, and what they are read beside: versions, rollouts, runs.

A clock that once stood ahead leaves moments on record that are yet to come. Cool-down and budget count a
moment only within their own length of now, before or after: so they hold nothing back for longer than twice
that length, and a clock that is set back a little forgets nothing. What is recorded after such a clock was
set right keeps its own time beside the record's.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from ropeway.continuous.retraining.errors import UnknownRetraining
from ropeway.continuous.retraining.projections import feedback_collected, policy_state, retraining
from ropeway.continuous.retraining.records import Judged, PolicyState, Retraining
from ropeway.continuous.rollouts import reading as rollouts
from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import RunId
from ropeway.data.operations import list_versions
from ropeway.ledger import person
from ropeway.ledger.tables import event
from ropeway.models import registry
from ropeway.models.errors import StaleEvidence
from ropeway.models.judgement import require_fresh
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.projections import pipeline_run
from ropeway.pipelines.records import PipelineRecord
from ropeway.tracking.projections import run as run_table
from ropeway.workspace import Context, Limit, operation

MANY = 10_000
Span = Annotated[float, msgspec.Meta(ge=0, le=100 * 366 * 86_400)]
"""Seconds, of a century at the most: a date cannot be much further off."""


@operation("retraining.show", kind="query", permission="retraining:read")
def show_retraining(context: Context, *, retraining: str) -> Retraining:
    """One retraining, by its id."""
    return get(context.read, retraining)


@operation("retraining.list", kind="query", permission="retraining:read")
def list_retrainings(
    context: Context, *, name: str | None = None, environment: str | None = None, limit: Limit = 100
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


@operation("retraining.find-run", kind="query", permission="retraining:read")
def find_run(context: Context, *, retraining: str) -> RunId | None:
    """A pipeline run that the same person finished for it, and whose stage was not put on record any more.

    The process was killed in between: the run is on record whole, and need not be done again.
    """
    current = get(context.read, retraining)
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
    found = rollouts.active_in(context.read, name, environment)
    return "" if found is None else f"{found.ref} ({found.id})"


@operation("retraining.rolled-back", kind="query", permission="retraining:read")
def rolled_back(
    context: Context, *, name: str, environment: str, since: datetime, after_seq: int = 0
) -> list[str]:
    """The versions that a rule has rolled back since then, and later on record than that; newest first."""
    ended = rollouts.list_all(context.read, name=name, environment=environment, active=False, limit=MANY)
    return [
        each.ref
        for each in ended
        if each.outcome == rollouts.ROLLED_BACK
        and each.ended_rule
        and each.ended_at
        and each.ended_at > since
        and each.seq > after_seq
    ]


@operation("retraining.went-back", kind="query", permission="retraining:read")
def went_back_before(context: Context, *, retraining: str) -> str:
    """That and why the version of a retraining was rolled back before, in words; empty when it was not."""
    current = get(context.read, retraining)
    version = registry.resolve(context.read, context.project, current.version)
    found = rollouts.went_back_for_harm(context.read, version.name, version.number, current.environment)
    return "" if found is None else f"{version.ref} was rolled back before, by {found.id}: {found.says}"


@operation("retraining.collected-until", kind="query", permission="retraining:read")
def collected_until(context: Context, *, dataset: str) -> datetime | None:
    """The time of the latest truth that was collected into a sound version of a dataset, none yet to come.

    What went into a version that may not train was learnt by nobody: it is new still.
    """
    collected = context.read.execute(
        select(feedback_collected.c.version, feedback_collected.c.until)
        .where(feedback_collected.c.dataset == dataset)
        .where(feedback_collected.c.until <= to_text(context.clock.now()))
    ).all()
    if not collected:
        return None
    sound = {each.version for each in list_versions.function(context, name=dataset) if each.is_trainable}
    return max((from_text(row.until) for row in collected if row.version in sound), default=None)


@operation("retraining.checked-since", kind="query", permission="retraining:read")
def checked_since(context: Context, *, dataset: str, seq: int) -> bool:
    """Whether a version of a dataset came, or was held against its contract, later on record than that."""
    query = (
        select(event.c.subject)
        .where(event.c.seq > seq)
        .where(event.c.verb.in_(("dataset-arrived", "contract-checked")))
    )
    about = f"dataset:{dataset}@"
    return any(subject.startswith(about) for subject in context.read.execute(query).scalars())


@operation("policy.state", kind="query", permission="retraining:read")
def policy_standing(context: Context, *, name: str, environment: str) -> PolicyState:
    """Whether the policy goes on, and since when its schedule counts."""
    return state_of(context.read, name, environment)


def is_made_by_policy(read: Connection, version: ModelVersion) -> bool:
    """Whether a retraining of this model has trained a version: its run is younger than what asked for it."""
    return (
        read.execute(
            select(retraining.c.id)
            .join(pipeline_run, pipeline_run.c.run == retraining.c.run)
            .where(retraining.c.name == version.name)
            .where(retraining.c.run == version.run)
            .where(pipeline_run.c.seq > retraining.c.seq)
        ).first()
        is not None
    )


def begun_within(read: Connection, name: str, environment: str, *, since: datetime, until: datetime) -> int:
    """How many retrainings began between two moments; those that found nothing to learn do not count."""
    return int(
        read.execute(
            select(func.count())
            .select_from(retraining)
            .where(retraining.c.name == name)
            .where(retraining.c.environment == environment)
            .where(retraining.c.triggered_at > to_text(since))
            .where(retraining.c.triggered_at < to_text(until))
            .where(func.coalesce(retraining.c.outcome, "") != "no-new-data")
        ).scalar_one()
    )


@operation("retraining.begun", kind="query", permission="retraining:read")
def count_begun(context: Context, *, name: str, environment: str, within_s: Span) -> int:
    """How many retrainings began within the last seconds, as the budget counts them."""
    now, within = context.clock.now(), timedelta(seconds=within_s)
    return begun_within(context.read, name, environment, since=now - within, until=now + within)


def own_time(context: Context) -> datetime | None:
    """What the clock says, where it stands behind the record; None where the record's own time will do."""
    now = context.clock.now()
    last = context.read.execute(select(event.c.at).order_by(event.c.seq.desc()).limit(1)).scalar()
    return now if last is not None and from_text(last) > now else None


def open_of(read: Connection, name: str, environment: str) -> Retraining | None:
    """The retraining of a model that is not over."""
    row = read.execute(
        select(retraining)
        .where(retraining.c.name == name)
        .where(retraining.c.environment == environment)
        .where(retraining.c.outcome.is_(None))
    ).first()
    return None if row is None else _of(read, row)


def get(read: Connection, identity: str) -> Retraining:
    """One retraining by its id; raises `UnknownRetraining`."""
    row = read.execute(select(retraining).where(retraining.c.id == identity)).first()
    if row is None:
        raise UnknownRetraining(identity, read.execute(select(retraining.c.id).limit(MANY)).scalars())
    return _of(read, row)


def state_of(read: Connection, name: str, environment: str) -> PolicyState:
    """How the policy of a model in an environment stands."""
    where = (policy_state.c.name == name) & (policy_state.c.environment == environment)
    row = read.execute(select(policy_state).where(where)).first()
    if row is None:
        return PolicyState(name=name, environment=environment)
    values = {name: getattr(row, name) for name in PolicyState.__struct_fields__}
    return msgspec.convert(values | {"scheduled_since": row.scheduled_since or None}, PolicyState)


def _of(read: Connection, row: Row[Any]) -> Retraining:
    values = {name: getattr(row, name) for name in Retraining.__struct_fields__}
    return msgspec.convert(values | {"by": registry.name_of(read, row.by)}, Retraining)
