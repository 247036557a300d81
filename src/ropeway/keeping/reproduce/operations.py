"""What the ledger is asked for a reproduction, and what it is told of one.

Doing the run again is no operation: it happens where the caller is, see `reproduce`.
"""

from typing import Any

import msgspec
from sqlalchemy import select

from ropeway.core.canonical import canonical
from ropeway.core.ids import RunId
from ropeway.data.events import ContractChecked, DatasetArrived, SplitAssigned
from ropeway.keeping.reproduce.events import RunReproduced
from ropeway.keeping.reproduce.projections import reproduction
from ropeway.keeping.reproduce.records import Reproduction
from ropeway.ledger.event import TYPES_BY_CLASS
from ropeway.pipelines.events import PipelineRan
from ropeway.tracking.resolve import find_run
from ropeway.workspace import Context, Limit, operation

OF_DATA = (DatasetArrived, ContractChecked, SplitAssigned)


class DataFact(msgspec.Struct, frozen=True, kw_only=True):
    """One event about data, as its verb, version and fields; what was erased is null."""

    verb: str
    version: int
    fields: dict[str, Any]


@operation("keeping.run-data", kind="query", permission="data:read")
def list_run_data(context: Context, *, run: RunId) -> list[DataFact]:
    """What had happened to the dataset versions that a run read, until the run was on record.

    Args:
        context: the call.
        run: the whole id of a pipeline run.
    """
    read = {ref for ref in find_run(context, run).inputs if ref.startswith("dataset:")}
    found: list[DataFact] = []
    for fact in context.ledger.facts(context.read):
        event = fact.event
        if isinstance(event, OF_DATA) and event.subject() in read:
            kind = TYPES_BY_CLASS[type(event)]
            fields: dict[str, Any] = msgspec.to_builtins(event)
            found.append(DataFact(verb=kind.verb, version=kind.version, fields=fields))
        if isinstance(event, PipelineRan) and event.run == run:
            break
    return found


@operation("keeping.record-reproduction", kind="command", permission="runs:write")
def record_reproduction(context: Context, *, found: Reproduction) -> Reproduction:
    """Put on record that a run was done again, and what came of it.

    Raises:
        RunNotFound: there is no such run.
    """
    find_run(context, found.run)
    evidence = context.store.put(canonical(found))
    context.append(
        RunReproduced(
            run=found.run,
            model=found.model,
            verdict=found.verdict,
            differs_at=found.differs_at,
            place=found.place,
            evidence=evidence,
        )
    )
    return found


@operation("keeping.reproductions", kind="query", permission="runs:read")
def list_reproductions(context: Context, *, run: str = "", limit: Limit = 100) -> list[Reproduction]:
    """Reproductions on record, newest first.

    Args:
        context: the call.
        run: those of one run, by id, beginning of it, `latest` or name; of all when empty.
        limit: how many at the most.
    """
    query = select(reproduction.c.evidence).order_by(reproduction.c.seq.desc()).limit(limit)
    if run:
        query = query.where(reproduction.c.run == find_run(context, run).id)
    read = context.store.read
    return [
        msgspec.json.decode(read(digest), type=Reproduction)
        for digest in context.read.execute(query).scalars()
    ]
