"""The tables that answer what versions there are, where they stand, and who moved them when."""

import json
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    select,
    update,
)

import ropeway.models.reference_projection  # noqa: F401  the room's tables are known by this module
from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, projected, projects
from ropeway.models.events import (
    ApprovedByRule,
    GateEvaluated,
    ModelApproved,
    ModelPromoted,
    ModelRecalled,
    ModelRegistered,
    ModelRejected,
    ModelRetired,
    OfVersion,
    SourceApproved,
    TrafficRouted,
)
from ropeway.models.states import AFTER_FAILED_GATE, AFTER_REPLACED, LEGAL, Move, State

OWN_FORMAT = "ropeway"

model_version = Table(
    "model_version",
    projected,
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("run", String, nullable=False),
    Column("package", String, nullable=False),
    Column("content", String, nullable=False),
    Column("source", String, nullable=False),
    Column("code", String, nullable=False),
    Column("dataset", String),
    Column("served", String, nullable=False),
    Column("registered_at", String, nullable=False),
    Column("registered_by", String, nullable=False),
    Column("approved_by", String),
    Column("self_approved", Boolean),
    Column("evidence", String),
    Column("passed", Boolean),
    Column("champion", String),
    Column("look", Integer),
    # What packaged it: `ropeway`, or another tool's name.
    Column("format", String, nullable=False),
    PrimaryKeyConstraint("name", "number"),
    Index("model_version_content", "name", "content"),
)

alias = Table(
    "alias",
    projected,
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("since", String, nullable=False),
    Column("by", String, nullable=False),
    PrimaryKeyConstraint("name", "environment"),
)

alias_history = Table(
    "alias_history",
    projected,
    Column("seq", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    # None: the version was recalled and nothing took its place.
    Column("number", Integer),
    PrimaryKeyConstraint("seq", "environment"),
)

route = Table(
    "route",
    projected,
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("live", Integer, nullable=False),
    # JSON lists: [[number, share], …] and [number, …].
    Column("arms", String, nullable=False),
    Column("shadows", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("rollout", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", String, nullable=False),
    PrimaryKeyConstraint("name", "environment"),
)

stay = Table(
    "stay",
    projected,
    # Since when a version has been live, arm or shadow in an environment without having left it.
    Column("name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("since", String, nullable=False),
    PrimaryKeyConstraint("name", "environment", "number"),
)

model_move = Table(
    "model_move",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    # How they proved who they are, as in the event.
    Column("auth", String, nullable=False),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("move", String, nullable=False),
    Column("before", String),
    Column("after", String, nullable=False),
    Column("environment", String),
    Column("replaced", Integer),
    Column("evidence", String),
    Column("note", String),
    Index("model_move_of", "name", "number"),
)

gate_look = Table(
    "gate_look",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("evidence", String, nullable=False),
    Column("test_set", String, nullable=False),
    Column("look", Integer, nullable=False),
    Index("gate_look_set", "test_set"),
)

approved_source = Table(
    "approved_source",
    projected,
    Column("source", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("basis", String, nullable=False),
)


def _state_of(name: str, number: int, connection: Connection) -> str | None:
    version = model_version.c
    where = (version.name == name) & (version.number == number)
    return connection.execute(select(version.state).where(where)).scalar()


def _set(fact: Fact[OfVersion], connection: Connection, **values: Any) -> None:
    connection.execute(
        update(model_version)
        .where((model_version.c.name == fact.event.name) & (model_version.c.number == fact.event.number))
        .values(**values)
    )


def _moved(fact: Fact[OfVersion], connection: Connection, move: str, after: State, **more: Any) -> None:
    """Note the move, then make it."""
    add(
        connection,
        model_move,
        seq=fact.seq,
        at=to_text(fact.at),
        by=fact.actor,
        auth=fact.auth,
        name=fact.event.name,
        number=fact.event.number,
        move=move,
        before=_state_of(fact.event.name, fact.event.number, connection),
        after=after.value,
        **more,
    )
    _set(fact, connection, state=after.value)


@projects(ModelRegistered)
def _register(fact: Fact[ModelRegistered], connection: Connection) -> None:
    event = fact.event
    enter_version(
        fact,
        connection,
        run=event.run,
        package=event.package,
        content=event.content,
        source=event.source,
        code=event.code,
        dataset=event.datasets[0] if event.datasets else None,
        served=event.served,
        format=OWN_FORMAT,
    )


def enter_version(fact: Fact[Any], connection: Connection, **columns: Any) -> None:
    """A new version, as a candidate: the event's `name` and `number`, and these columns."""
    _moved(fact, connection, "register", State.CANDIDATE)
    add(
        connection,
        model_version,
        name=fact.event.name,
        number=fact.event.number,
        state=State.CANDIDATE.value,
        registered_at=to_text(fact.at),
        registered_by=fact.actor,
        **columns,
    )


def retire_version(fact: Fact[Any], connection: Connection, *, note: str) -> None:
    """Put the event's version away, where the table of states has that move."""
    state = _state_of(fact.event.name, fact.event.number, connection)
    if any(arrow.move is Move.RETIRE and arrow.before == state for arrow in LEGAL):
        _moved(fact, connection, "retire", State.RETIRED, note=note)


@projects(GateEvaluated)
def _gate(fact: Fact[GateEvaluated], connection: Connection) -> None:
    judged = fact.event
    after = State.VALIDATED if judged.passed else AFTER_FAILED_GATE
    _moved(fact, connection, "gate", after, evidence=judged.evidence)
    _set(
        fact,
        connection,
        evidence=judged.evidence,
        passed=judged.passed,
        look=judged.look,
        champion=judged.champion,
        # An approval rested on the former evidence.
        approved_by=None,
        self_approved=None,
    )
    add(
        connection,
        gate_look,
        seq=fact.seq,
        at=to_text(fact.at),
        by=fact.actor,
        name=judged.name,
        number=judged.number,
        passed=judged.passed,
        evidence=judged.evidence,
        test_set=judged.test_set,
        look=judged.look,
    )


@projects(ModelApproved)
def _approve(fact: Fact[ModelApproved], connection: Connection) -> None:
    _moved(fact, connection, "approve", State.APPROVED, evidence=fact.event.evidence, note=fact.event.note)
    _set(fact, connection, approved_by=fact.actor, self_approved=fact.event.self_approved)


@projects(ApprovedByRule)
def _approve_by_rule(fact: Fact[ApprovedByRule], connection: Connection) -> None:
    note = f"by rule: {fact.event.rule}"
    _moved(fact, connection, "approve", State.APPROVED, evidence=fact.event.evidence, note=note)
    _set(fact, connection, approved_by=fact.actor, self_approved=False)


@projects(TrafficRouted)
def _route(fact: Fact[TrafficRouted], connection: Connection) -> None:
    routed = fact.event
    _unroute(routed.name, routed.environment, connection)
    there = {routed.live, *(arm.number for arm in routed.arms), *routed.shadows}
    _stand(fact, routed.name, routed.environment, there, connection)
    if not routed.arms and not routed.shadows:
        return
    add(
        connection,
        route,
        name=routed.name,
        environment=routed.environment,
        live=routed.live,
        arms=json.dumps([[arm.number, arm.share] for arm in routed.arms]),
        shadows=json.dumps(routed.shadows),
        salt=routed.salt,
        rollout=routed.rollout,
        seq=fact.seq,
        at=to_text(fact.at),
    )


@projects(ModelPromoted)
def _promote(fact: Fact[ModelPromoted], connection: Connection) -> None:
    promoted = fact.event
    _moved(
        fact,
        connection,
        "promote",
        State.LIVE,
        environment=promoted.environment,
        replaced=promoted.replaced,
        note=promoted.note,
    )
    _empty(promoted.name, promoted.environment, connection)
    # What was on its way there was measured beside the version that went.
    _unroute(promoted.name, promoted.environment, connection)
    values = {
        "name": promoted.name,
        "environment": promoted.environment,
        "number": promoted.number,
        "by": fact.actor,
    }
    _stand(fact, promoted.name, promoted.environment, {promoted.number}, connection)
    add(connection, alias, **values, since=to_text(fact.at))
    add(connection, alias_history, **values, seq=fact.seq, at=to_text(fact.at))
    if promoted.replaced is not None:
        _demote_unless_aliased(promoted.name, promoted.replaced, connection)


@projects(ModelRejected)
def _reject(fact: Fact[ModelRejected], connection: Connection) -> None:
    _moved(fact, connection, "reject", State.REJECTED, note=fact.event.reason)


@projects(ModelRetired)
def _retire(fact: Fact[ModelRetired], connection: Connection) -> None:
    _moved(fact, connection, "retire", State.RETIRED, note=fact.event.reason)


@projects(ModelRecalled)
def _recall(fact: Fact[ModelRecalled], connection: Connection) -> None:
    recalled = fact.event
    _moved(fact, connection, "recall", State.RECALLED, note=recalled.reason)
    for environment in recalled.environments:
        _empty(recalled.name, environment, connection)
        _unroute(recalled.name, environment, connection)
        _stand(fact, recalled.name, environment, set(), connection)
        add(
            connection,
            alias_history,
            seq=fact.seq,
            at=to_text(fact.at),
            by=fact.actor,
            name=recalled.name,
            environment=environment,
            number=None,
        )


@projects(SourceApproved)
def _trust(fact: Fact[SourceApproved], connection: Connection) -> None:
    known = select(approved_source.c.source).where(approved_source.c.source == fact.event.source)
    if connection.execute(known).first() is None:
        add(
            connection,
            approved_source,
            source=fact.event.source,
            at=to_text(fact.at),
            by=fact.event.person,
            basis=fact.event.basis,
        )


def _empty(name: str, environment: str, connection: Connection) -> None:
    connection.execute(delete(alias).where((alias.c.name == name) & (alias.c.environment == environment)))


def _unroute(name: str, environment: str, connection: Connection) -> None:
    connection.execute(delete(route).where((route.c.name == name) & (route.c.environment == environment)))


def _stand(fact: Fact[Any], name: str, environment: str, there: set[int], connection: Connection) -> None:
    """Note who has left an environment and who has come; who was there already has been since then."""
    of = (stay.c.name == name) & (stay.c.environment == environment)
    connection.execute(delete(stay).where(of & stay.c.number.not_in(there)))
    known = set(connection.execute(select(stay.c.number).where(of)).scalars())
    for number in sorted(there - known):
        add(connection, stay, name=name, environment=environment, number=number, since=to_text(fact.at))


def _demote_unless_aliased(name: str, number: int, connection: Connection) -> None:
    """What no environment points to any more is approved again; see `states`."""
    still = select(alias.c.environment).where((alias.c.name == name) & (alias.c.number == number))
    if connection.execute(still).first() is not None:
        return
    connection.execute(
        update(model_version)
        .where(
            (model_version.c.name == name)
            & (model_version.c.number == number)
            & (model_version.c.state == State.LIVE.value)
        )
        .values(state=AFTER_REPLACED.value)
    )
