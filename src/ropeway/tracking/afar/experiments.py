"""Experiments: made, found, changed. The project's own, id 0, is there from the start."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Subquery, exists, func, literal, select, union_all

from ropeway.tracking import mlflow_fields
from ropeway.tracking.afar.errors import ExperimentExists, ExperimentNotFound, IdTaken, NotActive, TagNotThere
from ropeway.tracking.afar.events import ExperimentChanged, ExperimentCreated
from ropeway.tracking.afar.projections import ACTIVE, DEFAULT_NAME, experiment, experiment_tag
from ropeway.tracking.afar.records import Experiment
from ropeway.tracking.afar.selecting import Kind, page_of, words_of
from ropeway.tracking.projections import OWN_EXPERIMENT
from ropeway.workspace import Context, Limit, operation

CHUNK = 500
Lifecycle = Literal["", "active", "deleted"]
View = Literal["active", "deleted", "all"]

_ID = re.compile(r"[1-9][0-9]{0,17}")

OWN = Experiment(
    id=OWN_EXPERIMENT,
    name=DEFAULT_NAME,
    location=None,
    lifecycle=ACTIVE,
    created_ms=0,
    changed_ms=0,
    tags={},
)


@operation("experiments.create", kind="command", permission="runs:write")
def create_experiment(
    context: Context,
    *,
    name: str,
    location: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
    told_id: str = "",
) -> str:
    """Make a place for runs; gives its id. `location` is kept as the client says it, and never opened.

    `told_id` is the id that it had elsewhere, and keeps.

    Raises:
        ExperimentExists: the name is another's, deleted or not.
        IdTaken: the id is.
    """
    context.begin()
    _require_free(context.read, name)
    highest = context.read.execute(select(func.max(experiment.c.number))).scalar() or 0
    if told_id and (not _ID.fullmatch(told_id) or is_experiment(context.read, told_id)):
        raise IdTaken("experiment", told_id)
    made = told_id or str(highest + 1)
    context.append(ExperimentCreated(experiment=made, name=name, location=location, tags=tags or None))
    return made


@operation("experiments.get", kind="query", permission="runs:read")
def get_experiment(context: Context, *, experiment: str | None = None, name: str | None = None) -> Experiment:
    """An experiment by its id, or by its name.

    Raises:
        ExperimentNotFound: nothing answers to it.
    """
    if experiment is not None:
        return find_experiment(context.read, experiment)
    found = _named(context.read, name or "")
    if found is None:
        raise ExperimentNotFound(name or "")
    return found


class ExperimentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some experiments; `after` says from where on there are more, None at the end."""

    experiments: list[Experiment]
    after: int | None


@operation("experiments.find", kind="query", permission="runs:read")
def find_experiments(
    context: Context,
    *,
    where: str = "",
    sort: list[str] = [],  # noqa: B006  the operation copies it
    view: View = "active",
    limit: Limit = 1000,
    after: Limit = 0,
) -> ExperimentPage:
    """Experiments that a filter of MLflow's kind lets through, the one made last first."""
    query = select(_EVERY) if view == "all" else select(_EVERY).where(_EVERY.c.lifecycle == view)
    rows, more = page_of(context.read, query, _KIND, where=where, sort=sort, limit=limit, after=after)
    return ExperimentPage(experiments=_records(context.read, rows), after=more)


@operation("experiments.change", kind="command", permission="runs:write")
def change_experiment(
    context: Context,
    *,
    experiment: str,
    name: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006
    untagged: list[str] = [],  # noqa: B006
    lifecycle: Lifecycle = "",
) -> bool:
    """Rename, tag, delete or restore; what is not given stays. Its runs are deleted and restored with it.

    Raises:
        ExperimentNotFound, ExperimentExists, TagNotThere: as they say.
        NotActive: it was deleted, or is to be and was.
    """
    context.begin()
    found = find_experiment(context.read, experiment)
    is_restored = lifecycle == ACTIVE
    if (found.lifecycle == ACTIVE) == is_restored:
        raise NotActive("experiment", experiment)
    if name is not None and name != found.name:
        _require_free(context.read, name)
    for key in untagged:
        if key not in found.tags:
            raise TagNotThere(f"experiment {experiment}", key)
    context.append(
        ExperimentChanged(
            experiment=experiment,
            name=name,
            tags=tags or None,
            untagged=untagged or None,
            lifecycle=lifecycle,
        )
    )
    return True


def is_experiment(read: Connection, number: str) -> bool:
    """Whether some experiment has this id."""
    where = select(experiment.c.id).where(experiment.c.id == number)
    return number == OWN_EXPERIMENT or read.execute(where).first() is not None


def find_experiment(read: Connection, number: str) -> Experiment:
    """The experiment with this id.

    Raises:
        ExperimentNotFound: there is none.
    """
    row = read.execute(select(experiment).where(experiment.c.id == number)).first()
    if row is None and number == OWN_EXPERIMENT:
        return OWN
    if row is None:
        raise ExperimentNotFound(number)
    return _record(row, _tags(read, number))


def require_active_experiment(read: Connection, number: str) -> Experiment:
    """The experiment, unless it was deleted."""
    found = find_experiment(read, number)
    if found.lifecycle != ACTIVE:
        raise NotActive("experiment", number)
    return found


def _every() -> Subquery:
    """All experiments, with the project's own where nothing was ever said of it."""
    own = OWN.id, 0, OWN.name, OWN.location, OWN.lifecycle, OWN.created_ms, OWN.changed_ms
    kept = experiment.alias()
    columns = zip(own, experiment.c, strict=True)
    unsaid = select(*[literal(value, column.type).label(column.name) for value, column in columns])
    return union_all(select(experiment), unsaid.where(~exists().where(kept.c.id == OWN_EXPERIMENT))).subquery(
        "every_experiment"
    )


_EVERY = _every()
_KIND = Kind(
    fields=mlflow_fields.EXPERIMENTS,
    columns={
        "name": func.coalesce(_EVERY.c.name, ""),
        "experiment_id": _EVERY.c.id,
        "creation_time": _EVERY.c.created_ms,
        "last_update_time": _EVERY.c.changed_ms,
    },
    words={"tags": words_of(experiment_tag, (experiment_tag.c.experiment, _EVERY.c.id))},
    natural=(_EVERY.c.created_ms.desc(), _EVERY.c.number),
    ordered={"experiment_id": _EVERY.c.number},
)


def _records(read: Connection, rows: Sequence[Any]) -> list[Experiment]:
    tags: dict[str, dict[str, str]] = {}
    for start in range(0, len(rows), CHUNK):
        ids = [row.id for row in rows[start : start + CHUNK]]
        query = select(experiment_tag).where(experiment_tag.c.experiment.in_(ids))
        for each in read.execute(query.order_by(experiment_tag.c.key)):
            tags.setdefault(each.experiment, {})[each.key] = each.value
    return [_record(row, tags.get(row.id, {})) for row in rows]


def _named(read: Connection, name: str) -> Experiment | None:
    row = read.execute(select(experiment).where(experiment.c.name == name)).first()
    if row is not None:
        return _record(row, _tags(read, row.id))
    own = find_experiment(read, OWN_EXPERIMENT)
    return own if own.name == name else None


def _require_free(read: Connection, name: str) -> None:
    found = _named(read, name)
    if found is not None:
        raise ExperimentExists(name, found.lifecycle)


def _tags(read: Connection, number: str) -> dict[str, str]:
    query = select(experiment_tag).where(experiment_tag.c.experiment == number).order_by(experiment_tag.c.key)
    return {row.key: row.value for row in read.execute(query)}


def _record(row: Any, tags: dict[str, str]) -> Experiment:
    return Experiment(
        id=row.id,
        name=row.name or "",
        location=row.location,
        lifecycle=row.lifecycle,
        created_ms=row.created_ms,
        changed_ms=row.changed_ms,
        tags=tags,
    )
