"""A living run's spool: everything it says, one record and one `write` each, before any of it is an event.

Contract: what `write` and `log` acknowledged survives `kill -9`; power loss after `flush`. One process writes
a spool and holds its lock while it lives; a forked child lets go of it and may not write. A run may have more
spools than one, of several processes: `RUN.segment`, and `RUN.PART.segment` of those that joined. At the end
`tracking.harvest` folds the records. A spool is no object, since it holds what may have to be erased.

A point is packed, since nothing else is said so often: `POINT_TAG` (a byte that no msgpack begins with), a
version, the number of metrics (u32), its time and step (i64), the values (f64), then the metrics' names as
msgpack. Everything else, and the points of earlier releases, is msgpack.
"""

import contextlib
import logging
import os
import struct
import threading
import time
import weakref
import zlib
from pathlib import Path
from typing import Any

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.store import SegmentWriter
from ropeway.store.segments import FRAME
from ropeway.tracking.errors import PointTooLarge, RunElsewhere
from ropeway.tracking.events import Scalar
from ropeway.tracking.series import NO_STEP

logger = logging.getLogger("ropeway.tracking")

FOLDER = "spool"
ASIDE = "damaged"
"""Below the spool folder: spools that were damaged when their run ended."""
SUFFIX = ".segment"
RECORD_LIMIT_BYTES = 1 << 20
POINT_TAG, POINT_VERSION = 0xC1, 1
POINT_HEAD = struct.Struct("<BBxxIqq")
STEP_LIMIT = 2**63 - 1
Shape = tuple[struct.Struct, int, bytes]
"""How points of some metrics are packed: the structure, the number of metrics, their names."""
SHAPES = 1_000
"""So many different sets of metrics are remembered; a script that logs more of them is slower, not wrong."""


class Point(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Metrics logged in one call, as earlier releases wrote them. Times are microseconds since 1970."""

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


class Begun(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The first record of a run whose workspace a server keeps, which may not have been told of it yet.

    Attributes:
        at_us: when it began.
        address: the server's workspace.
        actor: under which name.
        start: what `tracking.start` is told, by name.
    """

    at_us: int
    address: str
    actor: str
    start: dict[str, Any]


class Joins(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """The first record of a process that joined a run whose workspace a server keeps."""

    at_us: int
    address: str
    actor: str


class Ended(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The last record of a run whose workspace a server keeps; without it, its process died."""

    at_us: int
    status: str
    error_type: str
    error: str | None
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


SpoolRecord = Point | ParamsSet | TagsSet | ArtifactKept | InputUsed | Begun | Joins | Ended

decoder = msgspec.msgpack.Decoder(SpoolRecord)
_encoder = msgspec.msgpack.Encoder()


class Spool:
    """Writes one run's spool.

    Args:
        home: the workspace's own folder.
        run: whose it is.
        part: the name of this process's part of the run; empty for the one that began it.

    Attributes:
        lock: held for every record; what must not happen between two of them is done under it.
        shapes: what was written here before, by the names of the metrics in their order. Empty where nothing
            may be written any more, so that the quick way of `Run.log` asks nothing else.
    """

    def __init__(self, home: Path, run: RunId, part: str = "") -> None:
        self.run = run
        self.path = spool_path(home, run, part)
        self.lock = threading.RLock()
        self._pid = os.getpid()
        self._is_mine = True
        self._is_open = True
        self._last_us = 0
        self.shapes: dict[tuple[str, ...], Shape] = {}
        self._writer = SegmentWriter(self.path, msgspec.json.encode({"run": run}))
        _alive.add(self)

    @property
    def is_mine(self) -> bool:
        """Whether this is the process that opened it, not a child forked from it."""
        return self._is_mine

    def require_mine(self) -> None:
        """Refuse a forked child; takes no lock, since one that was held at the fork is held for ever."""
        if not self._is_mine:
            raise RunElsewhere(self.run, self._pid)

    def write_point(self, step: int | None, metrics: dict[str, float]) -> None:
        """Append a point that was looked at; survives `kill -9` on return.

        Raises:
            PointTooLarge: the record is over the limit; nothing was written.
            RunElsewhere: this process was forked from the one that writes.
        """
        self.require_mine()
        keys = tuple(metrics)
        shape = self.shapes.get(keys) or _shape(keys)
        if len(self.shapes) >= SHAPES:
            self.shapes.clear()
        self.shapes[keys] = shape
        self.append(shape, NO_STEP if step is None else step, metrics)

    def append(self, shape: Shape, step: int, metrics: dict[str, float]) -> bool:
        """Append a point of a known shape; survives `kill -9` when it gives True.

        False, and nothing was written: nothing may be written any more.
        """
        packing, count, names = shape
        with self.lock:
            if not self._is_open:
                return False
            at_us = time.time_ns() // 1_000
            # No two points of a run are at one time: what is said twice can be told from what happened twice.
            if at_us <= self._last_us:
                at_us = self._last_us + 1
            self._last_us = at_us
            record = packing.pack(POINT_TAG, POINT_VERSION, count, at_us, step, *metrics.values()) + names
            self._writer.append_frame(FRAME.pack(len(record), zlib.crc32(record)) + record)
        return True

    def write(self, record: SpoolRecord) -> None:
        """Append one record; survives `kill -9` on return.

        Raises:
            PointTooLarge: the record is over the limit; nothing was written.
            RunElsewhere: this process was forked from the one that writes.
        """
        self.require_mine()
        data = _encoder.encode(record)
        _require_fitting(len(data))
        with self.lock:
            self._writer.append(data)

    def flush(self) -> None:
        """Make all that was written survive power loss."""
        self.require_mine()
        self._writer.flush()

    def remove(self, *, is_damaged: bool = False) -> None:
        """The run has ended and its event is durable: the spool goes, aside if damaged; then its lock."""
        self.shut()
        if is_damaged:
            set_aside(self.path)
        self.path.unlink(missing_ok=True)
        self._writer.close()
        _alive.discard(self)

    def leave(self) -> None:
        """All is said: the file stays for whoever brings it to its server; its lock goes."""
        self.shut()
        self._writer.close()
        _alive.discard(self)

    def shut(self) -> None:
        """Take no more points."""
        with self.lock:
            self._is_open = False
            self.shapes = {}

    def let_go(self) -> None:
        """In a forked child: close the inherited file, so that an orphan does not keep the lock."""
        self._is_mine = self._is_open = False
        self.shapes = {}
        with contextlib.suppress(OSError):
            self._writer.close()


def _shape(keys: tuple[str, ...]) -> Shape:
    """The shape of points of these metrics, which their names and their order make."""
    names = _encoder.encode(keys)
    packing = struct.Struct(f"{POINT_HEAD.format}{len(keys)}d")
    _require_fitting(packing.size + len(names))
    return packing, len(keys), names


def _require_fitting(size: int) -> None:
    if size > RECORD_LIMIT_BYTES:
        raise PointTooLarge(size, RECORD_LIMIT_BYTES)


# A child forked by a data loader may outlive its parent; with the file open it would hold the parent's lock,
# and nobody could see that the run is dead.
_alive: "weakref.WeakSet[Spool]" = weakref.WeakSet()


def _let_go_of_all() -> None:
    for spool in list(_alive):
        spool.let_go()
    _alive.clear()


os.register_at_fork(after_in_child=_let_go_of_all)


def now_us() -> int:
    """The time now, in microseconds since 1970."""
    return time.time_ns() // 1_000


def spool_path(home: Path, run: RunId, part: str = "") -> Path:
    """Where a run's spool is while it lives, or the part of a process that joined it."""
    return home / FOLDER / (f"{run}.{part}{SUFFIX}" if part else f"{run}{SUFFIX}")


def spools_of(home: Path, run: RunId) -> list[Path]:
    """The spools that a run has now."""
    first = spool_path(home, run)
    return [first] * first.exists() + sorted(first.parent.glob(f"{run}.*{SUFFIX}"))


def run_of(path: Path) -> RunId:
    """Whose spool it is."""
    return RunId(path.name.partition(".")[0])


def part_of(path: Path) -> str:
    """Which part of the run it is of: empty for the process that began it."""
    return path.name.removesuffix(SUFFIX).partition(".")[2]


def set_aside(path: Path) -> None:
    """Keep a damaged segment for a person to look at, and say so; `fsck` names it while it is there."""
    aside = path.parent / ASIDE / path.name
    aside.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return  # another process was faster, and has said so
    logger.warning(
        "the spool of %s is damaged: its sound records were kept, and the file itself is now %s",
        path.name.partition(".")[0],
        aside,
    )
