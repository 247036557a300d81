"""Runs that were over elsewhere, taken in whole, many in one transaction; and what is here of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, RunId
from ropeway.tracking import history as points_of
from ropeway.tracking import live
from ropeway.tracking.afar.errors import BadFilePath
from ropeway.tracking.afar.events import DatasetUse, ModelOutput, RunChanged, RunFilePut, RunLinked
from ropeway.tracking.afar.files import check_path
from ropeway.tracking.afar.measured import US, log_points
from ropeway.tracking.afar.reading import tracked
from ropeway.tracking.afar.records import KeptFile, TrackedRun
from ropeway.tracking.afar.runs import Status, check_moment, record_opened
from ropeway.tracking.batches import rows_of
from ropeway.tracking.listed import LISTED, as_list, one_of
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.projections import run_artifact
from ropeway.tracking.search import by_run
from ropeway.tracking.series import NO_STEP
from ropeway.workspace import Context, operation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_IDS = select(run_table.c.id).where(one_of(run_table.c.hex))


class PointColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Points as `runs.log-points` takes them: no JSON has a NaN or a long integer."""

    keys: list[str]
    key: bytes
    values: bytes
    times: bytes
    steps: bytes


class WholeRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run with all that hangs on it.

    Attributes:
        id: the 32 hex digits that it had elsewhere, and keeps.
        parent: the run that it is part of; one that is not here is left out.
        files: the bytes of each, which are in the store.
    """

    id: str
    experiment: str
    name: str | None
    user: str | None
    status: Status
    started_ms: int
    ended_ms: int | None
    parent: str | None
    params: dict[str, str]
    tags: dict[str, str]
    points: PointColumns
    files: dict[str, Digest]
    datasets: list[DatasetUse]
    models_in: list[str]
    models_out: list[ModelOutput]


class PointsHeld(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one metric: how many there are, what was sent twice once, and what they say."""

    count: int
    digest: Digest


class HeldRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is here, with its files and, where they were asked for, its points."""

    run: TrackedRun
    files: list[KeptFile]
    points: dict[str, PointsHeld]


@operation("runs.bring", kind="command", permission="runs:write")
def bring_runs(context: Context, *, kind: str, runs: list[WholeRun]) -> int:
    """Record runs that were over elsewhere, each with all that hangs on it: all of them or none.

    Raises:
        ExperimentNotFound, NotActive, IdTaken: as for `runs.open`.
        BatchInvalid, PointInvalid: as for `runs.log-points`.
        BadMoment, BadFilePath: no calendar has a time; no file is kept under a name.
    """
    # What takes long goes before the write turn.
    batches = [live.packed(rows_of(**msgspec.structs.asdict(each.points))) for each in runs]
    sizes = [context.store.sizes(list(each.files.values())) for each in runs]
    for each in runs:
        check_moment(each.ended_ms or 0)
        _check_files(each.files)
    context.begin()
    for run, batch, each_size in zip(runs, batches, sizes, strict=True):
        _bring(context, kind, run, batch, each_size)
    return len(runs)


@operation("runs.look-at", kind="query", permission="runs:read")
def look_at_runs(context: Context, *, runs: list[str], points: bool = False) -> list[HeldRun]:
    """Those of some runs that are here, with all that hangs on them.

    Args:
        context: the call.
        runs: their ids, as 32 hex digits.
        points: say of the points how many there are and what they say.
    """
    here = context.read.execute(_IDS, {LISTED: as_list(runs)})
    ids = [RunId(row.id) for row in here]
    files = by_run(context.read, run_artifact, ("name", "size_bytes", "digest"), ids)
    return [
        HeldRun(
            run=each,
            files=[
                KeptFile(path=path, size_bytes=size, digest=Digest(digest))
                for path, size, digest in files.get(each.id, [])
            ],
            points=_points(context, each.id) if points else {},
        )
        for each in tracked(context.read, ids)
    ]


def point_columns(
    keys: Sequence[str], values: Sequence[float], times_ms: Sequence[int], steps: Sequence[int]
) -> PointColumns:
    """Points as columns of bytes; the four sequences are of one length.

    Raises:
        OverflowError: a time or a step has more than 64 bits.
    """
    import numpy as np

    places: dict[str, int] = {}
    return PointColumns(
        key=np.array([places.setdefault(name, len(places)) for name in keys], "<u4").tobytes(),
        keys=list(places),
        values=np.array(values, "<f8").tobytes(),
        times=np.array([at * US for at in times_ms], "<i8").tobytes(),
        steps=np.array(steps, "<i8").tobytes(),
    )


def points_held(values: Sequence[float], times_ms: Sequence[int], steps: Sequence[int]) -> PointsHeld:
    """What points of one metric say, in whatever order they come.

    Raises:
        OverflowError: a time or a step has more than 64 bits.

    Example:
        >>> points_held([0.5, 0.5], [7, 7], [1, 1]) == points_held([0.5], [7], [1])
        True
    """
    import numpy as np

    return _held(np.array(values, dtype=np.float64), np.array(times_ms, np.int64), np.array(steps, np.int64))


def _bring(context: Context, kind: str, told: WholeRun, batch: live.Batch, sizes: list[int]) -> None:
    run = record_opened(
        context,
        kind=kind,
        experiment=told.experiment,
        name=told.name,
        user=told.user,
        tags=told.tags,
        started_ms=told.started_ms,
        parent=told.parent,
        told_id=told.id,
    )
    log_points(context.begin(), run, batch)
    for (path, digest), size in zip(told.files.items(), sizes, strict=True):
        context.append(RunFilePut(run=run, path=path, digest=digest, size_bytes=size))
    if told.datasets or told.models_in or told.models_out:
        context.append(
            RunLinked(
                run=run, datasets=told.datasets or None, models_in=told.models_in, models_out=told.models_out
            )
        )
    context.append(
        RunChanged(run=run, params=told.params or None, status=told.status, ended_ms=told.ended_ms)
    )


def _check_files(files: dict[str, Digest]) -> None:
    """Refuse names that no file is kept under, and one that is a file and a folder."""
    for path in files:
        check_path(path)
        parts = path.split("/")
        if any("/".join(parts[:count]) in files for count in range(1, len(parts))):
            raise BadFilePath(path, "a file stands where it has a folder, or the reverse")


def _points(context: Context, run: RunId) -> dict[str, PointsHeld]:
    import numpy as np

    series = points_of.history(context, run)
    found = {}
    for name in series.keys:
        one = series.of_key(name)
        found[name] = _held(one.value, one.at_us // US, np.where(one.step == NO_STEP, 0, one.step))
    return found


def _held(
    values: "NDArray[np.float64]", times_ms: "NDArray[np.int64]", steps: "NDArray[np.int64]"
) -> PointsHeld:
    import numpy as np

    # There is one NaN, whichever bits a store has for it.
    bits = np.where(np.isnan(values), np.nan, values).view(np.int64)
    columns = np.stack([steps, times_ms, bits])
    rows = columns[:, np.lexsort(columns)]
    fresh = np.ones(rows.shape[1], dtype=bool)
    fresh[1:] = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    kept = rows[:, fresh]
    return PointsHeld(count=kept.shape[1], digest=digest_bytes(kept.astype("<i8").tobytes()))
