"""Finding runs by a filter, in an order, with everything that hangs on them.

What a filter means to the database is in `tracking.conditions`; how it is asked, in `tracking.plan`.
"""

import math
from collections import namedtuple
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest, RunId
from ropeway.ledger.tables import point_tip
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.conditions import PERSON, RUNS
from ropeway.tracking.elsewhere import LIFECYCLE
from ropeway.tracking.errors import FilterTooLarge, LimitInvalid
from ropeway.tracking.events import ArtifactRecord, HostRecord, Scalar
from ropeway.tracking.expression import And, Expression, In, leaves
from ropeway.tracking.filter import parse_filter, parse_sort
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.plan import Key, find_runs
from ropeway.tracking.projections import run, run_artifact, run_input, run_metric, run_param, run_tag
from ropeway.tracking.records import RunSummary
from ropeway.workspace import Context, operation

SEARCH_LIMIT = 1_000
SORT_LIMIT = 31
"""SQLite joins 64 tables: the runs, their people, and of a metric that logs on two."""
_NONE: Mapping[str, Any] = {}
_SCALARS = msgspec.json.Decoder(list[Scalar])
_WORDS = msgspec.json.Decoder(list[str])
_HOST = msgspec.json.Decoder(HostRecord)
_IDS = select(run.c.seq, run.c.id).where(one_of(run.c.seq))
_ROWS = select(run, PERSON.label("person_name")).select_from(RUNS).where(one_of(run.c.seq))
_row = namedtuple("_row", _ROWS.selected_columns.keys())._make  # type: ignore[attr-defined]  # noqa: PYI024
"""The names are the table's."""


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
        where: a filter (see `tracking.filter`); empty for all runs. Deleted runs are left out, unless it
            speaks of `lifecycle`.
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
    expression = asked(where, context.clock.now())
    found = find_runs(context.read, expression, sort_keys(sort), limit=limit, offset=offset)
    return summaries(context.read, found)


def sort_keys(sort: Sequence[str]) -> list[Key]:
    """What to sort by, read.

    Raises:
        SortInvalid: something is no field.
        FilterTooLarge: too many.
    """
    keys = [key for text in sort for key in parse_sort(text)]
    if len(keys) > SORT_LIMIT:
        raise FilterTooLarge("fields to sort by", len(keys), SORT_LIMIT)
    return keys


def asked(where: str, now: datetime) -> Expression:
    """What a filter in our language asks for; of deleted runs only if it speaks of them."""
    found = parse_filter(where, now=now) if where.strip() else And(())
    if any(leaf.field == LIFECYCLE for leaf in leaves(found)):
        return found
    return And((In(LIFECYCLE, (ACTIVE,)), found))


def ids_in_order(connection: Connection, run_seqs: Sequence[int]) -> list[RunId]:
    """The ids of runs by their numbers, in that order."""
    ids = {seq: RunId(each) for seq, each in _listed(connection, _IDS, run_seqs)}
    return [ids[seq] for seq in run_seqs]


def summaries(connection: Connection, run_seqs: Sequence[int]) -> list[RunSummary]:
    """Runs by their numbers, in that order, with everything that hangs on them."""
    found = {row.seq: row for row in map(_row, _listed(connection, _ROWS, run_seqs))}
    rows = [found[seq] for seq in run_seqs]
    runs = [row.id for row in rows]
    params, tags = (by_key(connection, table, "value", runs) for table in (run_param, run_tag))
    metrics = by_key(connection, run_metric, "last", runs)
    # Points of a run that lives, or that was logged to after its end, are summed up here.
    for of, lasts in by_key(connection, point_tip, "last", runs).items():
        metrics[of] = dict(sorted({**metrics.get(of, _NONE), **lasts}.items()))
    artifacts = by_run(connection, run_artifact, ("name", "digest", "size_bytes"), runs)
    inputs = by_run(connection, run_input, ("ref",), runs)
    return [
        RunSummary(
            id=row.id,
            name=row.name,
            kind=row.kind,
            status=row.status,
            person=row.person_name,
            started_at=from_text(row.started_at),
            ended_at=from_text(row.ended_at) if row.ended_at else None,
            duration_s=row.duration_s,
            params=_values(params.get(row.id, _NONE)),
            tags=_values(tags.get(row.id, _NONE)),
            metrics={
                key: math.nan if last is None else last for key, last in metrics.get(row.id, _NONE).items()
            },
            artifacts={
                name: ArtifactRecord(digest=Digest(digest), size_bytes=size)
                for name, digest, size in artifacts.get(row.id, ())
            },
            inputs=[ref for (ref,) in inputs.get(row.id, ())],
            code=row.code,
            commit=row.commit_id,
            is_dirty=bool(row.is_dirty),
            left_out=_WORDS.decode(row.left_out),
            environment=row.environment,
            host=_host(row.host),
            hostname=row.hostname,
            argv=None if row.argv is None else _WORDS.decode(row.argv),
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


def by_key(
    connection: Connection, table: Table, name: str, runs: Sequence[RunId]
) -> dict[RunId, dict[str, Any]]:
    """One column of a table for these runs, by run and key; keys in alphabetical order."""
    found: dict[RunId, dict[str, Any]] = {}
    for run_id, key, value in _rows_of(connection, table, ("run", "key", name), runs):
        of_run = found.get(run_id)
        if of_run is None:
            of_run = found[run_id] = {}
        of_run[key] = value
    return found


def by_run(
    connection: Connection, table: Table, names: tuple[str, ...], runs: Sequence[RunId]
) -> dict[RunId, list[tuple[Any, ...]]]:
    """Some columns of a table for these runs, by run; in the order of its key."""
    found: dict[RunId, list[tuple[Any, ...]]] = {}
    for run_id, *cells in _rows_of(connection, table, ("run", *names), runs):
        found.setdefault(run_id, []).append(tuple(cells))
    return found


def _rows_of(
    connection: Connection, table: Table, names: tuple[str, ...], runs: Sequence[RunId]
) -> Sequence[tuple[Any, ...]]:
    return _listed(connection, _select_of(table, names), runs)


# Built once for each: putting a statement together costs more than running it.
@lru_cache
def _select_of(table: Table, names: tuple[str, ...]) -> Select[Any]:
    query = select(*[table.c[name] for name in names]).where(one_of(table.c.run))
    return query.order_by(*table.primary_key.columns)


def _listed(
    connection: Connection, query: Select[Any], values: Sequence[object]
) -> Sequence[tuple[Any, ...]]:
    """The driver's own rows: these are many, and names on each take most of the time."""
    cursor: Any = connection.execute(query, {LISTED: as_list(values)}).cursor
    found: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return found


def _values(cells: Mapping[str, str]) -> dict[str, Scalar]:
    # All of a run are decoded at once: each by itself takes longer than reading it.
    return dict(zip(cells, _SCALARS.decode(f"[{','.join(cells.values())}]"), strict=True))


@lru_cache
def _host(text: str) -> HostRecord:
    """What is the same for most runs."""
    return _HOST.decode(text)
