"""Runs as columns: one row a run, one column an attribute, a param, a tag or a metric.

A param or a tag whose every value spells a number becomes a column of numbers, any other one of text.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from sqlalchemy import ColumnElement, Connection, Float, Select, String, Table, bindparam, func, select

from ropeway.core.ids import RunId
from ropeway.ledger.tables import point_tip
from ropeway.tracking import conditions
from ropeway.tracking.conditions import EXPERIMENT_NAME, PERSON, RUNS, USER
from ropeway.tracking.errors import LimitInvalid
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.plan import find_runs
from ropeway.tracking.projections import run, run_metric, run_param, run_tag
from ropeway.tracking.search import asked, ids_in_order, sort_keys
from ropeway.workspace import Context, Workspace, operation

if TYPE_CHECKING:
    import polars as pl

FRAME_LIMIT = 1_000_000
FEW = 500
"""The rows of so many runs are asked for by their ids."""
SHARE = 8
"""Of more runs than one of so many, all rows are read."""
EXACT_JSON = (3, 53)
"""The SQLite since which numbers in JSON have seventeen digits; before, they had fifteen."""
NAN: Final = "nan"
_WORD: Final = object()
"""Stands where a param or a tag spells no number."""
_SEQS = msgspec.json.Decoder(list[int])
_NUMBERS = msgspec.json.Decoder(list[float | None])
ATTRIBUTES = (
    "id", "name", "kind", "status", "started_at", "ended_at", "duration_s", "cpu_s", "peak_memory_bytes",
    "commit_id", "parent", "error_type", "lifecycle",
)  # fmt: skip
TOLD = {"person": PERSON, "user_id": USER, "experiment": EXPERIMENT_NAME}
"""Columns that other tables have a say in."""


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
    context: Context,
    *,
    where: str,
    sort: Sequence[str] = (),
    limit: int = FRAME_LIMIT,
    also: Sequence[str] = (),
) -> dict[str, list[Any]]:
    """Runs as columns, by name; see `run_columns`. `also`: more attributes that a filter knows."""
    found = find_runs(context.read, asked(where, context.clock.now()), sort_keys(sort), limit=limit)
    return _columns(context.read, found, also)


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

    if not name.startswith("metrics."):
        return pl.Series(name, values, strict=False)
    try:
        return pl.Series(name, values, dtype=pl.Float64)
    except TypeError:
        # What JSON cannot say is a word.
        numbers = [None if value is None else float(value) for value in values]
        return pl.Series(name, numbers, dtype=pl.Float64)


def _columns(connection: Connection, run_seqs: Sequence[int], also: Sequence[str]) -> dict[str, list[Any]]:
    place = {seq: at for at, seq in enumerate(run_seqs)}
    runs = _Asked(connection, place, _some_ids(connection, run_seqs))
    columns = runs.attributes(also)
    for name, table in (("params", run_param), ("tags", run_tag)):
        found = runs.by_key(table, "number", null=_WORD)
        worded = [key for key, cells in found.items() if _WORD in cells]
        found.update(runs.by_key(table, "text", worded) if worded else {})
        columns.update((f"{name}.{key}", found[key]) for key in sorted(found))
    metrics = runs.by_key(run_metric, "last", null=NAN)
    runs.add_living(metrics)
    columns.update((f"metrics.{key}", _told(metrics[key])) for key in sorted(metrics))
    return columns


def _told(cells: list[Any]) -> list[Any]:
    """Values of a metric with infinities as words: JSON has none."""
    if math.inf not in cells and -math.inf not in cells:
        return cells
    return [str(each) if each in (math.inf, -math.inf) else each for each in cells]


def _some_ids(connection: Connection, run_seqs: Sequence[int]) -> list[RunId] | None:
    """The ids of the runs that are asked for; None where they are so many that all rows are read."""
    if len(run_seqs) > FEW:
        count = connection.execute(select(func.count()).select_from(run)).scalar_one()
        if len(run_seqs) * SHARE > count:
            return None
    return ids_in_order(connection, run_seqs)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The runs that are asked for.

    Attributes:
        connection: to read with.
        place: of each run, by its number, which row of the columns it is.
        ids: theirs; None where all rows are read.
    """

    connection: Connection
    place: dict[int, int]
    ids: list[RunId] | None

    def attributes(self, also: Sequence[str]) -> dict[str, list[Any]]:
        """The columns that every run has."""
        names = (*ATTRIBUTES, *TOLD, *also)
        known = {**conditions.ATTRIBUTES, **TOLD}
        told = [run.c[name] if name in ATTRIBUTES else known[name] for name in names]
        query = select(run.c.seq, *told).select_from(RUNS)
        rows: list[Any] = [None] * len(self.place)
        for row in self._rows(query, run.c.id):
            at = self.place.get(row[0])
            if at is not None:
                rows[at] = row
        _, *whole = zip(*rows, strict=True) if rows else [()] * (1 + len(names))
        return {name: list(cells) for name, cells in zip(names, whole, strict=True)}

    def by_key(
        self, table: Table, name: str, keys: Sequence[str] | None = None, *, null: object = None
    ) -> dict[str, list[Any]]:
        """For each key, a column of a table: `null` where it is NULL there, None for a run without a row."""
        if self.ids is None and keys is None:
            keys = [key for (key,) in _raw(self.connection, _keys_of(table))]
        found: dict[str, list[Any]] = {}
        if self.ids is None:
            # One key at a time is read from its index alone.
            for key in keys or ():
                rows = _of_key(self.connection, table, name, key)
                self._fill(found.setdefault(key, self._empty()), rows, null)
            return found
        query = select(table.c.run_seq, table.c[name], table.c.key)
        if keys is not None:
            query = query.where(table.c.key.in_(keys))
        for seq, value, key in self._rows(query, table.c.run):
            cells = found.get(key) or found.setdefault(key, self._empty())
            cells[self.place[seq]] = null if value is None else value
        return found

    def add_living(self, metrics: dict[str, list[Any]]) -> None:
        """The last values of points that are not at rest."""
        joined = point_tip.join(run, run.c.id == point_tip.c.run)
        query = select(run.c.seq, point_tip.c.last, point_tip.c.key).select_from(joined)
        for seq, value, key in self._rows(query, point_tip.c.run):
            at = self.place.get(seq)
            if at is not None:
                cells = metrics.get(key) or metrics.setdefault(key, self._empty())
                cells[at] = NAN if value is None else value

    def _empty(self) -> list[Any]:
        return [None] * len(self.place)

    def _fill(self, cells: list[Any], rows: Iterable[Any], null: object) -> None:
        place = self.place
        for seq, value in rows:
            if seq in place:
                cells[place[seq]] = null if value is None else value

    def _rows(self, query: Select[Any], run_id: ColumnElement[Any]) -> Iterator[Any]:
        if self.ids is None:
            yield from _raw(self.connection, query)
            return
        yield from _raw(self.connection, query.where(one_of(run_id)), {LISTED: as_list(self.ids)})


def _of_key(connection: Connection, table: Table, name: str, key: str) -> Iterable[Any]:
    """Of each run with a key, its number and the value in a column."""
    rows, packed = _selects_of(table, name)
    if isinstance(table.c[name].type, Float) and _writes_all_digits(connection):
        seqs, values = connection.execute(packed, {"key": key}).one()
        # What JSON cannot say is an infinity.
        with suppress(msgspec.DecodeError):
            return zip(_SEQS.decode(seqs), _NUMBERS.decode(values), strict=True)
    cursor: Any = connection.execute(rows, {"key": key}).cursor
    return cast("list[Any]", cursor.fetchall())


@lru_cache
def _keys_of(table: Table) -> Select[Any]:
    """All keys, from one to the next: their number is small beside that of the rows."""
    first = select(func.min(table.c.key).label("key")).cte("each", recursive=True)
    behind = select(func.min(table.c.key)).where(table.c.key > first.c.key).scalar_subquery()
    each = first.union_all(select(behind).where(first.c.key.is_not(None)))
    return select(each.c.key).where(each.c.key.is_not(None))


# Built once for each: putting a statement together costs more than running it.
@lru_cache
def _selects_of(table: Table, name: str) -> tuple[Select[Any], Select[Any]]:
    columns = (table.c.run_seq, table.c[name])
    of_key = table.c.key == bindparam("key")
    packed: Any = select(*[func.json_group_array(column, type_=String) for column in columns])
    return select(*columns).where(of_key), packed.where(of_key)


def _writes_all_digits(connection: Connection) -> bool:
    """Whether the database is one whose JSON says numbers exactly: to read a row each takes longer."""
    dialect: Any = connection.dialect
    return bool(dialect.name == "sqlite" and dialect.dbapi.sqlite_version_info >= EXACT_JSON)


def _raw(connection: Connection, query: Select[Any], told: Mapping[str, str] | None = None) -> list[Any]:
    """The driver's own rows: for hundreds of thousands, rows with names take most of the time."""
    cursor: Any = connection.execute(query, told).cursor
    return cast("list[Any]", cursor.fetchall())
