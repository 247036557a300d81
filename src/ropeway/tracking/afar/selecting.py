"""Pages of experiments, names, versions and logged models by MLflow's filters and orders, in the database.

What hangs on a thing is read for those of a page alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, false, func, select

from ropeway.tracking.conditions import combine, tested
from ropeway.tracking.expression import Field, Leaf, Missing
from ropeway.tracking.mlflow_fields import Fields
from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order

Words = Callable[[str], Select[Any]]
"""Of a key, the query for the one value that a thing has under it, tied to the thing's row."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of one kind of thing.

    Attributes:
        fields: what its filters and orders may name.
        columns: the attributes, as the fields call them.
        words: the families of free keys.
        natural: the order of things that are alike.
        ordered: attributes that stand in another order than that of their column.
    """

    fields: Fields
    columns: Mapping[str, ColumnElement[Any]]
    words: Mapping[str, Words]
    natural: Sequence[ColumnElement[Any]]
    ordered: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    def value(self, asked: Field) -> ColumnElement[Any]:
        """What a thing has there, or NULL."""
        if asked.family == "attribute":
            return self.columns[asked.key]
        return self.words[asked.family](asked.key).scalar_subquery()


def page_of(
    read: Connection,
    query: Select[Any],
    kind: Kind,
    *,
    where: str,
    sort: Sequence[str],
    limit: int,
    after: int,
) -> tuple[list[Row[Any]], int | None]:
    """The rows of a page of the things that a filter lets through, and where the next page begins, if any.

    Args:
        read: to read with.
        query: the rows of all things.
        kind: which things they are.
        where: a filter as MLflow's clients write it.
        sort: what to order by, likewise; those that have no value there come last.
        limit: how many at the most.
        after: how many to pass over.

    Raises:
        MlflowFilterInvalid: one of the two cannot be read.
    """
    if where.strip():
        tree = parse_mlflow_filter(where, kind.fields)
        query = query.where(combine(tree, lambda leaf: _passes(kind, leaf)))
    for asked, is_descending in parse_mlflow_order(sort, kind.fields):
        value = kind.ordered.get(asked.key) if asked.family == "attribute" else None
        value = kind.value(asked) if value is None else value
        query = query.order_by(value.is_(None), value.desc() if is_descending else value.asc())
    rows = read.execute(query.order_by(*kind.natural).limit(limit + 1).offset(after)).all()
    return [*rows[:limit]], after + limit if len(rows) > limit else None


def words_of(table: Table, *ties: tuple[ColumnElement[Any], ColumnElement[Any]]) -> Words:
    """A family whose values stand in a table of keys and values, tied to things by pairs of columns."""
    tied = and_(*(theirs == own for theirs, own in ties))
    return lambda key: select(table.c.value).where(tied, table.c.key == key)


def _passes(kind: Kind, leaf: Leaf) -> ColumnElement[bool]:
    if isinstance(leaf, Missing):
        return kind.value(leaf.field).is_(None)
    value = kind.value(leaf.field)
    return func.coalesce(tested(leaf, value), false())
