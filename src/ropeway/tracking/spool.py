"""A living run's spool: everything it says, one record and one `write` each, before any of it is an event.

Contract: what `write` acknowledged survives `kill -9`; power loss after `flush`. One process writes a spool
and holds its lock while it lives; a forked child lets go of it and may not write. At the end `harvest` folds
the records: points into a sealed segment in the store, all else into the event that ends the run. A spool
whose bytes are not as they were written gives what is still sound, and is set aside instead of removed: what
was acknowledged may be in it. It is no object, since a spool holds what may have to be erased.
"""

import contextlib
import logging
import math
import os
import time
import weakref
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from ropeway.core.clock import to_text
from ropeway.core.ids import Digest, RunId, new_id
from ropeway.store import SegmentWriter, Store, read_segment, salvage_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.tracking.errors import PointTooLarge, RunElsewhere
from ropeway.tracking.events import ArtifactRecord, Harvest, MetricSummary, Scalar

logger = logging.getLogger("ropeway.tracking")

FOLDER = "spool"
ASIDE = "damaged"
"""Below the spool folder: spools that were damaged when their run ended."""
SUFFIX = ".segment"
RECORD_LIMIT_BYTES = 1 << 20


class Point(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Metrics logged in one call. Times are microseconds since 1970."""

    at_us: int
    step: int | None
    values: dict[str, float]


class ParamsSet(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Params set after the start."""

    at_us: int
    values: dict[str, Scalar]


class TagsSet(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Tags set after the start."""

    at_us: int
    values: dict[str, Scalar]


class ArtifactKept(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A named file, whose bytes are in the store."""

    at_us: int
    name: str
    digest: Digest
    size_bytes: int


class InputUsed(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A reference that the run came to use."""

    at_us: int
    ref: str


SpoolRecord = Point | ParamsSet | TagsSet | ArtifactKept | InputUsed

_decoder = msgspec.msgpack.Decoder(SpoolRecord)
_encoder = msgspec.msgpack.Encoder()


class Spool:
    """Writes one run's spool.

    Args:
        home: the workspace's own folder.
        run: whose it is.
    """

    def __init__(self, home: Path, run: RunId) -> None:
        self.run = run
        self.path = spool_path(home, run)
        self._pid = os.getpid()
        self._writer = SegmentWriter(self.path, msgspec.json.encode({"run": run}))
        _alive.add(self)

    @property
    def is_mine(self) -> bool:
        """Whether this is the process that opened it, not a child forked from it."""
        return os.getpid() == self._pid

    def require_mine(self) -> None:
        """Refuse a forked child; takes no lock, since one that was held at the fork is held for ever."""
        if not self.is_mine:
            raise RunElsewhere(self.run, self._pid)

    def write(self, record: SpoolRecord) -> None:
        """Append one record; survives `kill -9` on return.

        Raises:
            PointTooLarge: the record is over the limit; nothing was written.
            RunElsewhere: this process was forked from the one that writes.
        """
        self.require_mine()
        data = _encoder.encode(record)
        if len(data) > RECORD_LIMIT_BYTES:
            raise PointTooLarge(len(data), RECORD_LIMIT_BYTES)
        self._writer.append(data)

    def flush(self) -> None:
        """Make all that was written survive power loss."""
        self.require_mine()
        self._writer.flush()

    def remove(self, *, is_damaged: bool = False) -> None:
        """The run has ended and its event is durable: the spool goes, aside if damaged; then its lock."""
        if is_damaged:
            set_aside(self.path)
        self.path.unlink(missing_ok=True)
        self._writer.close()
        _alive.discard(self)

    def let_go(self) -> None:
        """In a forked child: close the inherited file, so that an orphan does not keep the lock."""
        with contextlib.suppress(OSError):
            self._writer.close()


# A child forked by a data loader may outlive its parent; with the file open it would hold the parent's lock,
# and nobody could see that the run is dead.
_alive: "weakref.WeakSet[Spool]" = weakref.WeakSet()


def _let_go_of_all() -> None:
    for spool in list(_alive):
        spool.let_go()
    _alive.clear()


os.register_at_fork(after_in_child=_let_go_of_all)


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


def now_us() -> int:
    """The time now, in microseconds since 1970."""
    return time.time_ns() // 1_000


def spool_path(home: Path, run: RunId) -> Path:
    """Where a run's spool is while it lives."""
    return home / FOLDER / f"{run}{SUFFIX}"


def harvest(path: Path, run: RunId, store: Store, scratch: Path) -> Gleanings:
    """Fold a spool: seal its points in the store, sum up the rest.

    Args:
        path: the spool; it is not changed.
        run: whose it is.
        store: where the points' segment is kept, durably.
        scratch: a folder for a temporary file.
    """
    found = _read(path)
    records = [record for _, record in found.records]
    params: dict[str, Scalar] = {}
    tags: dict[str, Scalar] = {}
    artifacts: dict[str, ArtifactRecord] = {}
    inputs: list[str] = []
    for record in records:
        match record:
            case ParamsSet():
                params.update(record.values)
            case TagsSet():
                tags.update(record.values)
            case ArtifactKept():
                artifacts[record.name] = ArtifactRecord(digest=record.digest, size_bytes=record.size_bytes)
            case InputUsed():
                inputs.append(record.ref)
    points = [data for data, record in found.records if isinstance(record, Point)]
    kept = Harvest(
        points=_seal(points, run, store, scratch) if points else None,
        point_count=len(points),
        metrics=summarise(record for record in records if isinstance(record, Point)),
        artifacts=artifacts,
        inputs=list(dict.fromkeys(inputs)),
    )
    return Gleanings(
        harvest=kept,
        params=params,
        tags=tags,
        last_sign_at=moment(records[-1].at_us) if records else None,
        was_torn=found.torn or found.damaged,
        is_damaged=found.damaged,
    )


def read_points(path: Path) -> Iterator[Point]:
    """The points of a spool or of a sealed segment, in the order in which they were logged."""
    for _, record in _read(path).records:
        if isinstance(record, Point):
            yield record


def kept_artifacts(path: Path) -> tuple[list[Digest], bool]:
    """The objects that a spool says its run has kept, and whether damage may hide others."""
    found = _read(path)
    return [record.digest for _, record in found.records if isinstance(record, ArtifactKept)], found.damaged


def set_aside(path: Path) -> None:
    """Keep a damaged spool for a person to look at, and say so; `fsck` names it while it is there."""
    aside = path.parent / ASIDE / path.name
    aside.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return  # another process was faster, and has said so
    logger.warning(
        "the spool of %s is damaged: its sound records were kept, and the file itself is now %s",
        path.name.removesuffix(SUFFIX),
        aside,
    )


def summarise(points: Iterable[Point]) -> dict[str, MetricSummary]:
    """Last, lowest, highest and number of the points of each key; NaN is neither low nor high."""
    last: dict[str, float] = {}
    lowest: dict[str, float] = {}
    highest: dict[str, float] = {}
    count: dict[str, int] = {}
    for point in points:
        for key, value in point.values.items():
            last[key] = value
            count[key] = count.get(key, 0) + 1
            if not math.isnan(value):
                lowest[key] = min(lowest.get(key, value), value)
                highest[key] = max(highest.get(key, value), value)
    return {
        key: MetricSummary(
            last=_json_number(last[key]),
            min=_json_number(lowest[key]) if key in lowest else None,
            max=_json_number(highest[key]) if key in highest else None,
            count=count[key],
        )
        for key in last
    }


class _Found(NamedTuple):
    records: list[tuple[bytes, SpoolRecord]]
    torn: bool
    damaged: bool


def _read(path: Path) -> _Found:
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
    records: list[tuple[bytes, SpoolRecord]] = []
    for data in frames:
        try:
            records.append((data, _decoder.decode(data)))
        except msgspec.MsgspecError:
            damaged = True
    return _Found(records, torn, damaged)


def _seal(points: list[bytes], run: RunId, store: Store, scratch: Path) -> Digest:
    """The points as an object: a segment with nothing in it that may have to be erased."""
    path = scratch / new_id("points")
    writer = SegmentWriter(path, msgspec.json.encode({"points-of": run}))
    try:
        for data in points:
            writer.append(data)
        writer.close()
        return store.put_file(path)
    finally:
        path.unlink(missing_ok=True)


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def moment(at_us: int) -> str:
    """Microseconds since 1970 as the ledger writes a time."""
    return to_text(datetime.fromtimestamp(at_us / 1_000_000, UTC))
