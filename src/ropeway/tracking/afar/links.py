"""What a run used and made, as its client says: data sets, logged models."""

import msgspec
from sqlalchemy import select

from ropeway.core.ids import RunId
from ropeway.tracking.afar.events import DatasetUse, ModelOutput, RunLinked
from ropeway.tracking.afar.projections import run_dataset
from ropeway.tracking.afar.runs import writable_row
from ropeway.tracking.projections import run as run_table
from ropeway.workspace import Context, Limit, operation


class UsedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A data set that runs of an experiment used, and for what: `training`, say; None where nobody said."""

    experiment: str
    name: str
    digest: str
    context: str | None


@operation("runs.link", kind="command", permission="runs:write")
def link_run(
    context: Context,
    *,
    run: str,
    datasets: list[DatasetUse] = [],  # noqa: B006  the operation copies it
    models_in: list[str] = [],  # noqa: B006
    models_out: list[ModelOutput] = [],  # noqa: B006
) -> bool:
    """Record data sets that a run used, and logged models that it used or made. Gives whether it says any.

    Raises:
        RunNotFound, NotActive: as for `runs.change`.
    """
    context.begin()
    row = writable_row(context.read, run)
    if not (datasets or models_in or models_out):
        return False
    context.append(
        RunLinked(run=RunId(row.id), datasets=datasets or None, models_in=models_in, models_out=models_out)
    )
    return True


@operation("runs.datasets", kind="query", permission="runs:read")
def list_used_datasets(context: Context, *, experiments: list[str], limit: Limit = 1000) -> list[UsedDataset]:
    """The data sets that runs of some experiments used, each with each of its uses once."""
    used, run = run_dataset.c, run_table.c
    query = (
        select(run.experiment, used.name, used.digest, used.context)
        .select_from(run_dataset.join(run_table, run.id == used.run))
        .where(run.experiment.in_(experiments))
        .distinct()
        .order_by(run.experiment, used.name, used.digest, used.context)
        .limit(limit)
    )
    return [
        UsedDataset(experiment=row.experiment, name=row.name, digest=row.digest, context=row.context)
        for row in context.read.execute(query)
    ]
