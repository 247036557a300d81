"""Things few enough to look at one by one, by MLflow's filters and orders: experiments, models, versions."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Values = Callable[[Any, Any], Any]


def selected(
    things: Sequence[T],
    where: str,
    sort: Sequence[str],
    fields: str,
    value_of: Callable[[T, str, str], Any],
) -> list[T]:
    """The things that a filter lets through, in an order; those that have no value there come last.

    Args:
        things: in the order of those that are alike.
        where: a filter as MLflow's clients write it.
        sort: what to order by, likewise.
        fields: the table of their fields in `tracking.mlflow_fields`.
        value_of: what a thing has under a family and a key; None for nothing.
    """
    if not where.strip() and not sort:
        return list(things)
    from ropeway.tracking import mlflow_fields
    from ropeway.tracking.expression import holds
    from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order

    table = getattr(mlflow_fields, fields)
    found = list(things)
    if where.strip():
        tree = parse_mlflow_filter(where, table)

        def values(thing: T) -> Callable[[Any], list[Any]]:
            def of(field: Any) -> list[Any]:
                value = value_of(thing, field.family, field.key)
                return [] if value is None else [value]

            return of

        found = [thing for thing in found if holds(tree, values(thing))]
    # Sorting is stable: the last key first.
    for field, is_descending in reversed(parse_mlflow_order(sort, table)):
        having = [(value_of(thing, field.family, field.key), thing) for thing in found]
        there = [pair for pair in having if pair[0] is not None]
        there.sort(key=lambda pair: pair[0], reverse=is_descending)
        found = [pair[1] for pair in there] + [pair[1] for pair in having if pair[0] is None]
    return found
