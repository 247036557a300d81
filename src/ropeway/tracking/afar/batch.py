"""What a client logs at once: points, params, tags, figures of models. All of it or nothing."""

import math

from ropeway.core.ids import RunId
from ropeway.tracking.afar.events import LoggedModelMeasured, ModelMetric, RunChanged
from ropeway.tracking.afar.logged_models import require_logged
from ropeway.tracking.afar.measured import Points, log_points
from ropeway.tracking.afar.runs import fresh_params, writable_row
from ropeway.workspace import Context, operation


class Figure(ModelMetric, frozen=True, kw_only=True):
    """A figure and the logged model whose it is."""

    model: str


@operation("runs.record", kind="command", permission="runs:write")
def record_batch(
    context: Context,
    *,
    run: str,
    keys: list[str] = [],  # noqa: B006  the operation copies it
    values: list[float] = [],  # noqa: B006
    times_ms: list[int] = [],  # noqa: B006
    steps: list[int] = [],  # noqa: B006
    params: dict[str, str] = {},  # noqa: B006
    tags: dict[str, str] = {},  # noqa: B006
    name: str | None = None,
    figures: list[Figure] = [],  # noqa: B006
) -> bool:
    """Points, params and tags of a run in one transaction: all of them or none.

    Points are four columns of one length. One that is there already, with the same key, step, time and value,
    counts once, so that a batch that is sent twice does no harm. `figures` are those points that are a logged
    model's too.

    Raises:
        RunNotFound, NotActive, ParamFixed: as for `runs.change`.
        LoggedModelNotFound: a figure is of none.
    """
    # What takes long goes before the write turn.
    batch = Points(keys, values, times_ms, steps).packed() if keys else None
    transaction = context.begin()
    row = writable_row(context.read, run)
    run_id = RunId(row.id)
    fresh = fresh_params(context.read, row, params)
    if fresh or tags or name is not None:
        context.append(RunChanged(run=run_id, name=name, params=fresh or None, tags=tags or None))
    if batch is not None:
        log_points(transaction, run_id, batch)
    _measure(context, run_id, figures)
    return True


def _measure(context: Context, run: RunId, figures: list[Figure]) -> None:
    by_model: dict[str, list[ModelMetric]] = {}
    for each in figures:
        told = each.value
        value = str(told) if isinstance(told, float) and not math.isfinite(told) else told
        by_model.setdefault(each.model, []).append(
            ModelMetric(
                key=each.key,
                value=value,
                at_ms=each.at_ms,
                step=each.step,
                dataset_name=each.dataset_name,
                dataset_digest=each.dataset_digest,
            )
        )
    for model, metrics in by_model.items():
        require_logged(context.read, model)
        context.append(LoggedModelMeasured(model=model, run=run, metrics=metrics))
