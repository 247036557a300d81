"""The tables that answer which retrainings there were, how far one is, and how the policy stands."""

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    update,
)

from ropeway.continuous.retraining.events import (
    FeedbackCollected,
    OfPolicy,
    PolicyAdopted,
    PolicyPaused,
    PolicyResumed,
    RetrainingAdvanced,
    RetrainingEnded,
    RetrainingTriggered,
)
from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, keep_first, projected, projects

TRIGGERED = "triggered"
"""The stage of a retraining of which nothing is done yet."""

retraining = Table(
    "retraining",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("trigger", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("live", String, nullable=False),
    Column("says", String),
    Column("triggered_at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("stage_at", String, nullable=False),
    Column("stage_seq", Integer, nullable=False),
    Column("dataset", String, nullable=False),
    Column("run", String, nullable=False),
    Column("version", String, nullable=False),
    Column("passed", Boolean),
    Column("rule", String, nullable=False),
    Column("rollout", String, nullable=False),
    Column("stage_says", String, nullable=False),
    Column("outcome", String),
    Column("code", String, nullable=False),
    Column("ended_says", String, nullable=False),
    Column("ended_at", String),
    Index("retraining_of", "name", "environment"),
)

feedback_collected = Table(
    "feedback_collected",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String, nullable=False),
    Column("version", String, nullable=False),
    Column("retraining", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("until", String, nullable=False),
)

policy_state = Table(
    "policy_state",
    projected,
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("settings", String, nullable=False),
    Column("schedule", String, nullable=False),
    Column("time_zone", String, nullable=False),
    # Since when this schedule, in this time zone, holds.
    Column("scheduled_since", String, nullable=False),
    Column("paused_at", String),
    Column("paused_by_rule", Boolean, nullable=False),
    Column("reason", String),
    Column("resumed_at", String),
    Column("resumed_seq", Integer, nullable=False),
    PrimaryKeyConstraint("name", "environment"),
)


@projects(RetrainingTriggered)
def _triggered(fact: Fact[RetrainingTriggered], connection: Connection) -> None:
    event, at = fact.event, to_text(fact.event.clock_at or fact.at)
    add(
        connection,
        retraining,
        id=event.retraining,
        seq=fact.seq,
        name=event.name,
        environment=event.environment,
        trigger=event.trigger,
        cause=event.cause,
        live=event.live,
        says=event.says,
        triggered_at=at,
        by=fact.actor,
        stage=TRIGGERED,
        stage_at=at,
        stage_seq=fact.seq,
        dataset="",
        run="",
        version="",
        rule="",
        rollout="",
        stage_says="",
        code="",
        ended_says="",
    )


@projects(RetrainingAdvanced)
def _advanced(fact: Fact[RetrainingAdvanced], connection: Connection) -> None:
    event = fact.event
    found = {
        name: getattr(event, name)
        for name in ("dataset", "run", "version", "rule", "rollout")
        if getattr(event, name)
    }
    if event.passed is not None:
        found["passed"] = event.passed
    connection.execute(
        update(retraining)
        .where(retraining.c.id == event.retraining)
        .values(
            stage=event.stage,
            stage_at=to_text(fact.at),
            stage_seq=fact.seq,
            stage_says=event.says,
            **found,
        )
    )


@projects(RetrainingEnded)
def _ended(fact: Fact[RetrainingEnded], connection: Connection) -> None:
    event = fact.event
    connection.execute(
        update(retraining)
        .where(retraining.c.id == event.retraining)
        .values(
            outcome=event.outcome,
            version=event.version,
            code=event.code,
            ended_says=event.says,
            ended_at=to_text(event.clock_at or fact.at),
        )
    )


@projects(FeedbackCollected)
def _collected(fact: Fact[FeedbackCollected], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        feedback_collected,
        seq=fact.seq,
        dataset=event.dataset,
        version=event.version,
        retraining=event.retraining,
        rows=event.rows,
        until=to_text(event.until),
    )


@projects(PolicyAdopted)
def _adopted(fact: Fact[PolicyAdopted], connection: Connection) -> None:
    event = fact.event
    where = (policy_state.c.name == event.name) & (policy_state.c.environment == event.environment)
    _ensure(event, connection)
    row = connection.execute(policy_state.select().where(where)).one()
    found = {"settings": event.settings, "schedule": event.schedule, "time_zone": event.time_zone}
    if not row.scheduled_since or (row.schedule, row.time_zone) != (event.schedule, event.time_zone):
        found["scheduled_since"] = to_text(fact.at)
    connection.execute(update(policy_state).where(where).values(**found))


@projects(PolicyPaused)
def _paused(fact: Fact[PolicyPaused], connection: Connection) -> None:
    event = fact.event
    _ensure(event, connection)
    connection.execute(
        update(policy_state)
        .where((policy_state.c.name == event.name) & (policy_state.c.environment == event.environment))
        .values(paused_at=to_text(fact.at), paused_by_rule=event.by_rule, reason=event.reason)
    )


@projects(PolicyResumed)
def _resumed(fact: Fact[PolicyResumed], connection: Connection) -> None:
    event = fact.event
    _ensure(event, connection)
    connection.execute(
        update(policy_state)
        .where((policy_state.c.name == event.name) & (policy_state.c.environment == event.environment))
        .values(
            paused_at=None,
            paused_by_rule=False,
            reason=None,
            resumed_at=to_text(fact.at),
            resumed_seq=fact.seq,
        )
    )


def _ensure(event: OfPolicy, connection: Connection) -> None:
    row = {
        "name": event.name,
        "environment": event.environment,
        "settings": "",
        "schedule": "",
        "time_zone": "",
        "scheduled_since": "",
        "paused_by_rule": False,
        "resumed_seq": 0,
    }
    keep_first(connection, policy_state, row)
