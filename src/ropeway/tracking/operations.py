"""The operations on runs: start, finish, interrupt here; the questions stand in modules of their own."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from sqlalchemy import select

from ropeway.core.clock import to_text
from ropeway.core.ids import Digest, RunId
from ropeway.store.errors import ObjectNotBrought
from ropeway.tracking.batches import log_points
from ropeway.tracking.compare import compare
from ropeway.tracking.errors import BadRunId, RunEnded, RunExists, RunNotFound
from ropeway.tracking.events import (
    CodeRecord,
    Harvest,
    HostRecord,
    RunDated,
    RunFinished,
    RunInterrupted,
    RunStarted,
    Scalar,
)
from ropeway.tracking.frame import run_columns
from ropeway.tracking.groups import group_runs, pareto_runs
from ropeway.tracking.live import has_blocks, take_over
from ropeway.tracking.parts import tell_part
from ropeway.tracking.points import list_points
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.references import require_known, require_references
from ropeway.tracking.resolve import get_run
from ropeway.tracking.seal import seal_points
from ropeway.tracking.search import search_runs
from ropeway.tracking.tips import of_summary
from ropeway.workspace import Context, operation

__all__ = [
    "compare",
    "finish",
    "get_run",
    "group_runs",
    "has_run",
    "interrupt",
    "list_points",
    "log_points",
    "pareto_runs",
    "require_references",
    "run_columns",
    "seal_points",
    "search_runs",
    "start",
    "tell_part",
]


LATE = timedelta(seconds=10)
"""What the ledger learns of sooner is dated by the ledger."""
FIRST_YEAR = 1971
Told = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment that a caller tells of, with its time zone."""

_RUN_ID = re.compile(r"run_[A-Za-z0-9_-]{1,60}")


@operation("tracking.start", kind="command", permission="runs:write")
def start(
    context: Context,
    *,
    run: RunId,
    kind: str,
    code: CodeRecord,
    environment: Digest,
    host: HostRecord,
    name: str | None = None,
    params: dict[str, Scalar] | None = None,
    tags: dict[str, Scalar] | None = None,
    argv: list[str] | None = None,
    hostname: str | None = None,
    inputs: list[str] = [],  # noqa: B006  the operation copies it
    parent: RunId | None = None,
    began_at: Told | None = None,
) -> RunId:
    """Record that a run began. Its code and its environment are in the store already.

    One that waited to be brought here says when it began; without it, it begins now.

    Raises:
        BadRunId: it is none; files are called after it.
        RunExists: that id has been used.
        ReferenceInvalid, ReferenceUnknown: an input that is not on record.
        ObjectMissing: the code's tree or the environment is not in the store.
    """
    if not _RUN_ID.fullmatch(run):
        raise BadRunId(run)
    _require_objects(context, code.tree, environment)
    require_known(context.read, inputs)
    context.begin()
    if _status(context, run) is not None:
        raise RunExists(run)
    context.append(
        RunStarted(
            run=run,
            kind=kind,
            name=name,
            params=params or {},
            tags=tags or {},
            argv=argv,
            hostname=hostname,
            inputs=inputs,
            parent=parent,
            code=code,
            environment=environment,
            host=host,
        )
    )
    _date(context, run, began_at=began_at)
    return run


@operation("tracking.finish", kind="command", permission="runs:write")
def finish(
    context: Context,
    *,
    run: RunId,
    status: Literal["finished", "failed"],
    harvest: Harvest,
    wall_s: float,
    cpu_s: float,
    peak_memory_bytes: int,
    params: dict[str, Scalar] | None = None,
    tags: dict[str, Scalar] | None = None,
    error_type: str = "",
    error: str | None = None,
    ended_at: Told | None = None,
) -> RunId:
    """Record that a run came to its end. Repeated with the same status, it does nothing more.

    One that waited to be brought here says when it ended; without it, it ends now.

    Raises:
        RunNotFound: it never began here.
        RunEnded: it has ended otherwise.
    """
    _require_objects(context, *_objects(harvest))
    context.begin()
    found = _status(context, run)
    if found is None:
        raise RunNotFound(run)
    if found == status:
        return run
    if found != "running":
        raise RunEnded(run, found)
    context.append(
        RunFinished(
            run=run,
            status=status,
            harvest=harvest,
            params=params or None,
            tags=tags or None,
            error_type=error_type,
            error=error,
            wall_s=wall_s,
            cpu_s=cpu_s,
            peak_memory_bytes=peak_memory_bytes,
        )
    )
    _date(context, run, ended_at=ended_at)
    _sum_up(context, run, harvest)
    return run


@operation("tracking.interrupt", kind="command", permission="runs:write")
def interrupt(
    context: Context,
    *,
    run: RunId,
    harvest: Harvest,
    params: dict[str, Scalar] | None = None,
    tags: dict[str, Scalar] | None = None,
    last_sign_at: datetime | None = None,
    was_torn: bool = False,
) -> bool:
    """Record that a run's process is gone. False, and nothing recorded, when it is unknown or has ended."""
    _require_objects(context, *_objects(harvest))
    context.begin()
    if _status(context, run) != "running":
        return False
    context.append(
        RunInterrupted(
            run=run,
            harvest=harvest,
            params=params or None,
            tags=tags or None,
            last_sign_at=None if last_sign_at is None else to_text(last_sign_at),
            was_torn=was_torn,
        )
    )
    _sum_up(context, run, harvest)
    return True


@operation("tracking.has-run", kind="query", permission="runs:read")
def has_run(context: Context, *, run: RunId) -> bool:
    """Whether a run of this whole id is on record."""
    return _status(context, run) is not None


def is_run_id(text: str) -> bool:
    """Whether a run can begin under this id."""
    return _RUN_ID.fullmatch(text) is not None


def _status(context: Context, run: RunId) -> str | None:
    return context.read.execute(select(run_table.c.status).where(run_table.c.id == run)).scalar()


def _date(
    context: Context, run: RunId, *, began_at: datetime | None = None, ended_at: datetime | None = None
) -> None:
    """Say when it was, where that was a while ago; what is to come yet, nobody can have seen."""
    told = began_at or ended_at
    if told is None or told.year < FIRST_YEAR or context.clock.now() - told < LATE:
        return
    context.append(
        RunDated(
            run=run,
            began_at=None if began_at is None else to_text(began_at),
            ended_at=None if ended_at is None else to_text(ended_at),
        )
    )


def _sum_up(context: Context, run: RunId, harvest: Harvest) -> None:
    """Where points from afar wait beside the spool's, their tips say both."""
    if harvest.metrics and has_blocks(context.read, run):
        take_over(context.read, run, {key: of_summary(each) for key, each in harvest.metrics.items()})


def _objects(harvest: Harvest) -> list[Digest]:
    points = [harvest.points] if harvest.points is not None else []
    return points + [artifact.digest for artifact in harvest.artifacts.values()]


def _require_objects(context: Context, *digests: Digest) -> None:
    """A reference is published only after its bytes are there."""
    for digest in digests:
        if not context.store.renew(digest):
            raise ObjectNotBrought(digest)
