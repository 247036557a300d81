"""What tests of traces mean to the database, as far as it can tell. Every value is a bound parameter."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, exists, func, not_, or_, select

from ropeway.tracking.conditions import like
from ropeway.tracking.projections import run
from ropeway.tracking.traces.filter import PROMPTS_TAG, SPAN_KEYS, Condition, Family
from ropeway.tracking.traces.projections import trace, trace_metadata, trace_run, trace_span, trace_tag
from ropeway.tracking.traces.recording import SOURCE_RUN
from ropeway.tracking.traces.summary import NAME_TAG

STATES = {"ok": "OK", "error": "ERROR", "in-progress": "IN_PROGRESS", "unknown": "STATE_UNSPECIFIED"}
"""Our states in MLflow's words."""
_OPERATORS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "request_id": trace.c.id,
    "client_request_id": trace.c.client_request,
    "experiment_id": trace.c.experiment,
    "status": case(STATES, value=trace.c.state, else_=trace.c.state),
    "timestamp_ms": trace.c.began_ms,
    "execution_time_ms": trace.c.duration_ms,
    "end_time_ms": trace.c.began_ms + func.coalesce(trace.c.duration_ms, 0),
}
_WORDS: dict[Family, Table] = {"tag": trace_tag, "metadata": trace_metadata}


def is_told_by_tables(test: Condition) -> bool:
    """Whether the database alone can say who passes; else each trace is asked (`asking`)."""
    if test.comparator == "RLIKE" or test.key == PROMPTS_TAG:
        return False
    return test.family in ("attribute", "tag", "metadata") or (
        test.family == "span" and test.key in SPAN_KEYS
    )


def conditions(tests: Sequence[Condition]) -> list[ColumnElement[bool]]:
    """The tests that the tables tell, as conditions on `trace`; those of spans are of one span."""
    own = [_condition(test) for test in tests if test.family != "span"]
    of_span = [
        _compared(trace_span.c[test.key], test, is_upper=test.key == "status")
        for test in tests
        if test.family == "span"
    ]
    if of_span:
        own.append(exists().where(trace_span.c.trace == trace.c.id, *of_span))
    return own


def in_order(query: Select[Any], keys: Sequence[tuple[Family, str, bool]]) -> Select[Any]:
    """Traces by these keys, those without a value last; then the one that began last."""
    for family, key, is_descending in keys:
        column = _sortable(family, key)
        query = query.order_by(column.is_(None), column.desc() if is_descending else column.asc())
    return query.order_by(trace.c.began_ms.desc(), trace.c.id)


def _condition(test: Condition) -> ColumnElement[bool]:
    if test.family == "attribute":
        return _compared(_ATTRIBUTES[test.key], test, is_upper=test.key == "status")
    if test.key == NAME_TAG:
        return _compared(trace.c.name, test)
    table = _WORDS[test.family]
    where = and_(table.c.trace == trace.c.id, table.c.key == test.key)
    if test.comparator in ("IS NULL", "IS NOT NULL"):
        there = exists().where(where)
        return not_(there) if test.comparator == "IS NULL" else there
    told = exists().where(where, _compared(table.c.value, test))
    if test.key == SOURCE_RUN and test.comparator in ("=", "IN"):
        linked = exists().where(
            trace_run.c.trace == trace.c.id, run.c.id == trace_run.c.run, _compared(run.c.hex, test)
        )
        return or_(told, linked)
    return told


def _compared(column: Any, test: Condition, *, is_upper: bool = False) -> ColumnElement[bool]:
    """A column against a value; statuses are told apart from their case."""
    value: Any = test.value
    if is_upper:
        column = func.upper(column)
        value = tuple(each.upper() for each in value) if isinstance(value, tuple) else str(value).upper()
    match test.comparator:
        case "IS NULL":
            return column.is_(None)  # type: ignore[no-any-return]
        case "IS NOT NULL":
            return column.is_not(None)  # type: ignore[no-any-return]
        case "IN":
            return column.in_(value)  # type: ignore[no-any-return]
        case "NOT IN":
            return column.not_in(value)  # type: ignore[no-any-return]
        case "LIKE" | "ILIKE":
            return like(column, str(value), is_any_case=test.comparator == "ILIKE")
    return _OPERATORS[test.comparator](column, value)


def _sortable(family: Family, key: str) -> Any:
    if family == "attribute":
        return _ATTRIBUTES[key]
    if key == NAME_TAG:
        return trace.c.name
    table = _WORDS[family]
    return select(table.c.value).where(table.c.trace == trace.c.id, table.c.key == key).scalar_subquery()
