"""The table of pipeline runs; moved by the events of `pipelines.events`."""

import msgspec
from sqlalchemy import Column, Connection, Integer, String, Table

from ropeway.ledger import Fact, add, projected, projects
from ropeway.pipelines.events import PipelineRan
from ropeway.pipelines.records import PipelineRecord

pipeline_run = Table(
    "pipeline_run",
    projected,
    Column("run", String, primary_key=True),
    Column("seq", Integer, nullable=False, index=True),
    Column("pipeline", String, nullable=False),
    Column("source", String, nullable=False),
    # The whole record as JSON: it is always read whole.
    Column("record", String, nullable=False),
)


@projects(PipelineRan)
def _ran(fact: Fact[PipelineRan], connection: Connection) -> None:
    fields = {name: getattr(fact.event, name) for name in fact.event.__struct_fields__}
    record = PipelineRecord(**fields, recorded_at=fact.at)
    add(
        connection,
        pipeline_run,
        run=record.run,
        seq=fact.seq,
        pipeline=record.pipeline,
        source=record.source,
        record=msgspec.json.encode(record).decode(),
    )
