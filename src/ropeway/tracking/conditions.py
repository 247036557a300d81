"""What a filter's tree means to the database: as conditions on one run, or as sets of runs.

Every value goes in as a bound parameter; the text of a filter never becomes SQL. A comparison is true or
false, never unknown: what a run does not have compares as false. Which of the two forms is quick where is the
business of `tracking.plan`.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    String,
    Table,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ropeway.ledger import person
from ropeway.ledger.tables import point_tip
from ropeway.tracking.afar.projections import DEFAULT_NAME, experiment, run_dataset
from ropeway.tracking.errors import FilterTooLarge
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Leaf,
    Like,
    Missing,
    Not,
    Operator,
    Or,
    Value,
)
from ropeway.tracking.moments import bounds_of
from ropeway.tracking.projections import run, run_input, run_metric, run_param, run_tag

ESCAPE = "\x1b"
"""Before a character of a pattern, makes it stand for itself; no pattern has it."""
PATTERN_LIMIT = 10_000
"""Characters of a pattern: SQLite takes 50,000 bytes, and each may become four."""
MOMENTS = {"start_time": run.c.started_at, "end_time": run.c.ended_at}
"""Fields in milliseconds since 1970, over columns of text that sorts as time does."""
MS_CHARACTERS = len("1970-01-01T00:00:00.000")
"""Of a moment as text, those down to the millisecond."""
INPUT = Field("dataset", "reference")
"""What `tracking.plan` asks beside the fields of data sets: the references of the runs' inputs."""

LARGEST = 2**63 - 1
"""A whole number beyond it is told to no database; nothing that is kept is as high."""
LIVING = "living"
"""What the source is called that has the values of runs whose points are not at rest."""

_OPERATORS: dict[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
PERSON = func.coalesce(person.c.name, run.c.person)
USER = func.coalesce(run.c.told_user, PERSON)
"""Whose run it is: by the word of who recorded it, else who that was."""
WHOSE = run.alias("whose")
"""Made once, as all aliases here: to name thirty columns anew takes longer than to ask."""
RUNS = run.outerjoin(person, person.c.id == run.c.person)
EXPERIMENT_NAME = func.coalesce(
    select(experiment.c.name).where(experiment.c.id == run.c.experiment).scalar_subquery(), DEFAULT_NAME
)
PLACE = func.coalesce(
    select(experiment.c.location).where(experiment.c.id == run.c.experiment).scalar_subquery(),
    "mlflow-artifacts:/" + run.c.experiment,
)
ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "status": run.c.status,
    "name": run.c.name,
    "run_name": run.c.name,
    "kind": run.c.kind,
    "started_at": run.c.started_at,
    "ended_at": run.c.ended_at,
    "duration": run.c.duration_s,
    "id": run.c.id,
    "run_id": run.c.hex,
    "person": PERSON,
    "user_id": USER,
    "experiment": EXPERIMENT_NAME,
    "experiment_id": run.c.experiment,
    "lifecycle": run.c.lifecycle,
    "artifact_uri": PLACE + "/" + run.c.hex + "/artifacts",
    **MOMENTS,
}
SETTINGS: dict[str, Table] = {"params": run_param, "tags": run_tag}
Form = Callable[[Leaf], ColumnElement[bool]]


def combine(expression: Expression, form: Form) -> ColumnElement[bool]:
    """A tree as one condition, its leaves in the form given."""
    match expression:
        case And(parts):
            return and_(true(), *[combine(part, form) for part in parts])
        case Or(parts):
            return or_(false(), *[combine(part, form) for part in parts])
        case Not(part):
            return not_(combine(part, form))
    return form(expression)


@dataclass(frozen=True, slots=True)
class Values:
    """Where the values are that leaves compare, and how they do.

    Attributes:
        living: the metrics of which some run has points that are not at rest: their last values are tips.
        is_text: params and tags stand in the order of their text, also where they spell numbers.
    """

    living: frozenset[str] = frozenset()
    is_text: bool = False

    def of_one(self, leaf: Leaf) -> ColumnElement[bool]:
        """Whether a row of `RUNS` passes: quick for few rows, asked one by one."""
        field = leaf.field
        if isinstance(leaf, Missing):
            return not_(self.of_one(present(field)))
        if field.family == "attribute":
            return of_attribute(leaf)
        if field.family == "dataset":
            return run.c.id.in_(_of_datasets(leaf))
        if field.family != "metrics":
            return _has(SETTINGS[field.family], field, passes(leaf, SETTINGS[field.family]))
        at_rest = _has(run_metric, field, passes(leaf, run_metric))
        if field.key not in self.living:
            return at_rest
        # A tip says what was sealed before, too.
        tipped = _has(point_tip, field, passes(leaf, point_tip))
        return or_(tipped, and_(not_(_has(point_tip, field)), at_rest))

    def of_set(self, leaf: Leaf, run_seq: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a run's number is in the set of those that pass: the set is made once."""
        if isinstance(leaf, Missing):
            return not_(self.of_set(present(leaf.field), run_seq))
        return run_seq.in_(self.matches(leaf))

    def matches(self, leaf: Leaf) -> Select[Any] | CompoundSelect[Any]:
        """The numbers of the runs that pass; not for `Missing`, which most pass."""
        field = leaf.field
        if field.family == "attribute":
            return select(run.c.seq).select_from(RUNS).where(of_attribute(leaf))
        if field.family == "dataset":
            return select(run.c.seq).where(run.c.id.in_(_of_datasets(leaf)))
        return together(
            [
                select(table.c.run_seq).where(table.c.key == field.key, passes(leaf, table))
                for table in self.sources(field)
            ]
        )

    def sources(self, field: Field) -> list[FromClause]:
        """Where the values of a field are, a row for each run: its id, its number, the key, the value.

        A run stands in one of them only.
        """
        if field.family != "metrics":
            return [SETTINGS[field.family]]
        if field.key not in self.living:
            return [run_metric]
        tips = (
            select(point_tip.c.run, WHOSE.c.seq.label("run_seq"), point_tip.c.key, point_tip.c.last)
            .join(WHOSE, WHOSE.c.id == point_tip.c.run)
            .where(point_tip.c.key == field.key)
            .subquery(LIVING)
        )
        # A tip says what was sealed before, too.
        told = select(tips.c.run_seq)
        return [select(run_metric).where(run_metric.c.run_seq.not_in(told)).subquery(), tips]


def _has(table: Table, field: Field, *tests: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a table has a row of a field for a row of `RUNS`, and what it says of it passes."""
    return exists(select(literal(1)).where(table.c.run == run.c.id, table.c.key == field.key, *tests))


def together(queries: Sequence[Select[Any]]) -> Select[Any] | CompoundSelect[Any]:
    """The rows of all of them."""
    return queries[0] if len(queries) == 1 else union_all(*queries)


def of_attribute(leaf: Leaf) -> ColumnElement[bool]:
    """Whether an attribute of a row of `RUNS` passes."""
    column = ATTRIBUTES[leaf.field.key]
    if isinstance(leaf, Comparison) and leaf.field.key in MOMENTS:
        return func.coalesce(_of_moment(column, leaf), false())
    if isinstance(leaf, In) and leaf.field.key in MOMENTS:
        return func.coalesce(_one_of_moments(column, leaf), false())
    return func.coalesce(tested(leaf, column), false())


def tested(leaf: Leaf, value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a value of one type passes; unknown where it is NULL."""
    return _test(leaf, value, value, has_both=False)


def passes(leaf: Leaf, table: FromClause) -> ColumnElement[bool]:
    """Whether the value in a row of `rows_of` passes."""
    if leaf.field.family == "metrics":
        last = table.c.last
        is_other = isinstance(leaf, Comparison) and leaf.operator == "!="
        is_other = is_other or (isinstance(leaf, In) and leaf.is_negated)
        found = tested(leaf, last)
        # NULL is NaN, which differs from every number.
        return or_(last.is_(None), found) if is_other else found
    return _test(leaf, table.c.number, table.c.text, has_both=True)


def _test(
    leaf: Leaf, number: ColumnElement[Any], text: ColumnElement[Any], *, has_both: bool
) -> ColumnElement[bool]:
    match leaf:
        case Comparison(_, sign, value):
            return _compare(number, text, sign, value, has_both=has_both)
        case In(_, values, is_negated):
            found = _is_one_of(number, text, values)
            return and_(text.is_not(None), not_(found)) if is_negated else found
        case Like(_, pattern, is_any_case):
            return like(text, pattern, is_any_case=is_any_case)
        case Missing():
            return text.is_(None)


def like(text: ColumnElement[Any], pattern: str, *, is_any_case: bool) -> ColumnElement[bool]:
    """Text against a pattern of LIKE; upper and lower case are apart, unless any case is welcome.

    Raises:
        FilterTooLarge: the pattern is longer than SQLite takes one.
    """
    if len(pattern) > PATTERN_LIMIT:
        raise FilterTooLarge("characters in a pattern", len(pattern), PATTERN_LIMIT)
    # Without a character named, a backslash escapes in PostgreSQL and not in SQLite.
    plain = pattern.replace(ESCAPE, ESCAPE * 2)
    return text.ilike(plain, escape=ESCAPE) if is_any_case else _like(text, plain, _glob(pattern))


def _compare(
    number: ColumnElement[Any], text: ColumnElement[Any], sign: Operator, value: Value, *, has_both: bool
) -> ColumnElement[bool]:
    if isinstance(value, bool):
        return _OPERATORS[sign](text, "true" if value else "false")
    if isinstance(value, str):
        return _OPERATORS[sign](text, value)
    if isinstance(number.type, Integer) and abs(value) > LARGEST:
        value = LARGEST if value > 0 else -LARGEST
    found = _OPERATORS[sign](number, value)
    # Text that spells no number differs from every number.
    return or_(number.is_(None), found) if sign == "!=" and has_both else found


def _is_one_of(
    number: ColumnElement[Any], text: ColumnElement[Any], values: Sequence[Value]
) -> ColumnElement[bool]:
    """Any of some values, by two lists: a chain of comparisons would be too deep for SQLite."""
    texts = [str(value).lower() if value is True or value is False else value for value in values]
    numbers = [value for value in texts if not isinstance(value, str)]
    if isinstance(number.type, Integer):
        numbers = [max(-LARGEST, min(LARGEST, value)) for value in numbers]
    found = [text.in_(spelled)] if (spelled := [each for each in texts if isinstance(each, str)]) else []
    found += [number.in_(numbers)] if numbers else []
    return or_(false(), *[func.coalesce(each, false()) for each in found])


def _of_moment(column: ColumnElement[Any], leaf: Comparison) -> ColumnElement[bool]:
    """A comparison with milliseconds, of a column that keeps more than those as text."""
    first, after = bounds_of(float(max(-LARGEST, min(LARGEST, leaf.value))))
    match leaf.operator:
        case "=" | "!=" if first == after:
            return and_(column.is_not(None), literal(leaf.operator == "!="))
        case "=":
            return and_(column >= first, column < after)
        case "!=":
            return or_(column < first, column >= after)
        case "<":
            return column < first
        case "<=":
            return column < after
        case ">":
            return column >= after
        case ">=":
            return column >= first


def _one_of_moments(column: ColumnElement[Any], leaf: In) -> ColumnElement[bool]:
    """Any of some milliseconds: as text, each is how all the moments in it begin."""
    bounds = [bounds_of(float(max(-LARGEST, min(LARGEST, value)))) for value in leaf.values]
    begins = [first[:MS_CHARACTERS] for first, after in bounds if first != after]
    # PostgreSQL takes no parameters there: they would be wider than its function.
    found = func.substr(column, literal_column("1"), literal_column(str(MS_CHARACTERS))).in_(begins)
    return and_(column.is_not(None), not_(found)) if leaf.is_negated else found


def present(field: Field) -> Leaf:
    """That a run has a field at all: what `Missing` denies."""
    return Like(field, "%") if field.family != "metrics" else In(field, (), is_negated=True)


def _of_datasets(leaf: Leaf) -> Select[tuple[str]]:
    if leaf.field == INPUT:
        values = leaf.values if isinstance(leaf, In) else ()
        return select(run_input.c.run).where(run_input.c.ref.in_(values))
    column = run_dataset.c[leaf.field.key]
    return select(run_dataset.c.run).where(tested(leaf, column))


class _like(FunctionElement[bool]):  # noqa: N801  a function to SQL
    """Text like a pattern, upper and lower case apart: SQLite's LIKE does not tell them."""

    type = true().type
    inherit_cache = True

    def __init__(self, text: ColumnElement[Any], pattern: str, glob: str) -> None:
        super().__init__(cast(text, String), literal(pattern), literal(glob))


@compiles(_like)
def _compile_like(element: Any, compiler: Any, **options: Any) -> str:
    text, pattern, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"({text} LIKE {pattern} ESCAPE '{ESCAPE}')"


@compiles(_like, "sqlite")
def _compile_glob(element: Any, compiler: Any, **options: Any) -> str:
    text, _, glob = (compiler.process(each, **options) for each in element.clauses)
    return f"({text} GLOB {glob})"


def _glob(pattern: str) -> str:
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(signs.get(each, each) for each in pattern)
