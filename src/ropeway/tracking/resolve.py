"""One run by what a person calls it: its id, the beginning of it, `latest`, or its name."""

from sqlalchemy import func, select

from ropeway.tracking.errors import AmbiguousRun, RunNotFound
from ropeway.tracking.projections import run
from ropeway.tracking.records import RunSummary
from ropeway.tracking.search import summaries
from ropeway.workspace import Context, Workspace, operation

LATEST = "latest"
KNOWN_SHOWN = 200
NAMED = 8
"""How many of the runs that begin so are named."""


@operation("runs.get", kind="query", permission="runs:read")
def get_run(context: Context, *, run: str) -> RunSummary:
    """One run.

    Args:
        context: the call.
        run: its id or the beginning of it (`run_` may be left out), `latest`, or a name (the newest).

    Raises:
        RunNotFound: nothing answers to it.
        AmbiguousRun: several ids begin so.
    """
    return find_run(context, run)


def resolve_run(workspace: Workspace, ref: str) -> RunSummary:
    """One run by id, beginning of an id, `latest` or name; see `get_run`."""
    return get_run(workspace, run=ref)


def find_run(context: Context, ref: str) -> RunSummary:
    """As `get_run`, within an operation."""
    query, connection = select(run.c.seq, run.c.id), context.read
    newest = query.order_by(run.c.seq.desc()).limit(1)
    bare = ref.removeprefix("run:")
    if bare == LATEST:
        rows = connection.execute(newest).all()
    else:
        beginning = bare if bare.startswith("run_") else f"run_{bare}"
        matches = run.c.id.startswith(beginning, autoescape=True)
        rows = connection.execute(query.where(matches).order_by(run.c.seq).limit(NAMED)).all() if bare else []
        if len(rows) > 1:
            count = connection.execute(select(func.count()).select_from(run).where(matches)).scalar_one()
            raise AmbiguousRun(ref, [row.id for row in rows], count)
        rows = rows or connection.execute(newest.where(run.c.name == bare)).all()
    if not rows:
        recent = connection.execute(
            select(run.c.id, run.c.name).order_by(run.c.seq.desc()).limit(KNOWN_SHOWN)
        )
        raise RunNotFound(ref, [name for row in recent for name in (row.id, row.name) if name])
    return summaries(connection, [rows[0].seq])[0]
