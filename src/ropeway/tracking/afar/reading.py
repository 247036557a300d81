"""Runs and experiments as a client of tracking sees them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, func, select

from ropeway.core.ids import RunId
from ropeway.ledger import person
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.tracking.afar.measured import latest
from ropeway.tracking.afar.moments import ms_of
from ropeway.tracking.afar.projections import experiment, run_dataset, run_model
from ropeway.tracking.afar.records import TrackedRun
from ropeway.tracking.projections import run, run_param, run_tag
from ropeway.tracking.search import by_run

CHUNK = 500
_TAGS = msgspec.json.Decoder(dict[str, str])
_WHO = func.coalesce(run.c.told_user, person.c.name, run.c.person).label("who")
_RUNS = (
    select(run, _WHO, experiment.c.location)
    .outerjoin_from(run, person, person.c.id == run.c.person)
    .outerjoin(experiment, experiment.c.id == run.c.experiment)
)


def tracked(read: Connection, runs: Sequence[RunId]) -> list[TrackedRun]:
    """These runs, in this order, with everything that hangs on them."""
    found: list[TrackedRun] = []
    for start in range(0, len(runs), CHUNK):
        found += _some(read, runs[start : start + CHUNK])
    return found


def _some(read: Connection, runs: Sequence[RunId]) -> list[TrackedRun]:
    rows = {row.id: row for row in read.execute(_RUNS.where(run.c.id.in_(runs)))}
    params, tags = (by_run(read, table, ["key", "text"], runs) for table in (run_param, run_tag))
    datasets, models = (_by_run(read, table, runs) for table in (run_dataset, run_model))
    metrics = latest(read, runs)
    return [
        TrackedRun(
            id=RunId(each),
            hex=row.hex,
            name=row.name or "",
            kind=row.kind,
            experiment=row.experiment,
            user=row.who,
            status=row.status,
            started_ms=ms_of(row.started_at),
            ended_ms=None if row.ended_at is None else ms_of(row.ended_at),
            lifecycle=row.lifecycle,
            location=row.location,
            parent=row.parent,
            commit=row.commit_id,
            params=dict(params.get(each, ())),
            tags=dict(tags.get(each, ())),
            metrics=metrics.get(each, []),
            datasets=[_dataset(item) for item in datasets.get(each, [])],
            models_in=[item.model for item in models.get(each, []) if item.way == "in"],
            models_out=[
                ModelOutput(model=item.model, step=item.step)
                for item in models.get(each, [])
                if item.way == "out"
            ],
        )
        for each in runs
        if (row := rows.get(each)) is not None
    ]


def _by_run(read: Connection, table: Table, runs: Sequence[RunId]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    order = list(table.primary_key.columns)
    for row in read.execute(select(table).where(table.c.run.in_(runs)).order_by(*order)).all():
        found.setdefault(row.run, []).append(row)
    return found


def _dataset(row: Any) -> DatasetUse:
    return DatasetUse(
        name=row.name,
        digest=row.digest,
        source_type=row.source_type,
        source=row.source,
        schema=row.schema,
        profile=row.profile,
        tags=_TAGS.decode(row.tags),
    )
