"""Finding runs: what a filter and a sort key mean to the database.

Every value goes in as a bound parameter; the text of a filter never becomes SQL. A comparison is true or
false, never unknown: what a run does not have compares as false.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, false, func, not_, or_, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest, RunId
from ropeway.ledger import person
from ropeway.tracking.errors import LimitInvalid
from ropeway.tracking.events import ArtifactRecord, HostRecord, Scalar
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Like,
    Missing,
    Not,
    Operator,
    Or,
    Value,
)
from ropeway.tracking.filter import parse_filter, parse_sort
from ropeway.tracking.projections import run, run_artifact, run_input, run_metric, run_param, run_tag
from ropeway.tracking.records import RunSummary
from ropeway.workspace import Context, operation

SEARCH_LIMIT = 1_000
# SQLite takes 32,766 parameters in one statement.
CHUNK = 500
ESCAPE = "\x1b"
"""Before a character of a pattern, makes it stand for itself; no pattern has it."""

_OPERATORS: dict[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PERSON = func.coalesce(person.c.name, run.c.person)
_ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "status": run.c.status,
    "name": run.c.name,
    "kind": run.c.kind,
    "started_at": run.c.started_at,
    "duration": run.c.duration_s,
    "id": run.c.id,
    "person": _PERSON,
}
_SETTINGS: dict[str, Table] = {"params": run_param, "tags": run_tag}


@operation("runs.search", kind="query", permission="runs:read")
def search_runs(
    context: Context,
    *,
    where: str = "",
    sort: list[str] = [],  # noqa: B006  the operation copies it
    limit: int = 100,
    offset: int = 0,
) -> list[RunSummary]:
    """Runs that a filter lets through.

    Args:
        context: the call.
        where: a filter (see `tracking.filter`); empty for all runs.
        sort: fields, `-` before one for the highest first; a run without the field comes last. Without any,
            and among equals, the newest comes first.
        limit: how many at the most.
        offset: how many to pass over.

    Raises:
        FilterInvalid: the filter or a sort key cannot be read.
        LimitInvalid: a limit or an offset out of range.
    """
    if not (1 <= limit <= SEARCH_LIMIT and 0 <= offset < 2**63):
        raise LimitInvalid(limit, offset, SEARCH_LIMIT)
    keys = [key for text in sort for key in parse_sort(text)]
    query = select_runs()
    if where.strip():
        query = query.where(condition(parse_filter(where)))
    query = _in_order(query, keys).limit(limit).offset(offset)
    return summaries(context.read, context.read.execute(query).all())


def select_runs() -> Select[Any]:
    """All runs, each with the name of who started it."""
    joined = run.outerjoin(person, person.c.id == run.c.person)
    return select(run, _PERSON.label("person_name")).select_from(joined)


def condition(expression: Expression) -> ColumnElement[bool]:
    """A filter's tree as a condition on `select_runs`."""
    match expression:
        case And(parts):
            return and_(*[condition(part) for part in parts])
        case Or(parts):
            return or_(*[condition(part) for part in parts])
        case Not(part):
            return not_(condition(part))
        case Comparison(field, sign, value):
            return _holds(field, lambda columns: _compare(columns, sign, value))
        case In(field, values):
            return _holds(field, lambda columns: or_(*[_compare(columns, "=", value) for value in values]))
        case Missing(field):
            return not_(_holds(field, lambda columns: columns.text.is_not(None)))
        case Like(field, pattern):
            # Without a character named, a backslash escapes in PostgreSQL and not in SQLite.
            plain = pattern.replace(ESCAPE, ESCAPE * 2)
            return _holds(field, lambda columns: columns.text.ilike(plain, escape=ESCAPE))


class _Columns(msgspec.Struct, frozen=True):
    """Where a field's value is; a param has both, of which the number may be NULL."""

    number: ColumnElement[Any]
    text: ColumnElement[Any]
    has_both: bool


def _holds(field: Field, test: "Callable[[_Columns], ColumnElement[bool]]") -> ColumnElement[bool]:
    """Whether the field is there and passes the test."""
    if field.family == "attribute":
        column = _ATTRIBUTES[field.key]
        return func.coalesce(test(_Columns(column, column, has_both=False)), false())
    if field.family == "metrics":
        columns = _Columns(run_metric.c.last, run_metric.c.last, has_both=False)
        return run.c.id.in_(select(run_metric.c.run).where(run_metric.c.key == field.key, test(columns)))
    table = _SETTINGS[field.family]
    columns = _Columns(table.c.number, table.c.text, has_both=True)
    return run.c.id.in_(select(table.c.run).where(table.c.key == field.key, test(columns)))


def _compare(columns: _Columns, sign: Operator, value: Value) -> ColumnElement[bool]:
    if isinstance(value, bool):
        return _OPERATORS[sign](columns.text, "true" if value else "false")
    if isinstance(value, str):
        return _OPERATORS[sign](columns.text, value)
    found = _OPERATORS[sign](columns.number, value)
    # Text that spells no number differs from every number.
    return or_(columns.number.is_(None), found) if sign == "!=" and columns.has_both else found


def _in_order(query: Select[Any], keys: Sequence[tuple[Field, bool]]) -> Select[Any]:
    for field, is_descending in keys:
        columns: list[ColumnElement[Any]]
        if field.family == "attribute":
            columns = [_ATTRIBUTES[field.key]]
        elif field.family == "metrics":
            metric = run_metric.alias()
            query = query.outerjoin(metric, and_(metric.c.run == run.c.id, metric.c.key == field.key))
            columns = [metric.c.last]
        else:
            setting = _SETTINGS[field.family].alias()
            query = query.outerjoin(setting, and_(setting.c.run == run.c.id, setting.c.key == field.key))
            # Numbers in their order, then words in theirs, then the runs that have neither.
            query = query.order_by(setting.c.run.is_(None))
            columns = [setting.c.number, setting.c.text]
        for column in columns:
            query = query.order_by(column.is_(None), column.desc() if is_descending else column.asc())
    return query.order_by(run.c.seq.desc())


def summaries(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunSummary]:
    """Rows of `select_runs` with everything that hangs on them."""
    return [
        summary
        for start in range(0, len(rows), CHUNK)
        for summary in _summaries(connection, rows[start : start + CHUNK])
    ]


def _summaries(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunSummary]:
    params, tags, metrics, artifacts, inputs = (
        _by_run(connection, table, rows)
        for table in (run_param, run_tag, run_metric, run_artifact, run_input)
    )
    return [
        RunSummary(
            id=RunId(row.id),
            name=row.name,
            kind=row.kind,
            status=row.status,
            person=row.person_name,
            started_at=from_text(row.started_at),
            ended_at=from_text(row.ended_at) if row.ended_at else None,
            duration_s=row.duration_s,
            params=_values(params.get(row.id, [])),
            tags=_values(tags.get(row.id, [])),
            metrics={
                each.key: float("nan") if each.last is None else each.last for each in metrics.get(row.id, [])
            },
            artifacts={
                each.name: ArtifactRecord(digest=Digest(each.digest), size_bytes=each.size_bytes)
                for each in artifacts.get(row.id, [])
            },
            inputs=[each.ref for each in inputs.get(row.id, [])],
            code=Digest(row.code),
            commit=row.commit_id,
            is_dirty=row.is_dirty,
            left_out=msgspec.json.decode(row.left_out, type=list[str]),
            environment=Digest(row.environment),
            host=msgspec.json.decode(row.host, type=HostRecord),
            hostname=row.hostname,
            argv=None if row.argv is None else msgspec.json.decode(row.argv, type=list[str]),
            parent=row.parent,
            points=row.points,
            point_count=row.point_count,
            cpu_s=row.cpu_s,
            peak_memory_bytes=row.peak_memory_bytes,
            error_type=row.error_type,
            error=row.error,
        )
        for row in rows
    ]


def _by_run(connection: Connection, table: Table, rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """A table's rows for these runs, by run; keys in alphabetical order."""
    found: dict[str, list[Row[Any]]] = {}
    order = list(table.primary_key.columns)
    query = select(table).where(table.c.run.in_([row.id for row in rows])).order_by(*order)
    for each in connection.execute(query):
        found.setdefault(each.run, []).append(each)
    return found


def _values(rows: Sequence[Row[Any]]) -> dict[str, Scalar]:
    return {row.key: msgspec.json.decode(row.value, type=Scalar) for row in rows}
