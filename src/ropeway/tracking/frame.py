"""Runs as columns: one row a run, one column an attribute, a param, a tag or a metric.

A param or a tag whose every value spells a number becomes a column of numbers, any other one of text.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Connection, Table, select

from ropeway.tracking.conditions import PERSON, RUNS
from ropeway.tracking.errors import LimitInvalid
from ropeway.tracking.filter import parse_filter, parse_sort
from ropeway.tracking.plan import find_runs
from ropeway.tracking.projections import run, run_metric, run_param, run_tag
from ropeway.workspace import Context, Workspace, operation

if TYPE_CHECKING:
    import polars as pl

FRAME_LIMIT = 1_000_000
FEW = 500
"""The rows of so many runs are asked for by their ids; of more, all rows are read."""
ATTRIBUTES = (
    "id", "name", "kind", "status", "started_at", "ended_at", "duration_s", "cpu_s", "peak_memory_bytes",
    "commit_id", "parent", "error_type",
)  # fmt: skip


class RunColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Runs as columns of one length, by name; what a run does not have is None. NaN is text: `nan`."""

    columns: dict[str, list[Any]]


@operation("runs.columns", kind="query", permission="runs:read")
def run_columns(
    context: Context,
    *,
    where: str = "",
    sort: list[str] = [],  # noqa: B006  the operation copies it
    limit: int = FRAME_LIMIT,
) -> RunColumns:
    """Runs as columns: attributes, then `params.KEY`, `tags.KEY` and `metrics.KEY`.

    Args:
        context: the call.
        where: a filter, as in `runs.search`.
        sort: fields, as in `runs.search`.
        limit: how many runs at the most.

    Raises:
        FilterInvalid: the filter or a sort key cannot be read.
        LimitInvalid: a limit out of range.
    """
    if not 1 <= limit <= FRAME_LIMIT:
        raise LimitInvalid(limit, 0, FRAME_LIMIT)
    return RunColumns(columns=columns_of(context, where=where, sort=sort, limit=limit))


def columns_of(
    context: Context, *, where: str, sort: Sequence[str] = (), limit: int = FRAME_LIMIT
) -> dict[str, list[Any]]:
    """Runs as columns, by name; see `run_columns`."""
    keys = [key for text in sort for key in parse_sort(text)]
    expression = parse_filter(where, now=context.clock.now()) if where.strip() else None
    found = find_runs(context.read, expression, keys, limit=limit)
    return _columns(context.read, found)


def runs_frame(
    workspace: Workspace, *, where: str = "", sort: Sequence[str] = (), limit: int = FRAME_LIMIT
) -> "pl.DataFrame":
    """Runs as a frame; see `run_columns`.

    Example:
        >>> runs_frame(workspace, where="status = 'finished'")  # doctest: +SKIP
    """
    import polars as pl

    found = run_columns(workspace, where=where, sort=[*sort], limit=limit)
    return pl.DataFrame({name: _series(name, values) for name, values in found.columns.items()})


def _series(name: str, values: list[Any]) -> "pl.Series":
    import polars as pl

    if name.startswith("metrics."):
        numbers = [float(value) if value is not None else None for value in values]
        return pl.Series(name, numbers, dtype=pl.Float64)
    return pl.Series(name, values, strict=False)


def _columns(connection: Connection, run_seqs: Sequence[int]) -> dict[str, list[Any]]:
    place = {seq: index for index, seq in enumerate(run_seqs)}
    query = select(run.c.seq, PERSON, *[run.c[name] for name in ATTRIBUTES]).select_from(RUNS)
    if len(run_seqs) <= FEW:
        query = query.where(run.c.seq.in_(run_seqs))
    rows = [row for row in _raw(connection, query) if row[0] in place]
    rows.sort(key=lambda row: place[row[0]])
    whole = list(zip(*rows, strict=True)) or [()] * (2 + len(ATTRIBUTES))
    columns: dict[str, list[Any]] = {name: list(whole[at + 2]) for at, name in enumerate(ATTRIBUTES)}
    columns["person"] = list(whole[1])
    ids = columns["id"] if len(run_seqs) <= FEW else None
    for name, table in (("params", run_param), ("tags", run_tag)):
        for key, (numbers, texts) in _by_key(connection, table, ("number", "text"), ids, place).items():
            pairs = zip(numbers, texts, strict=True)
            is_text = any(number is None and text is not None for number, text in pairs)
            columns[f"{name}.{key}"] = texts if is_text else numbers
    for key, (last, counts) in _by_key(connection, run_metric, ("last", "count"), ids, place).items():
        told = [None if count is None else _told(value) for value, count in zip(last, counts, strict=True)]
        columns[f"metrics.{key}"] = told
    return columns


def _by_key(
    connection: Connection,
    table: Table,
    names: tuple[str, str],
    ids: Sequence[str] | None,
    place: dict[int, int],
) -> dict[str, tuple[list[Any], list[Any]]]:
    """For each key, two columns of a table; None for a run that has no row of it."""
    query = select(table.c.run_seq, table.c.key, *[table.c[name] for name in names])
    if ids is not None:
        query = query.where(table.c.run.in_(ids))
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    for seq, key, first, second in _raw(connection, query):
        at = place.get(seq)
        if at is None:
            continue
        if key not in found:
            found[key] = [None] * len(place), [None] * len(place)
        firsts, seconds = found[key]
        firsts[at] = first
        seconds[at] = second
    return dict(sorted(found.items()))


def _raw(connection: Connection, query: Any) -> Iterable[Any]:
    """The driver's own rows: for hundreds of thousands, rows with names take most of the time."""
    cursor: Any = connection.execute(query).cursor
    return cast("Iterable[Any]", cursor)


def _told(value: float | None) -> float | str:
    # NULL is NaN, which JSON cannot say, nor infinities.
    if value is None:
        return "nan"
    return value if value - value == 0 else str(value)
