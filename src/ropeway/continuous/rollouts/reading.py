"""Reading rollouts: one, all of a model, the active one of an environment, what there is to go back to."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, Select, select

from ropeway.continuous.rollouts.errors import UnknownRollout
from ropeway.continuous.rollouts.events import SHADOW, Summary, Terms
from ropeway.continuous.rollouts.projections import ENDED, rollout, rollout_move, went_back
from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import Digest, ModelName
from ropeway.models import registry
from ropeway.models.projections import alias_history
from ropeway.models.states import State

ROLLED_BACK = "rolled-back"
HARM, GUARD = "harm", "guard: "
"""The rules by which a version goes back for what it did; a guard's is followed by its name."""
PREFIX = "rollout_"

_MAY_COME_BACK = frozenset({State.APPROVED, State.LIVE})


class MoveOfRollout(msgspec.Struct, frozen=True, kw_only=True):
    """One move: when, by whom or which rule, why, on which evidence."""

    at: datetime
    by: str
    move: str
    step: str
    rule: str
    says: str
    note: str | None
    evidence: Digest | None


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout as it stands. `says`: why it is held, or how it ended. `seq`: its last event."""

    id: str
    ref: str
    name: ModelName
    number: int
    champion: str
    environment: str
    state: Literal["running", "held", "ended"]
    outcome: str
    reason: str
    says: str
    steps: list[str]
    shares: list[float]
    step: int
    step_at: datetime
    started_at: datetime
    started_by: str
    deadline_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_rule: str
    terms: Terms
    alpha_spent: float
    year: int
    budget_left: float
    salt: str
    retraining: str
    rule: str
    note: str | None
    evidence: Digest | None
    summary: Summary | None
    moves: list[MoveOfRollout]
    seq: int

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state != ENDED

    @property
    def share(self) -> float:
        """The candidate's share of the traffic at this step."""
        return self.shares[self.step]


def step_name(share: float) -> str:
    """A step as people read it.

    Example:
        >>> step_name(0.0), step_name(0.1)
        ('shadow', '10 %')
    """
    return "shadow" if share == SHADOW else f"{share * 100:g} %"


def get(read: Connection, identity: str) -> RolloutState:
    """The rollout with that id, or the newest of that model, an active one first.

    Raises:
        UnknownRollout: there is none.
    """
    if identity.startswith(PREFIX):
        row = read.execute(select(rollout).where(rollout.c.id == identity)).first()
    else:
        name = identity.partition("@")[0]
        row = read.execute(_ordered().where(rollout.c.name == name)).first()
    if row is None:
        raise UnknownRollout(identity, read.execute(select(rollout.c.name).distinct()).scalars())
    return _state(read, row)


def newest(read: Connection) -> RolloutState | None:
    """The newest rollout of all, an active one first."""
    found = _listed(read, [], limit=1)
    return found[0] if found else None


def active_in(read: Connection, name: str, environment: str) -> RolloutState | None:
    """The one that is on its way to an environment."""
    of = [rollout.c.name == name, rollout.c.environment == environment, rollout.c.state != ENDED]
    found = _listed(read, of, limit=1)
    return found[0] if found else None


def list_all(
    read: Connection, *, name: str | None, environment: str | None, active: bool, limit: int
) -> list[RolloutState]:
    """Rollouts, active ones first, then the newest."""
    of = [] if name is None else [rollout.c.name == name]
    of += [] if environment is None else [rollout.c.environment == environment]
    of += [rollout.c.state != ENDED] if active else []
    return _listed(read, of, limit=limit)


def _listed(read: Connection, of: list[Any], *, limit: int) -> list[RolloutState]:
    return [_state(read, row) for row in read.execute(_ordered().where(*of).limit(limit)).all()]


def _ordered() -> Select[Any]:
    """All rollouts, active ones first, then the newest."""
    is_over = rollout.c.state == ENDED
    return select(rollout).order_by(is_over, rollout.c.started_at.desc(), rollout.c.seq.desc())


def alpha_spent(read: Connection, name: str, year: int) -> list[float]:
    """What each release of a model has taken from its year's budget."""
    query = select(rollout.c.alpha_spent).where((rollout.c.name == name) & (rollout.c.year == year))
    return list(read.execute(query.order_by(rollout.c.started_at)).scalars())


def went_back_for_harm(read: Connection, name: str, number: int, environment: str) -> RolloutState | None:
    """The newest rollout of a version in an environment, where it ended for harm or a broken guard."""
    of = (
        (rollout.c.name == name)
        & (rollout.c.environment == environment)
        & (rollout.c.number == number)
        & (rollout.c.state == ENDED)
    )
    row = read.execute(select(rollout).where(of).order_by(rollout.c.seq.desc()).limit(1)).first()
    if row is None or row.outcome != ROLLED_BACK:
        return None
    is_harm = row.ended_rule == HARM or row.ended_rule.startswith(GUARD)
    return _state(read, row) if is_harm else None


def rollbacks_since(read: Connection, name: str, environment: str, since: datetime) -> int:
    """How often a model was taken back: rollouts that were rolled back, and goings back by hand."""
    ended = select(rollout.c.id).where(
        (rollout.c.name == name)
        & (rollout.c.environment == environment)
        & (rollout.c.outcome == ROLLED_BACK)
        & (rollout.c.ended_at >= to_text(since))
    )
    back = select(went_back.c.seq).where(
        (went_back.c.name == name)
        & (went_back.c.environment == environment)
        & (went_back.c.at >= to_text(since))
    )
    return len(read.execute(ended).all()) + len(read.execute(back).all())


def before_in(read: Connection, name: str, environment: str) -> int | None:
    """The version that was live in an environment before the one that is; None when none may come back.

    A going back undoes the promotion that it went back from: twice back from 3 leads over 2 to 1, not to 3.
    """
    stack: list[int] = []
    for number, is_return in _held(read, name, environment):
        if is_return and number in stack:
            del stack[stack.index(number) + 1 :]
        elif number is not None:
            stack.append(number)
    live = registry.number_in(read, name, environment)
    for number in reversed(stack):
        if number != live and registry.get(read, name, number).state in _MAY_COME_BACK:
            return number
    return None


def _held(read: Connection, name: str, environment: str) -> Iterator[tuple[int | None, bool]]:
    """What an environment pointed to, one after the other, and whether each was a going back."""
    # The promotion that goes back is the event behind the one that says so.
    back = select(went_back.c.seq).where(
        (went_back.c.name == name) & (went_back.c.environment == environment)
    )
    returns = {seq + 1 for seq in read.execute(back).scalars()}
    past = select(alias_history.c.seq, alias_history.c.number)
    past = past.where((alias_history.c.name == name) & (alias_history.c.environment == environment))
    for row in read.execute(past.order_by(alias_history.c.seq)).all():
        yield row.number, row.seq in returns


def _state(read: Connection, row: Row[Any]) -> RolloutState:
    shares = [float(share) for share in json.loads(row.steps)]
    names = [step_name(share) for share in shares]
    return RolloutState(
        id=row.id,
        ref=f"{row.name}@{row.number}",
        name=row.name,
        number=row.number,
        champion=f"{row.name}@{row.champion}",
        environment=row.environment,
        state=row.state,
        outcome=row.outcome,
        reason=row.reason,
        says=row.says,
        steps=names,
        shares=shares,
        step=row.step,
        step_at=from_text(row.step_at),
        started_at=from_text(row.started_at),
        started_by=registry.name_of(read, row.started_by),
        deadline_at=from_text(row.deadline_at),
        ended_at=None if row.ended_at is None else from_text(row.ended_at),
        ended_by=None if row.ended_by is None else registry.name_of(read, row.ended_by),
        ended_rule=row.ended_rule,
        terms=msgspec.json.decode(row.terms, type=Terms),
        alpha_spent=row.alpha_spent,
        year=row.year,
        budget_left=row.budget_left,
        salt=row.salt,
        retraining=row.retraining,
        rule=row.rule,
        note=row.note,
        evidence=row.evidence,
        summary=None if row.summary is None else msgspec.json.decode(row.summary, type=Summary),
        moves=_moves(read, row.id, names),
        seq=row.seq,
    )


def _moves(read: Connection, identity: str, steps: list[str]) -> list[MoveOfRollout]:
    query = select(rollout_move).where(rollout_move.c.rollout == identity).order_by(rollout_move.c.seq)
    return [
        MoveOfRollout(
            at=from_text(row.at),
            by=registry.name_of(read, row.by),
            move=row.move,
            step=steps[row.step],
            rule=row.rule,
            says=row.says,
            note=row.note,
            evidence=row.evidence,
        )
        for row in read.execute(query).all()
    ]
