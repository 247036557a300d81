"""The operations of the pipelines room: putting a run on record, and reading it back.

Running a pipeline is no operation: it happens in the caller's process, see `run`.
"""

import msgspec
from sqlalchemy import select

from ropeway.core.ids import RunId
from ropeway.pipelines.errors import RunNotRecorded
from ropeway.pipelines.events import PipelineRan
from ropeway.pipelines.projections import pipeline_run
from ropeway.pipelines.records import PipelineRecord
from ropeway.workspace import Context, operation


@operation("pipelines.record", kind="command", permission="runs:write")
def record(context: Context, *, found: PipelineRecord) -> RunId:
    """Put a finished pipeline run on record; its objects are in the store already.

    Raises:
        ObjectMissing: an artifact, a source file or the replay is not in the store.
    """
    artifacts = [artifact.digest for artifact in found.slice.artifacts.values()]
    for digest in (found.source, found.slice.replay, *found.files.values(), *artifacts):
        context.store.size(digest)  # raises where the bytes were not put first
    context.begin()
    known = context.read.execute(select(pipeline_run.c.run).where(pipeline_run.c.run == found.run)).scalar()
    if known is None:
        fields = {name: getattr(found, name) for name in PipelineRan.__struct_fields__}
        context.append(PipelineRan(**fields))
    return found.run


@operation("pipelines.show", kind="query", permission="runs:read")
def show(context: Context, *, run: str = "latest") -> PipelineRecord:
    """What is on record about a pipeline run: by its id, the beginning of it, or `latest`."""
    query = select(pipeline_run.c.record).order_by(pipeline_run.c.seq.desc())
    if run != "latest":
        query = query.where(pipeline_run.c.run.startswith(run, autoescape=True))
    rows = context.read.execute(query.limit(1 if run == "latest" else 2)).scalars().all()
    if len(rows) != 1:
        known = context.read.execute(
            select(pipeline_run.c.run).order_by(pipeline_run.c.seq.desc()).limit(20)
        ).scalars()
        raise RunNotRecorded(run, known)
    return msgspec.json.decode(rows[0], type=PipelineRecord)
