"""Which runs pass a filter, in order: the plan is ours, and its worst case is bounded.

Three ways, tried in this order:

1. Few pass one of the conditions that all must hold (counted, and no further than `FEW`): those runs are
   looked at one by one.
2. The best runs by the first sort key, three times as many as are wanted, are looked at one by one; when
   enough of them pass, nothing else is read.
3. Each condition becomes a set of run numbers, made once from an index; the order is walked, or the matches
   sorted, asking the sets. This costs a pass over the values of the keys named, whatever they are.

A database that planned by itself would walk the order also where those that pass stand at its far end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Row,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    select,
)

from ropeway.ledger import person
from ropeway.ledger.tables import point_tip
from ropeway.tracking.afar.projections import DEFAULT_NAME, experiment
from ropeway.tracking.conditions import (
    ATTRIBUTES,
    INPUT,
    LIVING,
    RUNS,
    SETTINGS,
    Values,
    combine,
    together,
)
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Leaf,
    Missing,
    Not,
    Or,
    Value,
    holds,
    leaves,
    mapped,
)
from ropeway.tracking.projections import OWN_EXPERIMENT, run, run_hex, run_input, run_metric

FEW = 1_000
"""So many runs are looked at one by one."""
TIED = 5_000
"""So many runs with the same value are sorted by the further keys beside those that come before them."""
WIDE = {"experiment_id": "experiment", "lifecycle": "lifecycle"}
"""Attributes that are alike in most runs, and their columns: asked of those that pass everything else."""

LAST = 2**63 - 1
"""A database counts no further."""

EXPERIMENT = Field("attribute", "experiment")
EXPERIMENT_ID = Field("attribute", "experiment_id")
LIFECYCLE = Field("attribute", "lifecycle")
HEX = Field("attribute", "run_id")
"""The id as clients know it that have only 32 hex digits; may be asked for by the whole id, too."""
Key = tuple[Field, bool]
Rows = Select[Any] | CompoundSelect[Any]


def find_runs(
    connection: Connection,
    expression: Expression | None,
    keys: Sequence[Key],
    *,
    limit: int,
    offset: int = 0,
    is_text: bool = False,
) -> list[int]:
    """The numbers of the runs that pass, in order.

    Args:
        connection: to read with.
        expression: the filter; None for all runs.
        keys: what to sort by, each with whether the highest comes first. NaN comes after every number, and
            what has no value last; among equals, the newest run comes first.
        limit: how many at the most.
        offset: how many to pass over.
        is_text: params and tags are sorted by their text, also where they spell numbers.
    """
    wanted = And(()) if expression is None else mapped(expression, partial(_resolved, connection))
    asked = {field.key for field in _fields(wanted, keys) if field.family == "metrics"}
    search = _Search(connection, Values(living_metrics(connection, asked), is_text))
    return search.find(wanted, keys, limit, offset)


def living_metrics(connection: Connection, keys: set[str]) -> frozenset[str]:
    """Those of some metrics of which a run has points that are not at rest."""
    if not keys:
        return frozenset()
    tests = [exists().where(point_tip.c.key == key) for key in sorted(keys)]
    found = connection.execute(select(*tests)).one()
    return frozenset(key for key, is_living in zip(sorted(keys), found, strict=True) if is_living)


def _fields(expression: Expression, keys: Sequence[Key]) -> list[Field]:
    return [*(leaf.field for leaf in leaves(expression)), *(field for field, _ in keys)]


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: the three ways."""

    connection: Connection
    values: Values

    def find(self, wanted: Expression, keys: Sequence[Key], limit: int, offset: int = 0) -> list[int]:
        few = self._few(wanted)
        if few is not None:
            run_seqs, others = few
            return self._among(run_seqs, others, keys, limit, offset)
        if not keys or keys[0][0].family == "attribute":
            return self._sorted(wanted, keys, limit, offset)
        return self._by_value(wanted, keys, limit, offset)

    def _few(self, expression: Expression) -> tuple[list[int], Expression] | None:
        """The runs of the condition that the fewest pass, and the others; None when none has few."""
        found: tuple[list[int], Expression] | None = None
        wide, parts = _divided(expression)
        for part in parts:
            if isinstance(part, And | Or | Not | Missing):
                continue
            passing = self._seqs(self.values.matches(part).limit(FEW + 1))
            if len(passing) <= FEW and (found is None or len(passing) < len(found[0])):
                found = passing, And((*wide, *(each for each in parts if each is not part)))
        if found is None and wide:
            query = select(run.c.seq).where(*_of_rows(wide)).limit(FEW + 1)
            passing = self._seqs(query)
            return (passing, And(tuple(parts))) if len(passing) <= FEW else None
        return found

    def _seqs(self, query: Rows) -> list[int]:
        return [*self.connection.execute(query).scalars().all()]

    def _among(
        self, run_seqs: Sequence[int], expression: Expression, keys: Sequence[Key], limit: int, offset: int
    ) -> list[int]:
        """Those of a few runs that pass, in order."""
        if not run_seqs:
            return []
        query = select(run.c.seq).where(run.c.seq.in_(run_seqs), combine(expression, self.values.of_one))
        return self._seqs(self._ordered(query, keys).limit(limit).offset(offset))

    def _sorted(self, expression: Expression, keys: Sequence[Key], limit: int, offset: int) -> list[int]:
        """All that pass, sorted by the database."""
        wide, narrow = _divided(expression)
        tests = combine(And(tuple(narrow)), partial(self.values.of_set, run_seq=run.c.seq))
        query = select(run.c.seq).where(*_of_rows(wide), tests)
        return self._seqs(self._ordered(query, keys).limit(limit).offset(offset))

    def _ordered(self, query: Select[Any], keys: Sequence[Key]) -> Select[Any]:
        joined: FromClause = RUNS
        order: list[ColumnElement[Any]] = []
        for field, is_descending in keys:
            if field.family == "attribute":
                columns = [ATTRIBUTES[field.key]]
            elif field.family == "metrics":
                joined, is_absent, last = self._with_last(joined, field)
                order.append(is_absent)
                columns = [last]
            else:
                table = SETTINGS[field.family].alias()
                joined = joined.outerjoin(table, and_(table.c.run == run.c.id, table.c.key == field.key))
                order.append(table.c.run.is_(None))
                columns = [table.c.text] if self.values.is_text else [table.c.number, table.c.text]
            for column in columns:
                # What is never absent is walked in the order of its index.
                ranks = [column.is_(None)] if getattr(column, "nullable", True) else []
                order += [*ranks, column.desc() if is_descending else column.asc()]
        return query.select_from(joined).order_by(*order, run.c.seq.desc())

    def _with_last(
        self, joined: FromClause, field: Field
    ) -> tuple[FromClause, ColumnElement[bool], ColumnElement[Any]]:
        """Runs with a metric beside them; whether it is absent; its last value."""
        rest = run_metric.alias()
        joined = joined.outerjoin(rest, and_(rest.c.run == run.c.id, rest.c.key == field.key))
        if field.key not in self.values.living:
            return joined, rest.c.run.is_(None), rest.c.last
        tip = point_tip.alias()
        joined = joined.outerjoin(tip, and_(tip.c.run == run.c.id, tip.c.key == field.key))
        last = case((tip.c.run.is_not(None), tip.c.last), else_=rest.c.last)
        return joined, and_(rest.c.run.is_(None), tip.c.run.is_(None)), last

    def _by_value(self, expression: Expression, keys: Sequence[Key], limit: int, offset: int) -> list[int]:
        """In the order of a metric or a setting: numbers, then NaN or words, then those without."""
        wanted = min(limit + offset, LAST)
        (field, _), *rest = keys
        best = self._best_passing(keys[0], expression, wanted)
        if best is None:
            best = self._walk(keys[0], expression, wanted)
        found = [each.run_seq for each in best[:wanted]]
        if found and (rest or field.is_free):
            settled = self._settle_ties(best[:wanted], expression, keys)
            if settled is None:
                return self._sorted(expression, keys, limit, offset)
            found = settled
        if len(found) >= wanted:
            return found[offset:wanted]
        # Those with NaN are few, or all that there is.
        odd = [
            select(table.c.run_seq).where(
                table.c.key == field.key,
                self._leading(table).is_(None),
                self._passing(expression, table),
            )
            for table in self.values.sources(field)
        ]
        odd_seqs = self._seqs(together(odd).limit(TIED + 1))
        if len(odd_seqs) > TIED:
            return self._sorted(expression, keys, limit, offset)
        found += self._among(odd_seqs, And(()), keys, wanted - len(found), 0)
        if len(found) < wanted:
            found += self.find(And((expression, Missing(field))), rest, wanted - len(found))
        return found[offset:]

    def _leading(self, table: FromClause) -> ColumnElement[Any]:
        """The column by which the rows of a source are in order."""
        name = "last" if "last" in table.c else "text" if self.values.is_text else "number"
        column: ColumnElement[Any] = table.c[name]
        return column

    def _walk(
        self, key: Key, expression: Expression | None, limit: int, *, at: float | str | None = None
    ) -> list[Row[Any]]:
        """Runs with a value there, the best first: those that pass; with `at`, those with that value."""
        return [*self.connection.execute(self._walking(key, expression, at).limit(limit)).all()]

    def _walking(self, key: Key, expression: Expression | None, at: float | str | None = None) -> Rows:
        queries = []
        for table in self.values.sources(key[0]):
            value = self._leading(table)
            tests = [table.c.key == key[0].key, value.is_not(None) if at is None else value == at]
            if expression is not None:
                tests.append(self._passing(expression, table))
            queries.append(select(table.c.run_seq, value.label("leading")).where(*tests))
        return self._in_way(together(queries), key)

    @staticmethod
    def _in_way(query: Rows, key: Key) -> Rows:
        run_seq, value = query.selected_columns
        return query.order_by(value.desc() if key[1] else value.asc(), run_seq.desc())

    def _best_passing(self, key: Key, expression: Expression, wanted: int) -> list[Row[Any]] | None:
        """Those that pass of the first few of an order, when they are enough; else None."""
        if 3 * wanted > FEW:
            return None
        first = self._walking(key, None).limit(3 * wanted).subquery()
        joined = first.join(run, run.c.seq == first.c.run_seq).outerjoin(person, person.c.id == run.c.person)
        query = select(first).select_from(joined).where(combine(expression, self.values.of_one))
        found = self.connection.execute(self._in_way(query, key)).all()
        if len(found) >= wanted:
            return [*found]
        count = self.connection.execute(select(func.count()).select_from(first)).scalar_one()
        return [*found] if count < 3 * wanted else None

    def _settle_ties(
        self, best: Sequence[Row[Any]], expression: Expression, keys: Sequence[Key]
    ) -> list[int] | None:
        """The best by all keys, where the first leaves some equal; None when they are too many to look at."""
        is_distinct = len({row.leading for row in best}) == len(best)
        # Whether others stand where the last of these does is asked first: mostly none do.
        tied = self._walk(keys[0], None, FEW + 2, at=best[-1].leading)
        if is_distinct and len(tied) <= 1:
            return [row.run_seq for row in best]
        if len(tied) > FEW:
            tied = self._walk(keys[0], expression, TIED + 1, at=best[-1].leading)
        if len(tied) > TIED or len(best) > TIED:
            return None
        candidates = {row.run_seq for row in best} | {row.run_seq for row in tied}
        return self._among([*candidates], expression, keys, len(best), 0)

    def _passing(self, expression: Expression, table: FromClause) -> ColumnElement[bool]:
        """Whether the run of a row passes: of the many that rest by sets, of those that live one by one."""
        if not isinstance(table, Subquery) or table.name != LIVING:
            return self._in_sets(expression, table.c.run_seq)
        query = select(run.c.seq).select_from(RUNS).where(run.c.seq.in_(select(table.c.run_seq)))
        found: ColumnElement[bool] = table.c.run_seq.in_(query.where(combine(expression, self.values.of_one)))
        return found

    def _in_sets(self, expression: Expression, run_seq: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a run passes, asking sets; attributes that are alike in most runs are asked one by one."""
        wide, narrow = _divided(expression)
        conditions = [combine(And(tuple(narrow)), partial(self.values.of_set, run_seq=run_seq))]
        if wide:
            asked = run.alias()
            conditions.append(select(1).where(asked.c.seq == run_seq, *_of_rows(wide, asked)).exists())
        return and_(*conditions)


def _divided(expression: Expression) -> tuple[list[In], list[Expression]]:
    """What must hold: what is alike in most runs, and the rest."""
    parts = _conjuncts(expression)
    wide = [part for part in parts if isinstance(part, In) and part.field.key in WIDE and not part.is_negated]
    return wide, [part for part in parts if part not in wide]


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, And):
        return [each for part in expression.parts for each in _conjuncts(part)]
    return [expression]


def _of_rows(wide: Sequence[In], table: FromClause = run) -> list[ColumnElement[bool]]:
    return [table.c[WIDE[part.field.key]].in_(part.values) for part in wide]


def _resolved(connection: Connection, leaf: Leaf) -> Expression:
    """What a leaf says of data sets, asked of the runs' inputs too: those are few; ids in one form."""
    if leaf.field.family == "dataset":
        refs = _inputs(connection, leaf)
        if not refs:
            return leaf
        inputs = In(INPUT, refs)
        return And((Not(inputs), leaf)) if isinstance(leaf, Missing) else Or((inputs, leaf))
    if leaf.field == EXPERIMENT:
        return In(EXPERIMENT_ID, _experiments(connection, leaf))
    if leaf.field == HEX:
        return _with_hex(leaf)
    return leaf


def _with_hex(leaf: Leaf) -> Leaf:
    if isinstance(leaf, Comparison):
        return Comparison(leaf.field, leaf.operator, _hex(leaf.value))
    if isinstance(leaf, In):
        return In(leaf.field, tuple(_hex(value) for value in leaf.values), leaf.is_negated)
    return leaf


def _hex(value: Value) -> Value:
    return run_hex(value) if isinstance(value, str) and value.startswith("run_") else value


def _inputs(connection: Connection, leaf: Leaf) -> tuple[str, ...]:
    """The references of inputs of which a leaf is true; for `Missing`, those that have the field."""
    query = select(run_input.c.ref).where(run_input.c.ref.like("dataset:%")).distinct()
    refs = []
    for ref in connection.execute(query).scalars():
        name, _, digest = ref.removeprefix("dataset:").partition("@")
        value = {"name": name, "digest": digest}.get(leaf.field.key, "")
        values = [value] if value else []
        if isinstance(leaf, Missing) != holds(leaf, lambda _field, values=values: values):  # type: ignore[misc]
            refs.append(ref)
    return tuple(refs)


def _experiments(connection: Connection, leaf: Leaf) -> tuple[str, ...]:
    """The ids of the experiments of whose name a leaf is true."""
    names = {OWN_EXPERIMENT: DEFAULT_NAME}
    names.update((row.id, row.name or "") for row in connection.execute(select(experiment)))
    return tuple(each for each, name in names.items() if holds(leaf, lambda _field, name=name: [name]))  # type: ignore[misc]
