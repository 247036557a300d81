"""Reading spools, and segments that earlier releases sealed: what was said, in columns and records.

At a run's end its spool is harvested: points into a sealed segment in the store, all else into the event that
ends the run. A spool whose bytes are not as they were written gives what is still sound, and is set aside
instead of removed: what was acknowledged may be in it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ropeway.core.clock import to_text
from ropeway.core.ids import Digest, RunId
from ropeway.store import Store, read_segment, salvage_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.tracking.events import ArtifactRecord, Harvest, Scalar
from ropeway.tracking.seal import put_points
from ropeway.tracking.series import NO_STEP, Series, joined, nothing
from ropeway.tracking.spool import (
    POINT_HEAD,
    POINT_TAG,
    POINT_VERSION,
    ArtifactKept,
    InputUsed,
    ParamsSet,
    Point,
    SpoolRecord,
    TagsSet,
    decoder,
)
from ropeway.tracking.tips import summarise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Gleanings(msgspec.Struct, frozen=True, kw_only=True):
    """A spool, read to its end: the harvest, and what goes apart because it can be erased.

    Attributes:
        was_torn: whether a record was cut off in the middle, or damaged.
        is_damaged: whether anything but a cut-off end is not as it was written; the spool must be kept.
    """

    harvest: Harvest
    params: dict[str, Scalar]
    tags: dict[str, Scalar]
    last_sign_at: str | None
    was_torn: bool
    is_damaged: bool


class Said(NamedTuple):
    """What records say that are no points."""

    params: dict[str, Scalar]
    tags: dict[str, Scalar]
    artifacts: dict[str, ArtifactRecord]
    inputs: list[str]


class Found(NamedTuple):
    """Records of a spool in their order, with the points apart.

    Attributes:
        torn: whether the last was cut off.
        damaged: whether anything else is not as it was written.
    """

    records: list[SpoolRecord]
    points: Series
    torn: bool
    damaged: bool


def harvest(path: Path, run: RunId, store: Store, scratch: Path) -> Gleanings:
    """Fold a spool: seal its points in the store, sum up the rest.

    Args:
        path: the spool; it is not changed.
        run: whose it is.
        store: where the points' segment is kept, durably.
        scratch: a folder for a temporary file.
    """
    found = read_spool(path)
    said = gathered(found.records)
    points = found.points
    kept = Harvest(
        points=put_points(points, run, store, scratch) if len(points) else None,
        point_count=int(points.begins.sum()),
        metrics=summarise(points),
        artifacts=said.artifacts,
        inputs=said.inputs,
    )
    signs = [record.at_us for record in found.records] + points.at_us[-1:].tolist()
    return Gleanings(
        harvest=kept,
        params=said.params,
        tags=said.tags,
        last_sign_at=moment(max(signs)) if signs else None,
        was_torn=found.torn or found.damaged,
        is_damaged=found.damaged,
    )


def gathered(records: Iterable[SpoolRecord]) -> Said:
    """What records say that are no points: of each name the last."""
    said = Said({}, {}, {}, [])
    for record in records:
        match record:
            case ParamsSet():
                said.params.update(record.values)
            case TagsSet():
                said.tags.update(record.values)
            case ArtifactKept():
                kept = ArtifactRecord(digest=record.digest, size_bytes=record.size_bytes)
                said.artifacts[record.name] = kept
            case InputUsed() if record.ref not in said.inputs:
                said.inputs.append(record.ref)
            case _:
                pass
    return said


def read_spool_points(path: Path) -> Series:
    """The points of a spool, or of a segment of records, in the order in which they were logged."""
    try:
        return read_spool(path).points
    except FileNotFoundError:
        return nothing()  # the run has just ended


def kept_artifacts(path: Path) -> tuple[list[Digest], bool]:
    """The objects that a spool says its run has kept, and whether damage may hide others."""
    found = read_spool(path)
    return [record.digest for record in found.records if isinstance(record, ArtifactKept)], found.damaged


def moment(at_us: int) -> str:
    """Microseconds since 1970 as the ledger writes a time."""
    return to_text(datetime.fromtimestamp(at_us / 1_000_000, UTC))


def read_spool(path: Path) -> Found:
    """The records of a spool or sealed segment, those behind a damaged place too."""
    try:
        segment = read_segment(path)
        frames, torn, damaged = segment.records, segment.torn, False
    except SegmentDamaged:
        frames, torn, damaged = [], True, False
    # Power loss leaves zeros, eight of which read as an empty record; none was ever written.
    if torn or not all(frames):
        salvage = salvage_segment(path)
        frames, torn, damaged = salvage.records, salvage.torn, salvage.damaged
    found = sorted_out(frames)
    return found._replace(torn=torn, damaged=damaged or found.damaged)


def sorted_out(frames: Iterable[bytes]) -> Found:
    """Records as they stand in a spool, decoded, the points in columns."""
    records: list[SpoolRecord] = []
    packed = _Packed()
    damaged = False
    for data in frames:
        try:
            if data[0] == POINT_TAG:
                packed.add(data)
                continue
            record = decoder.decode(data)
        except (msgspec.MsgspecError, ValueError):
            damaged = True
            continue
        if isinstance(record, Point):
            packed.add_point(record)
        else:
            records.append(record)
    return Found(records, packed.series(), torn=False, damaged=damaged)


class _Packed:
    """Packed points by the metrics that they have: rows of equal length, which numpy reads at once."""

    def __init__(self) -> None:
        self._rows: dict[bytes, list[bytes]] = {}
        self._places: dict[bytes, list[int]] = {}
        self._keys: dict[bytes, list[str]] = {}
        self._count = 0

    def add(self, record: bytes) -> None:
        """One record of a spool."""
        count = int.from_bytes(record[4:8], "little")
        end = POINT_HEAD.size + 8 * count
        names = record[end:]
        rows = self._rows.get(names)
        if rows is None or len(record) < end:
            rows = self._begin(record, names, count)
        rows.append(record[:end])
        self._places[names].append(self._count)
        self._count += 1

    def add_point(self, point: Point) -> None:
        """A point of an earlier release."""
        import struct

        step = NO_STEP if point.step is None else point.step
        head = POINT_HEAD.pack(POINT_TAG, POINT_VERSION, len(point.values), point.at_us, step)
        values = struct.pack(f"<{len(point.values)}d", *point.values.values())
        self.add(head + values + msgspec.msgpack.encode(list(point.values)))

    def _begin(self, record: bytes, names: bytes, count: int) -> list[bytes]:
        keys = msgspec.msgpack.decode(names, type=list[str])
        if record[1] != POINT_VERSION or len(keys) != count:
            raise ValueError("the point is of another release")
        self._keys[names] = keys
        self._places[names] = []
        return self._rows.setdefault(names, [])

    def series(self) -> Series:
        """All of them, in their order."""
        import numpy as np

        if not self._count:
            return nothing()
        parts = [self._part(names) for names in self._keys]
        whole = joined([part for _, part in parts])
        if len(parts) == 1:
            return whole
        return whole.take(np.argsort(np.concatenate([places for places, _ in parts]), kind="stable"))

    def _part(self, names: bytes) -> "tuple[NDArray[np.int64], Series]":
        """The rows of one set of metrics: where their records stood, and the points."""
        import numpy as np

        keys, rows = self._keys[names], self._rows[names]
        count = len(keys)
        row = [("tag", "<u4"), ("count", "<u4"), ("at", "<i8"), ("step", "<i8"), ("values", "<f8", (count,))]
        table = np.frombuffer(b"".join(rows), dtype=row)
        begins = np.zeros(len(rows) * count, dtype=bool)
        begins[::count] = True
        return np.repeat(np.array(self._places[names], dtype=np.int64), count), Series(
            keys,
            np.tile(np.arange(count, dtype=np.int32), len(rows)),
            np.repeat(table["at"], count),
            np.repeat(table["step"], count),
            np.ascontiguousarray(table["values"]).reshape(-1),
            begins,
        )
