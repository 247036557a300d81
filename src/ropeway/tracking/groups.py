"""Runs taken together: by what they share, and those that no other run beats in everything."""

import math
from typing import Any

import msgspec

from ropeway.tracking.errors import GroupInvalid
from ropeway.tracking.expression import Field
from ropeway.tracking.filter import parse_sort
from ropeway.tracking.frame import ATTRIBUTES, TOLD, columns_of
from ropeway.workspace import Context, operation

FIELD_LIMIT = 16
_NAMES = {"duration": "duration_s"}


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of a group have in one metric; NaN is left out."""

    count: int
    mean: float | None
    min: float | None
    max: float | None


class RunGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that share the values of some fields."""

    values: dict[str, Any]
    runs: int
    metrics: dict[str, Spread]


class ParetoRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that no other beats in everything, with its figures."""

    run: str
    name: str | None
    values: dict[str, float]


@operation("runs.group", kind="query", permission="runs:read")
def group_runs(
    context: Context,
    *,
    by: list[str],
    metrics: list[str] = [],  # noqa: B006  the operation copies it
    where: str = "",
) -> list[RunGroup]:
    """Runs by the fields that they share, the largest groups first.

    Args:
        context: the call.
        by: fields, such as `params.model` or `status`; a run without one is in the group of None.
        metrics: of which metrics to give count, mean, lowest and highest; all when none is named.
        where: a filter, as in `runs.search`.

    Raises:
        GroupInvalid: no field, or too many.
        FilterInvalid: the filter or a field cannot be read.
    """
    fields = _fields(by, FIELD_LIMIT)
    columns = columns_of(context, where=where, also=_also(fields))
    wanted = [f"metrics.{key}" for key in metrics]
    wanted = wanted or [name for name in columns if name.startswith("metrics.")]
    count = len(columns["id"])
    keys = [columns.get(_column(field), [None] * count) for field, _ in fields]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, values in enumerate(zip(*keys, strict=True)):
        groups.setdefault(values, []).append(index)
    names = [str(field) for field, _ in fields]
    return [
        RunGroup(
            values=dict(zip(names, values, strict=True)),
            runs=len(members),
            metrics={
                name.removeprefix("metrics."): _spread([columns[name][index] for index in members])
                for name in wanted
                if name in columns
            },
        )
        for values, members in sorted(groups.items(), key=lambda each: (-len(each[1]), each[1]))
    ]


@operation("runs.pareto", kind="query", permission="runs:read")
def pareto_runs(context: Context, *, by: list[str], where: str = "") -> list[ParetoRun]:
    """The Pareto front: runs that no other run beats or equals in everything and beats in something.

    Args:
        context: the call.
        by: two fields or more that hold numbers; `-` before one where higher is better, as in `sort`. A run
            that has no number in one of them is left out.
        where: a filter, as in `runs.search`.

    Raises:
        GroupInvalid: fewer than two fields, or too many.
        FilterInvalid: the filter or a field cannot be read.
    """
    fields = _fields(by, FIELD_LIMIT, least=2)
    columns = columns_of(context, where=where, also=_also(fields))
    count = len(columns["id"])
    figures = [[_number(value) for value in columns.get(_column(each), [None] * count)] for each, _ in fields]
    points = [
        (tuple(-value if highest else value for value, (_, highest) in zip(row, fields, strict=True)), index)
        for index, row in enumerate(zip(*figures, strict=True))
        if None not in row
    ]
    return [
        ParetoRun(
            run=columns["id"][index],
            name=columns["name"][index],
            values={str(field): float(columns[_column(field)][index]) for field, _ in fields},
        )
        for index in front(points)
    ]


def front(points: list[tuple[tuple[float, ...], int]]) -> list[int]:
    """Of points where less is better, the numbers of those that none dominates, the best by the first first.

    Example:
        >>> front([((1.0, 2.0), 0), ((2.0, 1.0), 1), ((2.0, 2.0), 2)])
        [0, 1]
    """
    kept: list[tuple[tuple[float, ...], int]] = []
    # In this order, nothing is dominated by what comes after it.
    for point, number in sorted(points):
        if not any(_dominates(other, point) for other, _ in kept):
            kept.append((point, number))
    return [number for _, number in kept]


def _dominates(other: tuple[float, ...], point: tuple[float, ...]) -> bool:
    return other != point and all(one <= two for one, two in zip(other, point, strict=True))


def _fields(texts: list[str], most: int, least: int = 1) -> list[tuple[Field, bool]]:
    fields = [key for text in texts for key in parse_sort(text)]
    if not least <= len(fields) <= most:
        raise GroupInvalid(len(fields), least, most)
    return fields


def _column(field: Field) -> str:
    return _NAMES.get(str(field), str(field))


def _also(fields: list[tuple[Field, bool]]) -> list[str]:
    """Those of some fields that are attributes, and no columns by themselves."""
    names = [_column(field) for field, _ in fields if field.family == "attribute"]
    return [name for name in dict.fromkeys(names) if name not in ATTRIBUTES and name not in TOLD]


def _number(value: Any) -> float | None:
    """The number a cell holds; NaN is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _spread(cells: list[Any]) -> Spread:
    numbers = [number for cell in cells if (number := _number(cell)) is not None]
    if not numbers:
        return Spread(count=0, mean=None, min=None, max=None)
    # Of infinities of both signs there is no mean.
    total = sum(numbers)
    mean = None if math.isnan(total) or math.isinf(total) else total / len(numbers)
    return Spread(count=len(numbers), mean=mean, min=_finite(min(numbers)), max=_finite(max(numbers)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
