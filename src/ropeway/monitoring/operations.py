"""What can be asked of monitoring, and the steps by which it puts things on record.

Looking is heavy and done before: each command here is one short write transaction, and repeating it does
nothing more. `observe` puts them together.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, select

from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import Digest, ModelName
from ropeway.models import registry
from ropeway.monitoring.alerts import OF_PERFORMANCE, OF_WINDOWS, Changed, Changes, judge_deployment, settle
from ropeway.monitoring.errors import UnknownWindow
from ropeway.monitoring.events import (
    AlertDelivered,
    EstimateCalibrated,
    OfDeployment,
    OfPerformance,
    PerformanceMeasured,
    RecentPerformanceMeasured,
    WindowObserved,
)
from ropeway.monitoring.health import health_of
from ropeway.monitoring.projections import (
    alert,
    alert_delivery,
    estimate_calibration,
    measured_window,
    observed_window,
    recent_performance,
)
from ropeway.monitoring.reading import alert_of, alerts_of, came_back, lines_of
from ropeway.monitoring.records import Alert, DeploymentHealth, Finding, Observation, Skew, WindowLine
from ropeway.monitoring.sinks import Message
from ropeway.workspace import Context, LocalWorkspace, operation

MOST = 1000
LATEST_ENDS = 4


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """When the last request to a model in an environment came."""

    name: str
    environment: str
    at: datetime


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A window that is on record: of which version, where, when."""

    ref: str
    environment: str
    start: datetime
    end: datetime


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A window that was put on record just now, and the alerts that changed with it."""

    line: WindowLine
    changed: Changed


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the outbox, and the sink that it is for."""

    sink: str
    message: Message


class WindowDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One window with all that was found: `drift` is a DriftReport as JSON, None where it was not judged."""

    line: WindowLine
    drift: dict[str, Any] | None
    findings: list[Finding]


@operation("monitoring.health", kind="query", permission="monitoring:read")
def get_health(context: Context, *, include_former: bool = False) -> list[DeploymentHealth]:
    """How each version does in each environment now: the live ones first."""
    return health_of(context, include_former=include_former)


@operation("monitoring.windows", kind="query", permission="monitoring:read")
def list_windows(
    context: Context, *, model: str | None = None, environment: str | None = None, last: int = 30
) -> list[WindowLine]:
    """Observed windows, oldest first.

    Args:
        context: the call.
        model: only this model's, or with `@` only this version's.
        environment: only those there.
        last: at most so many of the newest.
    """
    name, number = None, None
    if model is not None and "@" in model:
        version = registry.resolve(context.read, context.project, model)
        name, number = version.name, version.number
    elif model is not None:
        name = ModelName(model)
    last = max(1, min(last, MOST))
    return lines_of(context.read, name=name, number=number, environment=environment, last=last)


@operation("monitoring.window", kind="query", permission="monitoring:read")
def get_window(context: Context, *, model: str, environment: str, start: datetime) -> WindowDetail:
    """One observed window with its report on drift and its findings.

    Raises:
        UnknownWindow: none that begins then was observed.
    """
    version = registry.resolve(context.read, context.project, model)
    lines = lines_of(
        context.read, name=version.name, number=version.number, environment=environment, since=start
    )
    line = next((each for each in lines if each.start == start), None)
    if line is None:
        raise UnknownWindow(version.ref, environment, to_text(start))
    store = context.store
    return WindowDetail(
        line=line,
        drift=None if line.drift is None else msgspec.json.decode(store.read(line.drift)),
        findings=[]
        if line.findings is None
        else msgspec.json.decode(store.read(line.findings), type=list[Finding]),
    )


@operation("monitoring.alerts", kind="query", permission="monitoring:read")
def list_alerts(
    context: Context, *, open_only: bool = True, model: str | None = None, limit: int = 200
) -> list[Alert]:
    """Alerts, the newest first; of open ones, pages before warnings.

    Args:
        context: the call.
        open_only: leave out those that are resolved.
        model: only this model's, or with `@` only this version's.
        limit: at most so many.
    """
    name, number = None, None
    if model is not None:
        version = registry.resolve(context.read, context.project, model)
        name, number = version.name, version.number if "@" in model else None
    limit = max(1, min(limit, MOST))
    return alerts_of(context.read, open_only=open_only, name=name, number=number, limit=limit)


@operation("monitoring.skew", kind="query", permission="monitoring:read")
def find_skew(
    context: Context, *, model: str, environment: str | None = None, since: datetime | None = None
) -> Skew:
    """Training values beside serving values of the same rows, joined by the key that requests carry.

    Args:
        context: the call.
        model: the version.
        environment: only answers given there.
        since: only answers from then on.

    Raises:
        NoKeyCarried: no request brought the key of a training row.
    """
    from ropeway.models.within import Within
    from ropeway.monitoring.compare_rows import skew_of

    return skew_of(Within(context), model, environment=environment, since=since)


@operation("monitoring.observe", kind="job", permission="monitoring:write")
def observe_production(context: Context) -> Observation:
    """Look at production: judge each window that is over, measure, raise and resolve alerts, deliver them."""
    from ropeway.monitoring.observe import observe

    # The job as a whole was permitted; each step of it is recorded as the caller's.
    caller = msgspec.structs.replace(context.caller, allowed=None)
    with LocalWorkspace(context.root, actor=caller.name, clock=context.clock).acting(caller) as workspace:
        return observe(workspace)


@operation("monitoring.marks", kind="query", permission="monitoring:read")
def list_marks(context: Context, *, before: datetime) -> list[Mark]:
    """The latest windows on record that were over by a moment, of all versions: those of the last ends.

    What lies after the moment was put on record under a clock that had jumped ahead, and says nothing of
    what has been looked at.
    """
    table = observed_window.c
    ends = (
        select(table.end)
        .where(table.end <= to_text(before))
        .distinct()
        .order_by(table.end.desc())
        .limit(LATEST_ENDS)
    )
    oldest = min(context.read.execute(ends).scalars(), default=None)
    if oldest is None:
        return []
    rows = context.read.execute(
        select(table.name, table.number, table.environment, table.start, table.end).where(
            (table.end >= oldest) & (table.end <= to_text(before))
        )
    )
    return [
        Mark(
            ref=f"{row.name}@{row.number}",
            environment=row.environment,
            start=from_text(row.start),
            end=from_text(row.end),
        )
        for row in rows
    ]


@operation("monitoring.lines", kind="query", permission="monitoring:read")
def list_lines(context: Context, *, since: datetime) -> list[WindowLine]:
    """All observed windows that end after a moment, oldest first."""
    return lines_of(context.read, since=since)


@operation("monitoring.since", kind="query", permission="monitoring:read")
def find_since(context: Context, *, ref: str, environment: str) -> datetime | None:
    """Since when a version has stood in an environment without having left it; None while it does not."""
    version = registry.resolve(context.read, context.project, ref)
    return came_back(context.read, version.name, version.number, environment, now=context.clock.now())


@operation("monitoring.calibration", kind="query", permission="monitoring:read")
def find_calibration(context: Context, *, ref: str) -> Digest | None:
    """The object that says how far a version's confidence may be believed; None while there is none."""
    version = registry.resolve(context.read, context.project, ref)
    return _calibration(context, version.name, version.number)


@operation("monitoring.record-window", kind="command", permission="monitoring:write")
def record_window(
    context: Context, *, window: WindowObserved, performance: PerformanceMeasured | None = None
) -> Recorded | None:
    """Put a window on record, once, and hold the rules against it; None when it was there already.

    Raises:
        UnknownModel, UnknownVersion: it is of no version that was registered here.
    """
    context.begin()
    registry.find(context.read, window.ref)
    if _is_recorded(context, observed_window, window):
        return None
    context.append(window)
    if performance is not None and not _is_recorded(context, measured_window, performance):
        context.append(performance)
    changes = Changes(context)
    judge_deployment(context, window, OF_WINDOWS, changes)
    lines = lines_of(
        context.read,
        name=window.name,
        number=window.number,
        environment=window.environment,
        since=window.start,
    )
    return Recorded(line=lines[0], changed=changes.told())


@operation("monitoring.record-performance", kind="command", permission="monitoring:write")
def record_performance(
    context: Context, *, measured: list[PerformanceMeasured], recent: RecentPerformanceMeasured | None = None
) -> Changed:
    """Put on record what is not on record yet, and hold the rules against the latest.

    Raises:
        UnknownModel, UnknownVersion: some of it is of no version that was registered here.
    """
    context.begin()
    for each in (*measured, *([recent] if recent is not None else [])):
        registry.find(context.read, each.ref)
    for each in measured:
        if not _says_the_same(context, measured_window, each):
            context.append(each)
    if recent is not None and not _says_the_same(context, recent_performance, recent):
        context.append(recent)
    changes = Changes(context)
    of: list[OfDeployment] = [*measured, *([recent] if recent is not None else [])]
    if of:
        judge_deployment(context, of[-1], OF_PERFORMANCE, changes)
    return changes.told()


@operation("monitoring.settle-alerts", kind="command", permission="monitoring:write")
def settle_alerts(context: Context, *, last_seen: list[Seen] | None) -> Changed:
    """Raise and resolve what time alone changes: silence, versions that have left, rules that are gone.

    Where nobody could see when requests came (None), silence is not judged.
    """
    context.begin()
    changes = Changes(context)
    seen = None if last_seen is None else {(each.name, each.environment): each.at for each in last_seen}
    settle(context, seen, changes)
    return changes.told()


@operation("monitoring.outbox", kind="query", permission="monitoring:read")
def list_waiting(context: Context) -> list[Waiting]:
    """Messages that a sink has not taken yet, in the order in which they came about."""
    table = alert_delivery
    query = (
        select(table.c.state, table.c.sink, alert)
        .join(alert, alert.c.id == table.c.alert)
        # A sink that is declared no longer is kept waiting, in case it comes back.
        .where(table.c.delivered_at.is_(None) & table.c.sink.in_(context.project.sinks))
        .order_by(table.c.seq, table.c.sink)
        .limit(MOST)
    )
    return [
        Waiting(
            sink=row.sink,
            message=Message(
                id=f"{row.id}.{row.state}",
                state=row.state,
                project=context.project.project.name,
                alert=alert_of(row),
            ),
        )
        for row in context.read.execute(query)
    ]


@operation("monitoring.record-delivery", kind="command", permission="monitoring:write")
def record_delivery(context: Context, *, identity: str, state: str, sink: str, tries: int) -> bool:
    """Put on record that a sink took a message; False when it was known, or nothing waited for it."""
    context.begin()
    table = alert_delivery.c
    where = (table.alert == identity) & (table.state == state) & (table.sink == sink)
    row = context.read.execute(select(table.delivered_at).where(where)).first()
    if row is None or row.delivered_at is not None:
        return False
    context.append(AlertDelivered(id=identity, state=state, sink=sink, tries=tries))
    return True


@operation("monitoring.record-calibration", kind="command", permission="monitoring:write")
def record_calibration(context: Context, *, ref: str, calibration: Digest, rows: int) -> Digest:
    """Put on record how far a version's confidence may be believed; gives what holds, the first that came."""
    context.begin()
    version = registry.resolve(context.read, context.project, ref)
    known = _calibration(context, version.name, version.number)
    if known is not None:
        return known
    context.append(
        EstimateCalibrated(name=version.name, number=version.number, calibration=calibration, rows=rows)
    )
    return calibration


def _calibration(context: Context, name: str, number: int) -> Digest | None:
    table = estimate_calibration.c
    where = (table.name == name) & (table.number == number)
    known = context.read.execute(select(table.calibration).where(where)).scalar()
    return None if known is None else Digest(known)


def _key(table: Table, of: WindowObserved | OfPerformance) -> ColumnElement[bool]:
    return (table.c.name == of.name) & (table.c.number == of.number) & (table.c.environment == of.environment)


def _is_recorded(context: Context, table: Table, of: WindowObserved | OfPerformance) -> bool:
    """Whether the window has its row already; or one that lies across it, of another length."""
    overlaps = (table.c.start < to_text(of.end)) & (table.c.end > to_text(of.start))
    return context.read.execute(select(table.c.at).where(_key(table, of) & overlaps)).first() is not None


def _says_the_same(context: Context, table: Table, of: OfPerformance) -> bool:
    where = _key(table, of) & (table.c.start == to_text(of.start)) & (table.c.end == to_text(of.end))
    row = context.read.execute(select(table).where(where)).first()
    return row is not None and (row.labels, row.metric, row.rows) == (of.labels, of.metric, of.rows)
