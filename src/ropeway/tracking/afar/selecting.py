"""Things few enough to look at one by one, by MLflow's filters and orders: experiments, models, versions."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ropeway.tracking.expression import Field, holds
from ropeway.tracking.mlflow_fields import Fields
from ropeway.tracking.mlflow_filter import parse_mlflow_filter, parse_mlflow_order

T = TypeVar("T")


def selected(
    things: Sequence[T],
    where: str,
    sort: Sequence[str],
    fields: Fields,
    value_of: Callable[[T, str, str], Any],
) -> list[T]:
    """The things that a filter lets through, in an order; those that have no value there come last.

    Args:
        things: in the order of those that are alike.
        where: a filter as MLflow's clients write it.
        sort: what to order by, likewise.
        fields: what both may name.
        value_of: what a thing has under a family and a key; None for nothing.

    Raises:
        MlflowFilterInvalid: one of the two cannot be read.
    """
    tree = parse_mlflow_filter(where, fields) if where.strip() else None
    found = [thing for thing in things if tree is None or holds(tree, _values(thing, value_of))]
    # Sorting is stable: the last key first.
    for field, is_descending in reversed(parse_mlflow_order(sort, fields)):
        told = [(value_of(thing, field.family, field.key), thing) for thing in found]
        there = [pair for pair in told if pair[0] is not None]
        there.sort(key=lambda pair: pair[0], reverse=is_descending)
        found = [pair[1] for pair in there] + [pair[1] for pair in told if pair[0] is None]
    return found


def _values(thing: T, value_of: Callable[[T, str, str], Any]) -> Callable[[Field], Iterable[Any]]:
    def of(field: Field) -> Iterable[Any]:
        value = value_of(thing, field.family, field.key)
        return () if value is None else (value,)

    return of
