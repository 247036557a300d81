"""Reading what was observed: windows, performance, alerts, and how versions stand in their environments.

Nothing here writes, and nothing here looks at predictions: all of it is on record.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, select

from ropeway.core.clock import from_text, to_text
from ropeway.models import registry
from ropeway.models.projections import alias, stay
from ropeway.models.routing import Routing, routing_of
from ropeway.monitoring.events import Faults
from ropeway.monitoring.projections import (
    FIGURES,
    alert,
    measured_window,
    observed_window,
    recent_performance,
)
from ropeway.monitoring.records import Alert, Performance, Role, WindowLine
from ropeway.workspace import Project

SHOWN_COLUMNS = 4


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a version stands in an environment now.

    `since`: when the live one became it. `is_mirrored`: an arm that is asked beside the live one, too.
    """

    name: str
    number: int
    environment: str
    role: Role
    share: float
    since: datetime | None = None
    is_mirrored: bool = False

    @property
    def ref(self) -> str:
        """The version, as `name@number`."""
        return f"{self.name}@{self.number}"


def standings(read: Connection, project: Project) -> list[Standing]:
    """Every version that has a role in an environment: live, arm or shadow."""
    found: list[Standing] = []
    for row in read.execute(select(alias).order_by(alias.c.name, alias.c.environment)):
        if row.environment not in project.environments:
            continue
        routing = routing_of(read, project, row.name, row.environment)
        found += _roles(routing, from_text(row.since))
    return found


def _roles(routing: Routing, since: datetime) -> list[Standing]:
    arms = {arm.ref for arm in routing.arms}

    def stands(ref: str, role: Role, share: float, since: datetime | None = None) -> Standing:
        return Standing(
            name=routing.name,
            number=int(ref.rpartition("@")[2]),
            environment=routing.environment,
            role=role,
            share=share,
            since=since,
            is_mirrored=role == "arm" and ref in routing.shadows,
        )

    left = 1 - sum(arm.share for arm in routing.arms)
    roles = [] if routing.live is None else [stands(routing.live, "live", left, since)]
    roles += [stands(arm.ref, "arm", arm.share) for arm in routing.arms]
    # A canary that is mirrored is one version with one role, not two.
    return roles + [stands(ref, "shadow", 0.0) for ref in routing.shadows if ref not in arms]


def role_of(read: Connection, project: Project, name: str, number: int, environment: str) -> Role:
    """How one version stands in one environment."""
    if environment not in project.environments:
        return "former"
    live = registry.number_in(read, name, environment)
    if live is None:
        return "former"
    if live == number:
        return "live"
    routing = routing_of(read, project, name, environment)
    ref = f"{name}@{number}"
    if any(arm.ref == ref for arm in routing.arms):
        return "arm"
    return "shadow" if ref in routing.shadows else "former"


def came_back(
    read: Connection, name: str, number: int, environment: str, *, now: datetime
) -> datetime | None:
    """Since when a version has stood in an environment without having left; None where that is not known.

    What came from a clock that had jumped ahead is not known: it would silence every alert until then.
    """
    of = (stay.c.name == name) & (stay.c.number == number) & (stay.c.environment == environment)
    since = read.execute(select(stay.c.since).where(of)).scalar()
    return None if since is None or from_text(since) > now else from_text(since)


def lines_of(
    read: Connection,
    *,
    name: str | None = None,
    number: int | None = None,
    environment: str | None = None,
    since: datetime | None = None,
    last: int | None = None,
) -> list[WindowLine]:
    """Observed windows with their performance, oldest first; only the `last` of them where that is given."""
    table = observed_window.c
    wanted: list[ColumnElement[bool]] = []
    for column, value in ((table.name, name), (table.number, number), (table.environment, environment)):
        if value is not None:
            wanted.append(column == value)
    if since is not None:
        wanted.append(table.end > to_text(since))
    query = (
        select(
            observed_window,
            *(column.label(f"p_{column.name}") for column in measured_window.c if column.name not in _KEY),
        )
        .select_from(observed_window.outerjoin(measured_window, _same_window(observed_window)))
        .where(*wanted)
        .order_by(table.end.desc(), table.name, table.number.desc(), table.environment)
    )
    rows = read.execute(query if last is None else query.limit(last)).all()
    return [_line(row) for row in reversed(rows)]


_KEY = frozenset({"name", "number", "environment", "start", "end"})


def _same_window(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[key] == measured_window.c[key] for key in sorted(_KEY)))


def _line(row: Row[Any]) -> WindowLine:
    faults = msgspec.json.decode(row.faults, type=list[Faults])
    quality: dict[str, int] = {}
    for each in faults:
        quality[each.problem] = max(quality.get(each.problem, 0), each.rows)
    line = WindowLine(
        ref=f"{row.name}@{row.number}",
        name=row.name,
        number=row.number,
        environment=row.environment,
        start=from_text(row.start),
        end=from_text(row.end),
        rows=row.rows,
        errors=row.errors,
        latency_p50_us=row.latency_p50_us,
        latency_p99_us=row.latency_p99_us,
        judged=row.drift is not None,
        drifted=json.loads(row.drifted),
        effect=row.effect,
        quality=quality,
        faulty=max(quality.values(), default=0) / row.rows if row.rows else 0.0,
        faulty_columns=list(dict.fromkeys(each.column for each in faults)),
        profile=row.profile,
        drift=row.drift,
        findings=row.findings,
        observed_at=from_text(row.at),
        performance=None if row.p_rows is None else _performance(row, "p_"),
        labels=row.p_labels,
    )
    return msgspec.structs.replace(line, says=_says(line, faults))


def _performance(row: Row[Any], prefix: str = "", *, windows: int = 1) -> Performance:
    return Performance(
        start=from_text(row.start),
        end=from_text(row.end),
        rows=getattr(row, f"{prefix}rows"),
        labelled=getattr(row, f"{prefix}labelled"),
        metric=getattr(row, f"{prefix}metric"),
        **{name: getattr(row, prefix + name) for name in FIGURES},
        windows=windows,
        measured_at=from_text(getattr(row, f"{prefix}at")),
    )


def _says(line: WindowLine, faults: Sequence[Faults]) -> str:
    """What a window was found to be, in a sentence."""
    parts = []
    if not line.judged:
        parts.append(f"{line.rows:,} rows, not judged for drift")
    elif line.drifted:
        parts.append(f"{shown(line.drifted)} drifted, by up to {line.effect or 0:.2f}")
    else:
        parts.append("no drift")
    if line.errors:
        parts.append(f"failed on {line.errors:,} of {line.rows:,}")
    if faults:
        worst = max(faults, key=lambda each: each.rows)
        parts.append(
            f"'{worst.column}' {PROBLEMS.get(worst.problem, 'at fault')} in {worst.rows:,} of {line.rows:,}"
        )
    return "; ".join(parts)


PROBLEMS = {
    "missing": "missing",
    "null": "empty",
    "mistyped": "of another type",
    "unseen": "of an unseen category",
    "contract": "outside the contract",
    "skewed": "other than in training",
}


def shown(columns: Sequence[str]) -> str:
    """Some names of columns, for people."""
    named = ", ".join(f"'{name}'" for name in columns[:SHOWN_COLUMNS])
    rest = len(columns) - SHOWN_COLUMNS
    return named + (f" and {rest} more" if rest > 0 else "")


def recent_of(read: Connection, name: str, number: int, environment: str) -> Performance | None:
    """The performance of a version over its latest windows together, as it was measured last."""
    table = recent_performance
    where = (table.c.name == name) & (table.c.number == number) & (table.c.environment == environment)
    row = read.execute(select(table).where(where)).first()
    return None if row is None else _performance(row, windows=row.windows)


def alerts_of(
    read: Connection,
    *,
    open_only: bool = True,
    name: str | None = None,
    number: int | None = None,
    environment: str | None = None,
    limit: int | None = None,
) -> list[Alert]:
    """Alerts, the newest first; pages before warnings where only open ones are asked for."""
    wanted: list[ColumnElement[bool]] = []
    columns = alert.c
    for column, value in ((columns.name, name), (columns.number, number), (columns.environment, environment)):
        if value is not None:
            wanted.append(column == value)
    if open_only:
        wanted.append(columns.is_open)
    query = select(alert).where(*wanted).order_by(columns.seq.desc())
    found = [alert_of(row) for row in read.execute(query if limit is None else query.limit(limit))]
    return sorted(found, key=lambda each: each.severity != "page") if open_only else found


def alert_of(row: Row[Any]) -> Alert:
    """An alert from its row."""
    return Alert(
        id=row.id,
        rule=row.rule,
        when=row.when,
        severity=row.severity,
        model=f"{row.name}@{row.number}",
        environment=row.environment,
        start=from_text(row.start),
        end=from_text(row.end),
        figure=row.figure,
        limit=row.limit,
        says=row.says,
        next_step=row.next_step,
        raised_at=from_text(row.raised_at),
        resolved_at=None if row.resolved_at is None else from_text(row.resolved_at),
        resolution=row.resolution,
        columns=json.loads(row.columns),
        seq=row.seq,
    )
