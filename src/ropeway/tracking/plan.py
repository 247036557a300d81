"""Which runs pass a filter, in order: the plan is ours, and its worst case is bounded.

Three ways, tried in this order:

1. Few pass one of the conditions that all must hold (counted, and no further than `FEW`): those runs are
   looked at one by one.
2. The best runs by the first sort key, three times as many as are wanted, are looked at one by one; when
   enough of them pass, nothing else is read.
   Where the order is short this is passed over: to walk it costs no more.
3. Each condition becomes a set of run numbers, made once from an index; the order is walked, or the matches
   sorted, asking the sets. This costs a pass over the values of the keys named, whatever they are.

Runs that log on are looked at one by one beside the others, while they are few: their last values are in
another table.

A database that planned by itself would walk the order also where those that pass stand at its far end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    exists,
    func,
    select,
)

from ropeway.ledger import person
from ropeway.ledger.tables import point_tip
from ropeway.tracking.conditions import (
    ATTRIBUTES,
    LIVING,
    RUNS,
    SETTINGS,
    WHOSE,
    Values,
    combine,
    together,
)
from ropeway.tracking.elsewhere import EXPERIMENT_ID, LIFECYCLE, resolved
from ropeway.tracking.expression import (
    And,
    Expression,
    Field,
    In,
    Missing,
    Not,
    Or,
    leaves,
    mapped,
)
from ropeway.tracking.gathered import Sets
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.projections import run, run_metric

FEW = 1_000
"""So many runs are looked at one by one."""
TIED = 5_000
"""So many runs with the same value are sorted by the further keys beside those that come before them."""
WIDE = {EXPERIMENT_ID: "experiment", LIFECYCLE: "lifecycle"}
"""Attributes that are alike in most runs, and their columns: asked of those that pass everything else."""

SHORT = 5_000
"""An order of so many is walked at once: that costs no more than to look at its beginning first."""
LAST = 2**63 - 2
"""A database counts no further than one more."""

Key = tuple[Field, bool]
Rows = Select[Any] | CompoundSelect[Any]
Ranked = tuple[int, Any]
"""A run's number, and the value by which it stands in an order."""


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
    wanted = And(()) if expression is None else mapped(expression, partial(resolved, connection))
    asked = {field.key for field in _fields(wanted, keys) if field.family == "metrics"}
    living, metrics = _logging_on(connection, asked)
    now = _search(connection, Values(metrics, is_text))
    if not living or len(living) > FEW or limit + offset > TIED:
        return now.find(wanted, keys, limit, offset)
    at_rest = _search(connection, Values(frozenset(), is_text))
    return _beside(at_rest, now, living, wanted, keys, limit, offset)


def _beside(
    at_rest: "_Search",
    now: "_Search",
    living: set[int],
    wanted: Expression,
    keys: Sequence[Key],
    limit: int,
    offset: int,
) -> list[int]:
    """Those at rest are searched as if no run logged on, the few that do are looked at one by one."""
    count = limit + offset
    found = at_rest.find(wanted, keys, count + len(living))
    rest = [run_seq for run_seq in found if run_seq not in living][:count]
    # Those at rest have passed already; to ask them again is less than a statement more.
    return now.among([*rest, *sorted(living)], wanted, keys, limit, offset)


def _logging_on(connection: Connection, keys: set[str]) -> tuple[set[int], frozenset[str]]:
    """Runs with points of some metrics that are not at rest, not many more than `FEW`; those metrics."""
    if not keys:
        return set(), frozenset()
    of_key = point_tip.c.key.in_(sorted(keys))
    rows = select(run.c.seq, point_tip.c.key).join(run, run.c.id == point_tip.c.run).where(of_key)
    bound = (FEW + 1) * len(keys)
    found = connection.execute(rows.limit(bound)).cursor.fetchall()
    living, metrics = {run_seq for run_seq, _ in found}, {key for _, key in found}
    if len(found) == bound:
        tests = [exists().where(point_tip.c.key == key) for key in sorted(keys - metrics)]
        told = connection.execute(select(*tests)).one() if tests else ()
        metrics |= {key for key, is_living in zip(sorted(keys - metrics), told, strict=True) if is_living}
    return living, frozenset(metrics)


def _fields(expression: Expression, keys: Sequence[Key]) -> list[Field]:
    return [*(leaf.field for leaf in leaves(expression)), *(field for field, _ in keys)]


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: the three ways."""

    connection: Connection
    values: Values
    sets: Sets

    def find(self, wanted: Expression, keys: Sequence[Key], limit: int, offset: int = 0) -> list[int]:
        few = self._few(wanted)
        if few is not None:
            run_seqs, others = few
            return self.among(run_seqs, others, keys, limit, offset)
        if not keys or keys[0][0].family == "attribute":
            return self._sorted(wanted, keys, limit, offset)
        return self._by_value(wanted, keys, limit, offset)

    def _few(self, expression: Expression) -> tuple[list[int], Expression] | None:
        """The runs of the condition that the fewest pass, and the others; None when none has few."""
        wide, parts = _divided(expression)
        asked = [part for part in parts if not isinstance(part, And | Or | Not | Missing)]
        found: list[tuple[Rows, Expression]] = [
            (self.values.matches(part), And((*wide, *(each for each in parts if each is not part))))
            for part in asked
        ]
        if wide:
            found.append((select(run.c.seq).where(*_of_rows(wide)), And(tuple(parts))))
        if not found:
            return None
        # Counted in one statement, and no further than it matters.
        counts = self._counts([query for query, _ in found], FEW)
        fewest = min(range(len(found)), key=counts.__getitem__)
        if counts[fewest] > FEW:
            return None
        query, others = found[fewest]
        return (self._seqs(query) if counts[fewest] else []), others

    def _counts(self, queries: Sequence[Rows], border: int) -> list[int]:
        """How many each finds, none of them further than one more than the border."""
        bounded = [query.limit(border + 1).subquery() for query in queries]
        counts = [select(func.count()).select_from(each).scalar_subquery() for each in bounded]
        return [*self.connection.execute(select(*counts)).one()]

    def _seqs(self, query: Rows, **told: str) -> list[int]:
        return [run_seq for (run_seq,) in self._rows(query, **told)]

    def _rows(self, query: Rows, **told: str) -> list[Any]:
        """The driver's own rows: rows with names take longer than finding them."""
        cursor: Any = self.connection.execute(query, {**self.sets.told, **told}).cursor
        return [*cursor.fetchall()]

    def among(
        self,
        run_seqs: Sequence[int],
        expression: Expression,
        keys: Sequence[Key],
        limit: int,
        offset: int = 0,
    ) -> list[int]:
        """Those of a few runs that pass, in order."""
        if not run_seqs:
            return []
        query = select(run.c.seq).where(one_of(run.c.seq), combine(expression, self.values.of_one))
        query = self._ordered(query, keys).limit(limit).offset(offset)
        return self._seqs(query, **{LISTED: as_list(run_seqs)})

    def _sorted(self, expression: Expression, keys: Sequence[Key], limit: int, offset: int) -> list[int]:
        """All that pass, sorted by the database."""
        wide, narrow = _divided(expression)
        tests = combine(And(tuple(narrow)), partial(self.sets.of_set, run_seq=run.c.seq))
        query = select(run.c.seq).where(*_of_rows(wide), tests)
        return self._seqs(self._ordered(query, keys).limit(limit).offset(offset))

    def _ordered(self, query: Select[Any], keys: Sequence[Key]) -> Select[Any]:
        joined: FromClause = RUNS
        order: list[ColumnElement[Any]] = []
        for place, (field, is_descending) in enumerate(keys):
            if field.family == "attribute":
                columns = [ATTRIBUTES[field.key]]
            elif field.family == "metrics":
                joined, is_absent, last = self._with_last(joined, field, place)
                order.append(is_absent)
                columns = [last]
            else:
                table = _alias(SETTINGS[field.family], place)
                joined = joined.outerjoin(table, and_(table.c.run == run.c.id, table.c.key == field.key))
                order.append(table.c.run.is_(None))
                columns = [table.c.text] if self.values.is_text else [table.c.number, table.c.text]
            for column in columns:
                # What is never absent is walked in the order of its index.
                ranks = [column.is_(None)] if getattr(column, "nullable", True) else []
                order += [*ranks, column.desc() if is_descending else column.asc()]
        return query.select_from(joined).order_by(*order, run.c.seq.desc())

    def _with_last(
        self, joined: FromClause, field: Field, place: int
    ) -> tuple[FromClause, ColumnElement[bool], ColumnElement[Any]]:
        """Runs with a metric beside them; whether it is absent; its last value."""
        rest = _alias(run_metric, place)
        joined = joined.outerjoin(rest, and_(rest.c.run == run.c.id, rest.c.key == field.key))
        if field.key not in self.values.living:
            return joined, rest.c.run.is_(None), rest.c.last
        tip = _alias(point_tip, place)
        joined = joined.outerjoin(tip, and_(tip.c.run == run.c.id, tip.c.key == field.key))
        last = case((tip.c.run.is_not(None), tip.c.last), else_=rest.c.last)
        return joined, and_(rest.c.run.is_(None), tip.c.run.is_(None)), last

    def _by_value(self, expression: Expression, keys: Sequence[Key], limit: int, offset: int) -> list[int]:
        """In the order of a metric or a setting: numbers, then NaN or words, then those without."""
        wanted = min(limit + offset, LAST)
        (field, _), *rest = keys
        # One more than is wanted says whether the last of them has equals behind it.
        best = self._best_passing(keys[0], expression, wanted + 1)
        if best is None:
            best = self._walk(keys[0], expression, wanted + 1)
        found = [run_seq for run_seq, _ in best[:wanted]]
        if found and (rest or field.is_free):
            settled = self._settle_ties(best, expression, keys, wanted)
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
        found += self.among(odd_seqs, And(()), keys, wanted - len(found))
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
    ) -> list[Ranked]:
        """Runs with a value there, the best first: those that pass; with `at`, those with that value."""
        return self._rows(self._walking(key, expression, at).limit(limit))

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

    def _best_passing(self, key: Key, expression: Expression, wanted: int) -> list[Ranked] | None:
        """Those that pass of the first few of a long order, when they are enough; else None."""
        order = self._walking(key, None)
        if 3 * wanted > FEW or self._counts([order], SHORT) <= [SHORT]:
            return None
        first = order.limit(3 * wanted).subquery()
        joined = first.join(run, run.c.seq == first.c.run_seq).outerjoin(person, person.c.id == run.c.person)
        query = select(first).select_from(joined).where(combine(expression, self.values.of_one))
        found = self._rows(self._in_way(query, key))
        return found if len(found) >= wanted else None

    def _settle_ties(
        self, best: Sequence[Ranked], expression: Expression, keys: Sequence[Key], wanted: int
    ) -> list[int] | None:
        """The best by all keys, where the first leaves some equal; None when they are too many to look at."""
        page = best[:wanted]
        has_equals_behind = len(best) > wanted and best[wanted][1] == page[-1][1]
        if not has_equals_behind and len({value for _, value in page}) == len(page):
            return [run_seq for run_seq, _ in page]
        tied: list[Ranked] = []
        if has_equals_behind:
            tied = self._walk(keys[0], None, FEW + 2, at=page[-1][1])
            if len(tied) > FEW:
                tied = self._walk(keys[0], expression, TIED + 1, at=page[-1][1])
        if len(tied) > TIED or len(page) > TIED:
            return None
        candidates = {run_seq for run_seq, _ in (*page, *tied)}
        return self.among([*candidates], expression, keys, len(page))

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
        conditions = [combine(And(tuple(narrow)), partial(self.sets.of_set, run_seq=run_seq))]
        if wide:
            conditions.append(select(1).where(WHOSE.c.seq == run_seq, *_of_rows(wide, WHOSE)).exists())
        return and_(*conditions)


@lru_cache
def _alias(table: Table, place: int) -> FromClause:
    """A table beside itself, for one of several keys."""
    return table.alias(f"{table.name}_of_{place}")


def _search(connection: Connection, values: Values) -> _Search:
    return _Search(connection, values, Sets(connection, values))


def _divided(expression: Expression) -> tuple[list[In], list[Expression]]:
    """What must hold: what is alike in most runs, and the rest."""
    parts = _conjuncts(expression)
    wide = [part for part in parts if isinstance(part, In) and part.field in WIDE and not part.is_negated]
    return wide, [part for part in parts if part not in wide]


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, And):
        return [each for part in expression.parts for each in _conjuncts(part)]
    return [expression]


def _of_rows(wide: Sequence[In], table: FromClause = run) -> list[ColumnElement[bool]]:
    return [table.c[WIDE[part.field]].in_(part.values) for part in wide]
