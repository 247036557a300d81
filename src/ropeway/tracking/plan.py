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
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, select

from ropeway.tracking.conditions import ATTRIBUTES, INPUT, RUNS, combine, matches, of_one, of_set, rows_of
from ropeway.tracking.expression import And, Expression, Field, In, Leaf, Missing, Not, Or, holds
from ropeway.tracking.projections import run, run_input

FEW = 1_000
"""So many runs are looked at one by one."""
TIED = 5_000
"""So many runs with the same value are sorted by the further keys beside those that come before them."""
WIDE = ("experiment", "lifecycle")
"""Attributes that are alike in most runs: asked of those that pass everything else."""

LAST = 2**63 - 1
"""A database counts no further."""

Key = tuple[Field, bool]


def find_runs(
    connection: Connection, expression: Expression | None, keys: Sequence[Key], *, limit: int, offset: int = 0
) -> list[int]:
    """The numbers of the runs that pass, in order.

    Args:
        connection: to read with.
        expression: the filter; None for all runs.
        keys: what to sort by, each with whether the highest comes first. NaN comes after every number, and
            what has no value last; among equals, the newest run comes first.
        limit: how many at the most.
        offset: how many to pass over.
    """
    wanted = And(()) if expression is None else _resolved(connection, expression)
    few = _few(connection, wanted)
    if few is not None:
        run_seqs, others = few
        return _among(connection, run_seqs, others, keys, limit, offset)
    if not keys or keys[0][0].family != "metrics":
        return _sorted(connection, wanted, keys, limit, offset)
    return _by_metric(connection, wanted, keys, limit, offset)


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, And):
        return [each for part in expression.parts for each in _conjuncts(part)]
    return [expression]


def _few(connection: Connection, expression: Expression) -> tuple[list[int], Expression] | None:
    """The runs of the condition that the fewest pass, and the other conditions; None when none has few."""
    found: tuple[list[int], Expression] | None = None
    parts = _conjuncts(expression)
    for part in parts:
        if isinstance(part, And | Or | Not | Missing) or part.field.key in WIDE:
            continue
        passing = list(connection.execute(matches(part).limit(FEW + 1)).scalars())
        if len(passing) <= FEW and (found is None or len(passing) < len(found[0])):
            found = passing, And(tuple(each for each in parts if each is not part))
    return found


def _among(
    connection: Connection,
    run_seqs: Sequence[int],
    expression: Expression,
    keys: Sequence[Key],
    limit: int,
    offset: int,
) -> list[int]:
    """Those of a few runs that pass, in order."""
    if not run_seqs:
        return []
    query = select(run.c.seq).where(run.c.seq.in_(run_seqs), combine(expression, of_one))
    return [*connection.execute(_ordered(query, keys).limit(limit).offset(offset)).scalars()]


def _sorted(
    connection: Connection, expression: Expression, keys: Sequence[Key], limit: int, offset: int
) -> list[int]:
    """All that pass, sorted by the database."""
    query = select(run.c.seq).where(_in_sets(expression, run.c.seq))
    return [*connection.execute(_ordered(query, keys).limit(limit).offset(offset)).scalars()]


def _ordered(query: Select[Any], keys: Sequence[Key]) -> Select[Any]:
    joined: FromClause = RUNS
    order: list[ColumnElement[Any]] = []
    for field, is_descending in keys:
        if field.family == "attribute":
            column = ATTRIBUTES[field.key]
            order += [column.is_(None), column.desc() if is_descending else column.asc()]
            continue
        table = rows_of(field).alias()
        joined = joined.outerjoin(table, and_(table.c.run == run.c.id, table.c.key == field.key))
        order.append(table.c.run.is_(None))
        columns = [table.c.last] if field.family == "metrics" else [table.c.number, table.c.text]
        for column in columns:
            order += [column.is_(None), column.desc() if is_descending else column.asc()]
    return query.select_from(joined).order_by(*order, run.c.seq.desc())


def _by_metric(
    connection: Connection, expression: Expression, keys: Sequence[Key], limit: int, offset: int
) -> list[int]:
    """In the order of a metric: those with a number, then those with NaN, then those without."""
    wanted = min(limit + offset, LAST)
    (field, is_descending), *rest = keys
    table = rows_of(field)
    mine = table.c.key == field.key
    way = table.c.last.desc() if is_descending else table.c.last.asc()
    walk = select(table.c.run_seq, table.c.last).where(mine, table.c.last.is_not(None))
    walk = walk.order_by(way, table.c.run_seq.desc())
    best = _best_passing(connection, walk, expression, wanted)
    if best is None:
        best = [*connection.execute(walk.where(_in_sets(expression, table.c.run_seq)).limit(wanted))]
    found = [each.run_seq for each in best[:wanted]]
    if rest and found:
        settled = _settle_ties(connection, walk, best[:wanted], expression, keys)
        if settled is None:
            return _sorted(connection, expression, keys, limit, offset)
        found = settled
    if len(found) >= wanted:
        return found[offset:wanted]
    # Those with NaN are few, or all that there is.
    odd = select(table.c.run_seq).where(mine, table.c.last.is_(None))
    odd = odd.where(_in_sets(expression, table.c.run_seq)).limit(TIED + 1)
    odd_seqs = [*connection.execute(odd).scalars()]
    if len(odd_seqs) > TIED:
        return _sorted(connection, expression, keys, limit, offset)
    found += _among(connection, odd_seqs, And(()), rest, wanted - len(found), 0)
    if len(found) < wanted:
        without = And((expression, Missing(field)))
        found += find_runs(connection, without, rest, limit=wanted - len(found))
    return found[offset:]


def _best_passing(
    connection: Connection, walk: Select[Any], expression: Expression, wanted: int
) -> list[Row[Any]] | None:
    """Those that pass of the first few of an order, when they are enough; else None."""
    if 3 * wanted > FEW:
        return None
    first = connection.execute(walk.limit(3 * wanted)).all()
    query = select(run.c.seq).select_from(RUNS).where(run.c.seq.in_([row.run_seq for row in first]))
    passing = set(connection.execute(query.where(combine(expression, of_one))).scalars())
    found = [row for row in first if row.run_seq in passing]
    is_whole = len(first) < 3 * wanted
    return found if len(found) >= wanted or is_whole else None


def _settle_ties(
    connection: Connection,
    walk: Select[Any],
    best: Sequence[Row[Any]],
    expression: Expression,
    keys: Sequence[Key],
) -> list[int] | None:
    """The best by all keys, where the first leaves some equal; None when they are too many to look at."""
    last = walk.selected_columns[1]
    tied = walk.where(last == best[-1].last, _in_sets(expression, walk.selected_columns[0]))
    more = connection.execute(tied.limit(TIED + 1)).all()
    if len(more) > TIED or len(best) > TIED:
        return None
    candidates = {row.run_seq for row in best} | {row.run_seq for row in more}
    return _among(connection, [*candidates], And(()), keys, len(best), 0)


def _in_sets(expression: Expression, run_seq: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a run passes, asking sets; attributes that are alike in most runs are asked one by one."""
    parts = _conjuncts(expression)
    wide = [part for part in parts if isinstance(part, In) and part.field.key in WIDE]
    narrow = And(tuple(part for part in parts if part not in wide))
    conditions = [combine(narrow, partial(of_set, run_seq=run_seq))]
    if wide:
        asked = run.alias()
        tests = [asked.c[part.field.key].in_(part.values) for part in wide]
        conditions.append(select(1).where(asked.c.seq == run_seq, *tests).exists())
    return and_(*conditions)


def _resolved(connection: Connection, expression: Expression) -> Expression:
    """The filter with what it says of data sets told as references of inputs: those are few."""
    match expression:
        case And(parts):
            return And(tuple(_resolved(connection, part) for part in parts))
        case Or(parts):
            return Or(tuple(_resolved(connection, part) for part in parts))
        case Not(part):
            return Not(_resolved(connection, part))
        case _ if expression.field.family == "dataset":
            return _inputs(connection, expression)
    return expression


def _inputs(connection: Connection, leaf: Leaf) -> Expression:
    query = select(run_input.c.ref).where(run_input.c.ref.like("dataset:%")).distinct()
    refs = []
    for ref in connection.execute(query).scalars():
        name, _, digest = ref.removeprefix("dataset:").partition("@")
        value = {"name": name, "digest": digest}.get(leaf.field.key, "")
        values = [value] if value else []
        if isinstance(leaf, Missing) != holds(leaf, lambda _field, values=values: values):  # type: ignore[misc]
            refs.append(ref)
    found = In(INPUT, tuple(refs))
    return Not(found) if isinstance(leaf, Missing) else found
