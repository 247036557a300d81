"""Finding runs by a filter, in an order, with everything that hangs on them.

What a filter means to the database is in `tracking.conditions`; how it is asked, in `tracking.plan`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest, RunId
from ropeway.ledger.tables import point_tip
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.conditions import PERSON, RUNS
from ropeway.tracking.errors import FilterTooLarge, LimitInvalid
from ropeway.tracking.events import ArtifactRecord, HostRecord, Scalar
from ropeway.tracking.expression import And, Expression, In, leaves
from ropeway.tracking.filter import parse_filter, parse_sort
from ropeway.tracking.plan import LIFECYCLE, find_runs
from ropeway.tracking.projections import run, run_artifact, run_input, run_metric, run_param, run_tag
from ropeway.tracking.records import RunSummary
from ropeway.workspace import Context, operation

SEARCH_LIMIT = 1_000
SORT_LIMIT = 32
# SQLite takes 32,766 parameters in one statement.
CHUNK = 500
_SCALAR = msgspec.json.Decoder(Scalar)
_WORDS = msgspec.json.Decoder(list[str])
_HOST = msgspec.json.Decoder(HostRecord)


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
    keys = [key for text in sort for key in parse_sort(text)]
    if len(keys) > SORT_LIMIT:
        raise FilterTooLarge("fields to sort by", len(keys), SORT_LIMIT)
    expression = asked(where, context.clock.now())
    found = find_runs(context.read, expression, keys, limit=limit, offset=offset)
    return summaries(context.read, rows_in_order(context.read, found))


def asked(where: str, now: datetime) -> Expression:
    """What a filter in our language asks for; of deleted runs only if it speaks of them."""
    found = parse_filter(where, now=now) if where.strip() else And(())
    if any(leaf.field == LIFECYCLE for leaf in leaves(found)):
        return found
    return And((In(LIFECYCLE, (ACTIVE,)), found))


def select_runs() -> Select[Any]:
    """All runs, each with the name of who started it."""
    return select(run, PERSON.label("person_name")).select_from(RUNS)


def ids_in_order(connection: Connection, run_seqs: Sequence[int]) -> list[RunId]:
    """The ids of runs by their numbers, in that order."""
    ids: dict[int, RunId] = {}
    for start in range(0, len(run_seqs), CHUNK):
        query = select(run.c.seq, run.c.id).where(run.c.seq.in_(run_seqs[start : start + CHUNK]))
        ids.update((seq, RunId(each)) for seq, each in connection.execute(query).cursor.fetchall())
    return [ids[seq] for seq in run_seqs]


def rows_in_order(connection: Connection, run_seqs: Sequence[int]) -> list[Row[Any]]:
    """Rows of `select_runs` for runs by their numbers, in that order."""
    rows: dict[int, Row[Any]] = {}
    for start in range(0, len(run_seqs), CHUNK):
        query = select_runs().where(run.c.seq.in_(run_seqs[start : start + CHUNK]))
        rows.update((row.seq, row) for row in connection.execute(query))
    return [rows[seq] for seq in run_seqs]


def summaries(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunSummary]:
    """Rows of `select_runs` with everything that hangs on them."""
    return [
        summary
        for start in range(0, len(rows), CHUNK)
        for summary in _summaries(connection, rows[start : start + CHUNK])
    ]


def _summaries(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunSummary]:
    runs = [row.id for row in rows]
    params, tags = (by_run(connection, table, ["key", "value"], runs) for table in (run_param, run_tag))
    metrics = {of: dict(last) for of, last in by_run(connection, run_metric, ["key", "last"], runs).items()}
    # Points of a run that lives, or that was logged to after its end, are summed up here.
    for of, lasts in by_run(connection, point_tip, ["key", "last"], runs).items():
        metrics[of] = dict(sorted({**metrics.get(of, {}), **dict(lasts)}.items()))
    artifacts = by_run(connection, run_artifact, ["name", "digest", "size_bytes"], runs)
    inputs = by_run(connection, run_input, ["ref"], runs)
    return [
        RunSummary(
            id=RunId(row.id),
            name=row.name,
            kind=row.kind,
            status=row.status,
            person=row.person_name,
            started_at=from_text(row.started_at),
            ended_at=from_text(row.ended_at) if row.ended_at else None,
            duration_s=row.duration_s,
            params=_values(params.get(row.id, [])),
            tags=_values(tags.get(row.id, [])),
            metrics={
                key: float("nan") if last is None else last for key, last in metrics.get(row.id, {}).items()
            },
            artifacts={
                name: ArtifactRecord(digest=Digest(digest), size_bytes=size)
                for name, digest, size in artifacts.get(row.id, [])
            },
            inputs=[ref for (ref,) in inputs.get(row.id, [])],
            code=Digest(row.code),
            commit=row.commit_id,
            is_dirty=row.is_dirty,
            left_out=_WORDS.decode(row.left_out),
            environment=Digest(row.environment),
            host=_HOST.decode(row.host),
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


def by_run(
    connection: Connection, table: Table, names: Sequence[str], runs: Sequence[RunId]
) -> dict[str, list[tuple[Any, ...]]]:
    """Some columns of a table for these runs, by run; keys in alphabetical order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    query = select(*[table.c[name] for name in names], table.c.run)
    query = query.where(table.c.run.in_(runs)).order_by(*table.primary_key.columns)
    # The driver's own rows: these are many, and names on each take most of the time.
    for row in connection.execute(query).cursor.fetchall():
        found.setdefault(row[-1], []).append(row[:-1])
    return found


def _values(rows: Sequence[tuple[Any, ...]]) -> dict[str, Scalar]:
    return {key: _SCALAR.decode(value) for key, value in rows}
