"""What a run used and made, as its client says: data sets, logged models."""

from ropeway.core.ids import RunId
from ropeway.tracking.afar.events import DatasetUse, ModelOutput, RunLinked
from ropeway.tracking.afar.runs import writable_row
from ropeway.workspace import Context, operation


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
