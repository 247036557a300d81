"""Runs from afar: opened, changed, found again."""

import re
import secrets
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, select

from ropeway.core.ids import RunId
from ropeway.tracking.afar.errors import BadMoment, IdTaken, NotActive, ParamFixed, TagNotThere
from ropeway.tracking.afar.events import RunChanged, RunOpened
from ropeway.tracking.afar.experiments import Lifecycle, require_active_experiment
from ropeway.tracking.afar.moments import LAST_MS
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.afar.reading import tracked
from ropeway.tracking.afar.records import TrackedRun
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.projections import run_param, run_tag
from ropeway.workspace import Context, operation

_HEX = re.compile(r"[0-9a-f]{32}")
Status = Literal["", "running", "scheduled", "finished", "failed", "interrupted"]


@operation("runs.open", kind="command", permission="runs:write")
def open_run(
    context: Context,
    *,
    experiment: str,
    kind: str = "client",
    name: str | None = None,
    user: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
    started_ms: int = 0,
    parent: str | None = None,
    told_id: str = "",
) -> TrackedRun:
    """Begin a run that its client records call by call.

    Args:
        context: the call.
        experiment: the id of the experiment that it is in.
        kind: what records it, such as `mlflow`.
        name: what people call it.
        user: whose run it is.
        tags: free words about it.
        started_ms: when it began, in milliseconds since 1970.
        parent: the run that it is part of, as `runs.get` takes it; one that is not here is left out.
        told_id: the 32 hex digits that it had elsewhere, and keeps.

    Raises:
        ExperimentNotFound, NotActive: the experiment is not there, or not any more.
        BadMoment: no calendar has that time.
        IdTaken: another run has the id.
    """
    made = record_opened(
        context,
        kind=kind,
        experiment=experiment,
        name=name,
        user=user,
        tags=tags,
        started_ms=started_ms,
        parent=parent,
        told_id=told_id,
    )
    return tracked(context.read, [made])[0]


def record_opened(
    context: Context,
    *,
    kind: str,
    experiment: str,
    name: str | None,
    user: str | None,
    tags: dict[str, str],
    started_ms: int,
    parent: str | None,
    told_id: str,
) -> RunId:
    """Begin a run in the call's transaction; see `runs.open`."""
    check_moment(started_ms)
    context.begin()
    require_active_experiment(context.read, experiment)
    if told_id and (not _HEX.fullmatch(told_id) or row_of(context.read, told_id) is not None):
        raise IdTaken("run", told_id)
    made = RunId(f"run_{told_id or secrets.token_hex(16)}")
    within = None if parent is None else row_of(context.read, parent)
    context.append(
        RunOpened(
            run=made,
            kind=kind,
            experiment=experiment,
            name=name,
            user=user,
            tags=tags or None,
            started_ms=started_ms,
            parent=None if within is None else RunId(within.id),
        )
    )
    return made


@operation("runs.tracked", kind="query", permission="runs:read")
def get_tracked(context: Context, *, run: str) -> TrackedRun:
    """A run as a client of tracking sees it, by its id or its 32 hex digits.

    Raises:
        RunNotFound: there is none.
    """
    return tracked(context.read, [RunId(require_row(context.read, run).id)])[0]


@operation("runs.change", kind="command", permission="runs:write")
def change_run(
    context: Context,
    *,
    run: str,
    name: str | None = None,
    params: dict[str, str] = {},  # noqa: B006
    tags: dict[str, str] = {},  # noqa: B006
    untagged: list[str] = [],  # noqa: B006
    status: Status = "",
    ended_ms: int | None = None,
    lifecycle: Lifecycle = "",
) -> bool:
    """Name, tag, end, delete or restore a run, or set params that it lacks; what is not given stays.

    Raises:
        RunNotFound, TagNotThere: there is none.
        NotActive: the run was deleted.
        ParamFixed: a param has another value.
        BadMoment: no calendar has that time.
    """
    if ended_ms is not None:
        check_moment(ended_ms)
    context.begin()
    row = _writable(context.read, run, lifecycle)
    for key in untagged:
        where = (run_tag.c.run == row.id) & (run_tag.c.key == key)
        if context.read.execute(select(run_tag.c.key).where(where)).first() is None:
            raise TagNotThere(f"run {row.hex}", key)
    fresh = fresh_params(context.read, row, params)
    if not any((name is not None, fresh, tags, untagged, status, ended_ms is not None, lifecycle)):
        return False
    context.append(
        RunChanged(
            run=RunId(row.id),
            name=name,
            params=fresh or None,
            tags=tags or None,
            untagged=untagged or None,
            status=status,
            ended_ms=ended_ms,
            lifecycle=lifecycle,
        )
    )
    return True


# Built once: putting a statement together costs more than running it.
_BY_ID = select(run_table).where(run_table.c.id == bindparam("told"))
_BY_HEX = select(run_table).where(run_table.c.hex == bindparam("told"))


def row_of(read: Connection, run: str) -> Any:
    """The row of a run, by its id or its 32 hex digits; None where there is none."""
    return read.execute(_BY_ID if run.startswith("run_") else _BY_HEX, {"told": run}).first()


def require_row(read: Connection, run: str) -> Any:
    """As `row_of`.

    Raises:
        RunNotFound: there is none.
    """
    row = row_of(read, run)
    if row is None:
        raise RunNotFound(run, [])
    return row


def writable_row(read: Connection, run: str) -> Any:
    """The row of a run that may be written to; see `runs.change`."""
    return _writable(read, run, "")


def _writable(read: Connection, run: str, lifecycle: str) -> Any:
    row = require_row(read, run)
    if row.lifecycle != ACTIVE and not lifecycle:
        raise NotActive("run", row.hex)
    return row


def fresh_params(read: Connection, row: Any, params: dict[str, str]) -> dict[str, str]:
    """Those of some params that the run does not have yet.

    Raises:
        ParamFixed: one has another value.
    """
    if not params:
        return {}
    where = (run_param.c.run == row.id) & run_param.c.key.in_(list(params))
    known = {each.key: each.text for each in read.execute(select(run_param).where(where))}
    for key, value in params.items():
        if known.get(key, value) != value:
            raise ParamFixed(row.hex, key, known[key], value)
    return {key: value for key, value in params.items() if key not in known}


def check_moment(told_ms: int) -> None:
    """Raise `BadMoment` where no calendar has that time."""
    if not 0 <= told_ms <= LAST_MS:
        raise BadMoment(told_ms)
