"""What can be asked of jobs. Accepting and finishing them is the server's own business (`jobs`)."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, select

from ropeway.core.ids import Digest, JobId
from ropeway.server.errors import UnknownJob
from ropeway.server.projections import job as job_table
from ropeway.store import is_abandoned
from ropeway.workspace import Context, Limit, operation
from ropeway.workspace.errors import PermissionDenied
from ropeway.workspace.operation import OPERATIONS

LOCKS = Path("segments") / "servers"
"""Below the workspace's home: one file a server, locked while it lives."""

KEEPING = "workspace:keep"

JobState = Literal["running", "finished", "failed", "interrupted"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands; `result` once finished, `error` once failed."""

    id: JobId
    operation: str
    state: JobState
    accepted_at: str
    finished_at: str | None = None
    result: Any = None
    error: Any = None


@operation("jobs.list", kind="query", permission="jobs:read")
def list_jobs(context: Context, *, limit: Limit = 100) -> list[Job]:
    """Jobs, the newest first, without their results."""
    rows = context.read.execute(select(job_table).order_by(job_table.c.seq.desc()).limit(limit)).all()
    return [_job(context, row, with_outcome=False) for row in rows]


@operation("jobs.get", kind="query", permission="jobs:read")
def get_job(context: Context, *, job: JobId) -> Job:
    """One job, with its result or error. One whose server has died before its end reads `interrupted`.

    Raises:
        UnknownJob: there is none with that id.
        PermissionDenied: you may not ask what it was asked, and so not have its answer either.
    """
    row = context.read.execute(select(job_table).where(job_table.c.id == job)).first()
    if row is None:
        raise UnknownJob(job[:80])
    asked = OPERATIONS.get(row.operation)
    # Of an operation that is no more, the answer is for who may keep the workspace.
    permission = KEEPING if asked is None else asked.permission
    if not context.caller.may(permission):
        raise PermissionDenied(row.operation, permission)
    return _job(context, row, with_outcome=True)


def lock_path(home: Path, server: str) -> Path:
    """The file that a server holds locked while it lives."""
    return home / LOCKS / f"{server}.seg"


def _job(context: Context, row: Row[*tuple[Any, ...]], *, with_outcome: bool) -> Job:
    outcome = None
    if with_outcome and row.outcome is not None:
        outcome = msgspec.json.decode(context.store.read(Digest(row.outcome)))
    return Job(
        id=row.id,
        operation=row.operation,
        state=_state(context.home, row),
        accepted_at=row.accepted_at,
        finished_at=row.finished_at,
        result=outcome if row.succeeded else None,
        error=outcome if row.succeeded is False else None,
    )


def _state(home: Path, row: Row[*tuple[Any, ...]]) -> JobState:
    if row.succeeded is not None:
        return "finished" if row.succeeded else "failed"
    try:
        return "interrupted" if is_abandoned(lock_path(home, row.server)) else "running"
    except FileNotFoundError:
        return "interrupted"
