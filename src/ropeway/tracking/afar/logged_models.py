"""Logged models: files under an id of their own, before and after anybody registers them."""

import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select, true

from ropeway.core.ids import RunId
from ropeway.tracking import mlflow_fields
from ropeway.tracking.afar.errors import IdTaken, LoggedModelNotFound, TagNotThere
from ropeway.tracking.afar.events import (
    LoggedModelChanged,
    LoggedModelCreated,
)
from ropeway.tracking.afar.experiments import Lifecycle, require_active_experiment
from ropeway.tracking.afar.projections import (
    ACTIVE,
    experiment,
    logged_model,
    logged_model_metric,
    logged_model_param,
    logged_model_tag,
)
from ropeway.tracking.afar.records import LoggedModel, ModelFigure
from ropeway.tracking.afar.runs import require_row
from ropeway.tracking.afar.selecting import Kind, page_of, words_of
from ropeway.tracking.projections import run as run_table
from ropeway.workspace import Context, Limit, operation

_ID = re.compile(r"m-[0-9a-f]{32}")
ModelStatus = Literal["", "pending", "ready", "failed"]


@operation("logged-models.create", kind="command", permission="runs:write")
def create_logged(
    context: Context,
    *,
    experiment: str,
    name: str = "",
    kind: str = "",
    run: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
    params: dict[str, str] = {},  # noqa: B006
    told_id: str = "",
) -> LoggedModel:
    """Begin to log a model; its files follow. `told_id` is the id that it had elsewhere, and keeps.

    Raises:
        ExperimentNotFound, RunNotFound, NotActive, IdTaken: as they say.
    """
    context.begin()
    require_active_experiment(context.read, experiment)
    made_by = None if run is None else RunId(require_row(context.read, run).id)
    taken = select(logged_model.c.id).where(logged_model.c.id == told_id)
    if told_id and (not _ID.fullmatch(told_id) or context.read.execute(taken).first() is not None):
        raise IdTaken("logged model", told_id)
    made = told_id or f"m-{secrets.token_hex(16)}"
    context.append(
        LoggedModelCreated(
            model=made,
            experiment=experiment,
            name=name,
            kind=kind,
            run=made_by,
            tags=tags or None,
            params=params or None,
        )
    )
    return _records(context.read, [require_logged(context.read, made)])[0]


@operation("logged-models.get", kind="query", permission="runs:read")
def get_logged(context: Context, *, model: str, deleted_too: bool = False) -> LoggedModel:
    """One logged model.

    Raises:
        LoggedModelNotFound: there is none, or it was deleted.
    """
    return _records(context.read, [require_logged(context.read, model, deleted_too=deleted_too)])[0]


class LoggedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some logged models; `after` says from where on there are more, None at the end."""

    models: list[LoggedModel]
    after: int | None


@operation("logged-models.find", kind="query", permission="runs:read")
def find_logged(
    context: Context,
    *,
    experiments: list[str],
    where: str = "",
    sort: list[str] = [],  # noqa: B006
    datasets: list[tuple[str, str]] = [],  # noqa: B006
    limit: Limit = 100,
    after: Limit = 0,
) -> LoggedPage:
    """Logged models of some experiments that a filter of MLflow's kind lets through, newest first.

    Args:
        context: the call.
        experiments: their ids.
        where: the filter.
        sort: what to order by.
        datasets: only figures found on one of these count: name, and digest or nothing.
        limit: how many at the most.
        after: how many to pass over.
    """
    mine = (logged_model.c.experiment.in_(experiments), logged_model.c.lifecycle == ACTIVE)
    query = select(logged_model).where(*mine)
    kind = _kind(datasets)
    rows, more = page_of(context.read, query, kind, where=where, sort=sort, limit=limit, after=after)
    return LoggedPage(models=_records(context.read, rows), after=more)


def _kind(datasets: Sequence[tuple[str, str]]) -> Kind:
    """What logged models are searched by; where data sets are named, figures on those alone count."""
    model, figure = logged_model.c, logged_model_metric.c
    on = [
        and_(figure.dataset_name == name, figure.dataset_digest == digest if digest else true())
        for name, digest in datasets
    ]
    counted = (figure.model == model.id, figure.value.is_not(None), or_(*on) if on else true())

    def latest(key: str) -> Select[Any]:
        query = select(figure.value).where(*counted, figure.key == key)
        return query.order_by(figure.at_ms.desc(), figure.step.desc()).limit(1)

    return Kind(
        fields=mlflow_fields.LOGGED_MODELS,
        columns={
            "name": func.coalesce(model.name, ""),
            "model_id": model.id,
            "model_type": model.kind,
            "status": func.upper(model.status),
            "source_run_id": select(run_table.c.hex).where(run_table.c.id == model.run).scalar_subquery(),
            "experiment_id": model.experiment,
            "creation_timestamp": model.created_ms,
            "last_updated_timestamp": model.changed_ms,
        },
        words={
            "tags": words_of(logged_model_tag, (logged_model_tag.c.model, model.id)),
            "params": words_of(logged_model_param, (logged_model_param.c.model, model.id)),
            "metrics": latest,
        },
        natural=(model.created_ms.desc(), model.id.desc()),
    )


@operation("logged-models.change", kind="command", permission="runs:write")
def change_logged(
    context: Context,
    *,
    model: str,
    status: ModelStatus = "",
    lifecycle: Lifecycle = "",
    tags: dict[str, str] = {},  # noqa: B006
    untagged: list[str] = [],  # noqa: B006
    params: dict[str, str] = {},  # noqa: B006
) -> LoggedModel:
    """Finish, tag, describe, delete or restore a logged model; what is not given stays.

    Raises:
        LoggedModelNotFound, TagNotThere: there is none.
    """
    context.begin()
    row = require_logged(context.read, model, deleted_too=bool(lifecycle))
    known = _words(context.read, logged_model_tag, [model]).get(model, {})
    for key in untagged:
        if key not in known:
            raise TagNotThere(f"logged model {model}", key)
    context.append(
        LoggedModelChanged(
            model=row.id,
            status=status,
            lifecycle=lifecycle,
            tags=tags or None,
            untagged=untagged or None,
            params=params or None,
        )
    )
    return _records(context.read, [require_logged(context.read, model, deleted_too=True)])[0]


def require_logged(read: Connection, model: str, *, deleted_too: bool = False) -> Any:
    """The row of a logged model.

    Raises:
        LoggedModelNotFound: there is none, or it was deleted.
    """
    row = read.execute(select(logged_model).where(logged_model.c.id == model)).first()
    if row is None or (row.lifecycle != ACTIVE and not deleted_too):
        raise LoggedModelNotFound(model)
    return row


def _records(read: Connection, rows: list[Any]) -> list[LoggedModel]:
    ids = [row.id for row in rows]
    tags, params = (_words(read, table, ids) for table in (logged_model_tag, logged_model_param))
    figures: dict[str, list[ModelFigure]] = {}
    metric = logged_model_metric
    for each in read.execute(select(metric).where(metric.c.model.in_(ids)).order_by(metric.c.key)):
        figures.setdefault(each.model, []).append(_figure(each))
    hexes = {
        row.id: row.hex
        for row in read.execute(
            select(run_table.c.id, run_table.c.hex).where(run_table.c.id.in_([row.run for row in rows]))
        )
    }
    places = {row.id: row.location for row in read.execute(select(experiment.c.id, experiment.c.location))}
    return [
        LoggedModel(
            id=row.id,
            experiment=row.experiment,
            name=row.name or "",
            kind=row.kind,
            run=hexes.get(row.run),
            status=row.status,
            lifecycle=row.lifecycle,
            created_ms=row.created_ms,
            changed_ms=row.changed_ms,
            location=places.get(row.experiment),
            tags=tags.get(row.id, {}),
            params=params.get(row.id, {}),
            metrics=figures.get(row.id, []),
        )
        for row in rows
    ]


def _figure(row: Any) -> ModelFigure:
    return ModelFigure(
        key=row.key,
        value=float("nan") if row.value is None else row.value,
        at_ms=row.at_ms,
        step=row.step,
        run=row.run,
        dataset_name=row.dataset_name,
        dataset_digest=row.dataset_digest,
    )


def _words(read: Connection, table: Any, models: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in read.execute(select(table).where(table.c.model.in_(models)).order_by(table.c.key)):
        found.setdefault(row.model, {})[row.key] = row.value
    return found
