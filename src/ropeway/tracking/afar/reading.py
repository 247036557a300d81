"""Runs and experiments as a client of tracking sees them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from ropeway.core.ids import RunId
from ropeway.ledger import person
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.tracking.afar.measured import latest
from ropeway.tracking.afar.moments import ms_of
from ropeway.tracking.afar.projections import experiment, run_dataset, run_model
from ropeway.tracking.afar.records import TrackedRun
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.projections import run, run_param, run_tag
from ropeway.tracking.search import by_key, by_run

CHUNK = 500
_DATASET = ("name", "digest", "source_type", "source", "schema", "profile", "tags")
_TAGS = msgspec.json.Decoder(dict[str, str])
_WHO = func.coalesce(run.c.told_user, person.c.name, run.c.person).label("who")
_RUNS = (
    select(run, _WHO, experiment.c.location)
    .outerjoin_from(run, person, person.c.id == run.c.person)
    .outerjoin(experiment, experiment.c.id == run.c.experiment)
    .where(one_of(run.c.id))
)


def tracked(read: Connection, runs: Sequence[RunId]) -> list[TrackedRun]:
    """These runs, in this order, with everything that hangs on them."""
    found: list[TrackedRun] = []
    for start in range(0, len(runs), CHUNK):
        found += _some(read, runs[start : start + CHUNK])
    return found


def _some(read: Connection, runs: Sequence[RunId]) -> list[TrackedRun]:
    rows = {row.id: row for row in read.execute(_RUNS, {LISTED: as_list(runs)})}
    params, tags = (by_key(read, table, "text", runs) for table in (run_param, run_tag))
    datasets = by_run(read, run_dataset, _DATASET, runs)
    models = by_run(read, run_model, ("model", "way", "step"), runs)
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
            params=params.get(each, {}),
            tags=tags.get(each, {}),
            metrics=metrics.get(each, []),
            datasets=[_dataset(*item) for item in datasets.get(each, ())],
            models_in=[model for model, way, _ in models.get(each, ()) if way == "in"],
            models_out=[
                ModelOutput(model=model, step=step)
                for model, way, step in models.get(each, ())
                if way == "out"
            ],
        )
        for each in runs
        if (row := rows.get(each)) is not None
    ]


def _dataset(name: str, digest: str, *others: Any) -> DatasetUse:
    source_type, source, schema, profile, tags = others
    return DatasetUse(
        name=name,
        digest=digest,
        source_type=source_type,
        source=source,
        schema=schema,
        profile=profile,
        tags=_TAGS.decode(tags),
    )
