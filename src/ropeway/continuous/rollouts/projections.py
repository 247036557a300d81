"""The tables that rollouts fill: one row for each, the line of its moves, and the goings back by hand."""

import json
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Float, Index, Integer, String, Table, insert, select, update

from ropeway.continuous.rollouts.events import (
    OfRollout,
    ReleaseRolledBack,
    RolloutAdvanced,
    RolloutEnded,
    RolloutEvaluated,
    RolloutHeld,
    RolloutResumed,
    RolloutStarted,
    Terms,
)
from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, projected, projects

RUNNING, HELD, ENDED = "running", "held", "ended"

rollout = Table(
    "rollout",
    projected,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("champion", Integer, nullable=False),
    Column("environment", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("started_by", String, nullable=False),
    # JSON: shares, and the terms as the event holds them.
    Column("steps", String, nullable=False),
    Column("terms", String, nullable=False),
    Column("alpha_spent", Float, nullable=False),
    Column("year", Integer, nullable=False),
    Column("budget_left", Float, nullable=False),
    Column("salt", String, nullable=False),
    Column("retraining", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("note", String),
    Column("state", String, nullable=False),
    Column("step", Integer, nullable=False),
    Column("step_at", String, nullable=False),
    Column("deadline_at", String, nullable=False),
    # Why it is held or how it ended, in words.
    Column("says", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("ended_at", String),
    Column("ended_by", String),
    Column("ended_rule", String, nullable=False),
    Column("evidence", String),
    Column("summary", String),
    # The last event about it: what is decided on an older state is decided on nothing.
    Column("seq", Integer, nullable=False),
    Index("rollout_of", "name", "environment"),
)

rollout_move = Table(
    "rollout_move",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("rollout", String, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("move", String, nullable=False),
    Column("step", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("says", String, nullable=False),
    Column("note", String),
    Column("evidence", String),
    Index("rollout_move_of", "rollout", "seq"),
)

went_back = Table(
    "went_back",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("left", Integer),
)


def _moved(fact: Fact[Any], connection: Connection, move: str, **more: Any) -> None:
    """Note the move; what it does not say stands as it stood."""
    of: OfRollout = fact.event
    known = select(rollout.c.step, rollout.c.evidence).where(rollout.c.id == of.rollout)
    row = connection.execute(known).first()
    values = {"step": row.step if row else 0, "evidence": row.evidence if row else None, **more}
    connection.execute(
        insert(rollout_move).values(
            {"rule": "", "says": "", "note": None}
            | values
            | {
                "seq": fact.seq,
                "rollout": of.rollout,
                "at": to_text(fact.at),
                "by": fact.actor,
                "move": move,
            }
        )
    )


def _set(fact: Fact[Any], connection: Connection, **values: Any) -> None:
    connection.execute(
        update(rollout).where(rollout.c.id == fact.event.rollout).values(seq=fact.seq, **values)
    )


def _deadline(fact: Fact[Any], connection: Connection) -> str:
    """When a step that begins now, or goes on, is undecided."""
    of = select(rollout.c.terms).where(rollout.c.id == fact.event.rollout)
    terms = msgspec.json.decode(connection.execute(of).scalar_one(), type=Terms)
    return to_text(fact.at + timedelta(seconds=terms.deadline))


@projects(RolloutStarted)
def _start(fact: Fact[RolloutStarted], connection: Connection) -> None:
    started = fact.event
    _moved(fact, connection, "started", rule=started.rule, note=started.note)
    add(
        connection,
        rollout,
        id=started.rollout,
        name=started.name,
        number=started.number,
        champion=started.champion,
        environment=started.environment,
        started_at=to_text(fact.at),
        started_by=fact.actor,
        steps=json.dumps(started.steps),
        terms=msgspec.json.encode(started.terms).decode(),
        alpha_spent=started.alpha_spent,
        year=started.year,
        budget_left=started.budget_left,
        salt=started.salt,
        retraining=started.retraining,
        rule=started.rule,
        note=started.note,
        state=RUNNING,
        step=0,
        step_at=to_text(fact.at),
        deadline_at=to_text(fact.at + timedelta(seconds=started.terms.deadline)),
        says="",
        outcome="",
        reason="",
        ended_rule="",
        seq=fact.seq,
    )


@projects(RolloutEvaluated)
def _evaluate(fact: Fact[RolloutEvaluated], connection: Connection) -> None:
    summary = msgspec.json.encode(fact.event.summary).decode()
    _set(fact, connection, evidence=fact.event.evidence, summary=summary)


@projects(RolloutAdvanced)
def _advance(fact: Fact[RolloutAdvanced], connection: Connection) -> None:
    advanced = fact.event
    _moved(
        fact, connection, "advanced", step=advanced.step, rule=advanced.rule, says=advanced.says,
        note=advanced.note,
    )  # fmt: skip
    at, deadline = to_text(fact.at), _deadline(fact, connection)
    _set(fact, connection, step=advanced.step, step_at=at, deadline_at=deadline)


@projects(RolloutHeld)
def _hold(fact: Fact[RolloutHeld], connection: Connection) -> None:
    held = fact.event
    _moved(fact, connection, "held", rule=held.rule, says=held.says, note=held.note)
    _set(fact, connection, state=HELD, reason=held.reason, says=held.says)


@projects(RolloutResumed)
def _resume(fact: Fact[RolloutResumed], connection: Connection) -> None:
    _moved(fact, connection, "resumed", note=fact.event.note)
    _set(fact, connection, state=RUNNING, reason="", says="", deadline_at=_deadline(fact, connection))


@projects(RolloutEnded)
def _end(fact: Fact[RolloutEnded], connection: Connection) -> None:
    ended = fact.event
    _moved(
        fact, connection, ended.outcome, rule=ended.rule, says=ended.says, note=ended.note,
        evidence=ended.evidence,
    )  # fmt: skip
    _set(
        fact,
        connection,
        state=ENDED,
        outcome=ended.outcome,
        says=ended.says,
        reason="",
        ended_at=to_text(fact.at),
        ended_by=fact.actor,
        ended_rule=ended.rule,
        evidence=ended.evidence,
    )


@projects(ReleaseRolledBack)
def _go_back(fact: Fact[ReleaseRolledBack], connection: Connection) -> None:
    back = fact.event
    add(
        connection,
        went_back,
        seq=fact.seq,
        at=to_text(fact.at),
        by=fact.actor,
        name=back.name,
        environment=back.environment,
        number=back.number,
        left=back.left,
    )
