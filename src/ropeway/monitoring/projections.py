"""The tables that answer how production does: windows, performance, alerts, and who is still to be told."""

import json
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    select,
    update,
)

from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, keep_latest, projected, projects
from ropeway.monitoring.events import (
    AlertDelivered,
    AlertRaised,
    AlertResolved,
    EstimateCalibrated,
    PerformanceMeasured,
    RecentPerformanceMeasured,
    WindowObserved,
)

RAISED, RESOLVED = "raised", "resolved"


def _of_window() -> tuple[Column[Any], ...]:
    """The columns that name a window of a deployment."""
    return (
        Column("name", String, nullable=False),
        Column("number", Integer, nullable=False),
        Column("environment", String, nullable=False),
        Column("start", String, nullable=False),
        Column("end", String, nullable=False),
    )


observed_window = Table(
    "observed_window",
    projected,
    *_of_window(),
    Column("rows", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("latency_p50_us", Integer, nullable=False),
    Column("latency_p99_us", Integer, nullable=False),
    Column("profile", String, nullable=False),
    Column("drift", String),
    Column("drifted", String, nullable=False),
    Column("effect", Float),
    Column("faults", String, nullable=False),
    Column("findings", String),
    Column("at", String, nullable=False),
    PrimaryKeyConstraint("name", "number", "environment", "start", "end"),
    Index("observed_window_end", "end"),
)

FIGURES = (
    "value",
    "low",
    "high",
    "cost",
    "cost_low",
    "cost_high",
    "estimated",
    "estimated_low",
    "estimated_high",
)


def _of_performance() -> tuple[Column[Any], ...]:
    """The columns that say how good answers were."""
    return (
        Column("rows", Integer, nullable=False),
        Column("labelled", Integer, nullable=False),
        Column("labels", String, nullable=False),
        Column("metric", String, nullable=False),
        *(Column(name, Float) for name in FIGURES),
        Column("at", String, nullable=False),
    )


measured_window = Table(
    "measured_window",
    projected,
    *_of_window(),
    *_of_performance(),
    PrimaryKeyConstraint("name", "number", "environment", "start", "end"),
)

recent_performance = Table(
    "recent_performance",
    projected,
    *_of_window(),
    *_of_performance(),
    Column("windows", Integer, nullable=False),
    PrimaryKeyConstraint("name", "number", "environment"),
)

alert = Table(
    "alert",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("when", String, nullable=False),
    Column("severity", String, nullable=False),
    *_of_window(),
    Column("figure", Float, nullable=False),
    Column("limit", Float, nullable=False),
    Column("columns", String, nullable=False),
    Column("says", String, nullable=False),
    Column("next_step", String, nullable=False),
    Column("raised_at", String, nullable=False),
    Column("resolved_at", String),
    Column("resolution", String, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Index("alert_open", "is_open"),
)

alert_delivery = Table(
    "alert_delivery",
    projected,
    Column("alert", String, nullable=False),
    Column("state", String, nullable=False),
    Column("sink", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("delivered_at", String),
    PrimaryKeyConstraint("alert", "state", "sink"),
    Index("alert_delivery_waiting", "delivered_at", "seq"),
)

estimate_calibration = Table(
    "estimate_calibration",
    projected,
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("calibration", String, nullable=False),
    Column("rows", Integer, nullable=False),
    PrimaryKeyConstraint("name", "number"),
)


@projects(WindowObserved)
def _observe(fact: Fact[WindowObserved], connection: Connection) -> None:
    seen = fact.event
    add(
        connection,
        observed_window,
        name=seen.name,
        number=seen.number,
        environment=seen.environment,
        start=to_text(seen.start),
        end=to_text(seen.end),
        rows=seen.rows,
        errors=seen.errors,
        latency_p50_us=seen.latency_p50_us,
        latency_p99_us=seen.latency_p99_us,
        profile=seen.profile,
        drift=seen.drift,
        drifted=json.dumps(seen.drifted),
        effect=seen.effect,
        faults=msgspec.json.encode(seen.faults).decode(),
        findings=seen.findings,
        at=to_text(fact.at),
    )


@projects(PerformanceMeasured)
def _measure(fact: Fact[PerformanceMeasured], connection: Connection) -> None:
    _put_performance(fact, measured_window, connection)


@projects(RecentPerformanceMeasured)
def _sum_up(fact: Fact[RecentPerformanceMeasured], connection: Connection) -> None:
    _put_performance(fact, recent_performance, connection)


def _put_performance(fact: Fact[Any], table: Table, connection: Connection) -> None:
    values = msgspec.structs.asdict(fact.event)
    values |= {"start": to_text(fact.event.start), "end": to_text(fact.event.end), "at": to_text(fact.at)}
    # The latest holds: truth comes late, and changes.
    keep_latest(connection, table, **values)


@projects(EstimateCalibrated)
def _calibrate(fact: Fact[EstimateCalibrated], connection: Connection) -> None:
    keep_latest(connection, estimate_calibration, **msgspec.structs.asdict(fact.event))


@projects(AlertRaised)
def _raise(fact: Fact[AlertRaised], connection: Connection) -> None:
    raised = fact.event
    add(
        connection,
        alert,
        id=raised.id,
        seq=fact.seq,
        rule=raised.rule,
        when=raised.when,
        severity=raised.severity,
        name=raised.name,
        number=raised.number,
        environment=raised.environment,
        start=to_text(raised.start),
        end=to_text(raised.end),
        figure=raised.figure,
        limit=raised.limit,
        columns=json.dumps(raised.columns),
        says=raised.says,
        next_step=raised.next_step,
        raised_at=to_text(fact.at),
        resolved_at=None,
        resolution="",
        is_open=True,
    )
    _wait(raised.id, RAISED, raised.sinks, fact.seq, connection)


@projects(AlertResolved)
def _resolve(fact: Fact[AlertResolved], connection: Connection) -> None:
    resolved = fact.event
    connection.execute(
        update(alert)
        .where(alert.c.id == resolved.id)
        .values(resolved_at=to_text(fact.at), resolution=resolved.says, is_open=False)
    )
    _wait(resolved.id, RESOLVED, resolved.sinks, fact.seq, connection)


@projects(AlertDelivered)
def _deliver(fact: Fact[AlertDelivered], connection: Connection) -> None:
    told = fact.event
    where = (
        (alert_delivery.c.alert == told.id)
        & (alert_delivery.c.state == told.state)
        & (alert_delivery.c.sink == told.sink)
    )
    if connection.execute(select(alert_delivery.c.delivered_at).where(where)).scalar() is None:
        connection.execute(update(alert_delivery).where(where).values(delivered_at=to_text(fact.at)))


def _wait(identity: str, state: str, sinks: list[str], seq: int, connection: Connection) -> None:
    """Put a message into the outbox, once for each sink."""
    for sink in dict.fromkeys(sinks):
        add(connection, alert_delivery, alert=identity, state=state, sink=sink, seq=seq, delivered_at=None)
