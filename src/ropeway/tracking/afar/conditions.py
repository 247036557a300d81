"""What MLflow's filters and orders of runs mean to the database. Every value is a bound parameter."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, not_, or_, select, true

from ropeway.core.clock import to_text
from ropeway.ledger import person
from ropeway.tracking.afar.measured import METRICS
from ropeway.tracking.afar.moments import LAST_MS, moment_of
from ropeway.tracking.afar.projections import experiment, run_dataset
from ropeway.tracking.expression import And, Comparison, Expression, Field, In, Like, Missing, Not, Or
from ropeway.tracking.projections import run, run_param, run_tag

ESCAPE = "\x1b"
_OPERATORS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
STATUSES = {"killed": "interrupted"}
_WORDS = {"params": run_param, "tags": run_tag}
_WHO = func.coalesce(
    run.c.told_user, select(person.c.name).where(person.c.id == run.c.person).scalar_subquery(), run.c.person
)
_PLACE = func.coalesce(
    select(experiment.c.location).where(experiment.c.id == run.c.experiment).scalar_subquery(),
    "mlflow-artifacts:/" + run.c.experiment,
)
_ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "run_id": run.c.hex,
    "run_name": run.c.name,
    "status": run.c.status,
    "user_id": _WHO,
    "artifact_uri": _PLACE + "/" + run.c.hex + "/artifacts",
    "start_time": run.c.started_at,
    "end_time": run.c.ended_at,
}


def condition(expression: Expression, dialect: str) -> ColumnElement[bool]:
    """A filter's tree as a condition on `run`; what a run does not have compares as false."""
    match expression:
        case And(parts):
            return and_(true(), *[condition(part, dialect) for part in parts])
        case Or(parts):
            return or_(*[condition(part, dialect) for part in parts])
        case Not(part):
            return not_(condition(part, dialect))
        case Missing(field):
            return not_(_exists(field, lambda column: column.is_not(None)))
        case Comparison(field, sign, value):
            return _exists(field, lambda column: _OPERATORS[sign](column, _told(field, value)))
        case In(field, values, is_negated):
            told = [_told(field, value) for value in values]
            return _exists(field, lambda column: column.not_in(told) if is_negated else column.in_(told))
        case Like(field, pattern, is_any_case):
            return _exists(
                field, lambda column: _like(column, pattern, is_any_case=is_any_case, dialect=dialect)
            )


def in_order(query: Select[Any], keys: Sequence[tuple[Field, bool]]) -> Select[Any]:
    """Runs by these keys; NaN after numbers, and what a run does not have last. Then the one begun last."""
    for field, is_descending in keys:
        column = _sortable(field)
        ranks: list[ColumnElement[Any]] = [column.is_(None)]
        if field.family == "metrics":
            there = _scalar(field, METRICS.c.key)
            ranks = [case((column.is_not(None), 0), (there.is_not(None), 1), else_=2)]
        query = query.order_by(*ranks, column.desc() if is_descending else column.asc())
    return query.order_by(run.c.started_at.desc(), run.c.hex)


def _exists(field: Field, test: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    if field.family == "attribute":
        return func.coalesce(test(_ATTRIBUTES[field.key]), false())
    if field.family == "metrics":
        where = and_(METRICS.c.run == run.c.id, METRICS.c.key == field.key)
        return exists().where(where, test(METRICS.c.last))
    if field.family == "dataset":
        return exists().where(run_dataset.c.run == run.c.id, test(run_dataset.c[field.key]))
    table = _WORDS[field.family]
    return exists().where(table.c.run == run.c.id, table.c.key == field.key, test(table.c.text))


def _told(field: Field, value: Any) -> Any:
    """A value as our columns have it: times as text, statuses in our words."""
    if field.family != "attribute":
        return value
    if field.key in ("start_time", "end_time"):
        return to_text(moment_of(int(max(0, min(LAST_MS, value)))))
    if field.key == "status":
        told = str(value).lower()
        return STATUSES.get(told, told)
    return value


def _like(column: Any, pattern: str, *, is_any_case: bool, dialect: str) -> ColumnElement[bool]:
    plain = pattern.replace(ESCAPE, ESCAPE * 2)
    if is_any_case:
        found: ColumnElement[bool] = column.ilike(plain, escape=ESCAPE)
    elif dialect == "sqlite":
        # Its LIKE knows no case; its GLOB does.
        signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
        found = column.op("GLOB")("".join(signs.get(each, each) for each in pattern))
    else:
        found = column.like(plain, escape=ESCAPE)
    return found


def _sortable(field: Field) -> Any:
    if field.family == "attribute":
        return _ATTRIBUTES[field.key]
    if field.family == "metrics":
        return _scalar(field, METRICS.c.last)
    return _scalar(field, _WORDS[field.family].c.text)


def _scalar(field: Field, column: Any) -> Any:
    table = column.table
    return select(column).where(table.c.run == run.c.id, table.c.key == field.key).scalar_subquery()
