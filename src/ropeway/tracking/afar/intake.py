"""Points that clients send one by one: written down at once, recorded together a moment later.

A commit waits for the disk, and a client that logs step by step would wait with it, each time. So a server
takes such points as `log()` does: what was taken survives `kill -9`, for it stands in a segment of this
process, and power loss at most `LATER_S` later, when all that came meanwhile is recorded in one transaction.
Who asks this server sees them all (`settle`); another process may see them that much later. What a dead
process left behind is recorded by whoever comes next (`recover_intakes`), each point once: a record has a
number, and the ledger knows up to which it has them.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ropeway.core.errors import RopewayError
from ropeway.core.ids import RunId, new_id
from ropeway.store import SegmentWriter, claimed, salvage_segment
from ropeway.store.files import sync_folder
from ropeway.tracking.afar.measured import Points
from ropeway.tracking.afar.runs import writable_row
from ropeway.tracking.live import Batch, append_points, forget_source, sent_upto
from ropeway.tracking.spool import set_aside
from ropeway.workspace import LocalWorkspace

logger = logging.getLogger("ropeway.tracking")

FOLDER = Path("segments") / "points"
SUFFIX = ".segment"
KEPT = ".kept"
"""What the name of a segment ends in once all of it is recorded."""
LATER_S = 0.05
"""Points wait no longer than this for others to be recorded with, unless the database is away."""
WAITING_LIMIT_BYTES = 64 << 20
"""With so much waiting the database is away: no more is taken."""
SEGMENT_BYTES = 64 << 20
"""A segment of this size gives way to a new one."""
KNOWN_S = 1.0
"""So long is it believed that a run may be written to; another server may have deleted it meanwhile."""
AGAIN_S = 1.0
"""After a failure, so long until the next try."""


class _Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one request brought, as it stands in the segment; numbers count from 1."""

    number: int
    run: RunId
    keys: list[str]
    values: list[float]
    times_ms: list[int]
    steps: list[int]


_AWAY = (RopewayError, SQLAlchemyError, OSError)
"""What a database or a disk says that is away, or will not: points wait then. All else is our own mistake."""

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Record)


class Intake:
    """What one server has taken and not recorded yet. Safe for threads.

    Args:
        workspace: where points are recorded, once all that dead processes left is.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._recording = threading.Lock()
        self._wake = threading.Event()
        self._known: dict[str, tuple[RunId, float]] = {}
        self._changes = 0
        self._waiting: list[_Record] = []
        self._waiting_bytes = 0
        self._segment: SegmentWriter | None = None
        self._source = ""
        self._failures = self._kept_after = 0
        self._is_closed = False
        self._thread: threading.Thread | None = None
        recover_intakes(workspace)

    @property
    def is_waiting(self) -> bool:
        """Whether anything is not recorded yet; what is being recorded is not."""
        # In this order: what no longer waits is being recorded then, or was.
        return bool(self._waiting) or self._recording.locked()

    def admit(self, run: str) -> None:
        """Look whether a run may be written to, for the points that come next.

        Raises:
            RunNotFound, NotActive: it may not.
        """
        changes, now = self._changes, time.monotonic()
        with self._workspace.ledger.reading() as read:
            row = writable_row(read, run)
        with self._lock:
            # What was read before a change was told of is old.
            if changes == self._changes:
                self._known[run] = (RunId(row.id), now + KNOWN_S)

    def take(self, run: str, points: Points) -> bool:
        """Take points of a run; they survive `kill -9` when it gives True.

        False, and nothing was taken: the run is to be admitted first, or too much waits already.

        Raises:
            OutOfSpace: the disk is full; nothing was taken.
        """
        known = self._known.get(run)
        if known is None or known[1] < time.monotonic() or self._waiting_bytes > WAITING_LIMIT_BYTES:
            return False
        with self._lock:
            if self._is_closed:
                return False
            segment = self._segment or self._begin()
            record = _Record(segment.count + 1, known[0], *points)
            data = _encode(record)
            segment.append(data)
            self._waiting.append(record)
            self._waiting_bytes += len(data)
        if not self._wake.is_set():
            self._wake.set()
        return True

    def settle(self) -> None:
        """Record what waits, so that whatever is asked next sees it; where that cannot be, it waits on."""
        try:
            # Where the database is away, those who ask at once wait for one try, and not for one each.
            self._record(failures=self._failures)
        except _AWAY as error:
            logger.warning("points wait to be recorded: %s", error)

    def forget(self) -> None:
        """Believe of no run any more that it may be written to: some command may have changed that."""
        with self._lock:
            self._changes += 1
            self._known.clear()

    def close(self) -> None:
        """Record what waits and let go of the segment; what cannot be recorded stays in it.

        Where the database or the disk is away it warns and raises nothing: a server that ends has more to
        close, and who comes next records what is left.
        """
        with self._lock:
            self._is_closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.settle()
        try:
            self._rotate(0)
            if self._segment is not None:
                self._segment.close()
        except _AWAY as error:
            logger.warning("points that came last are recorded when a server starts again: %s", error)

    def _begin(self) -> SegmentWriter:
        """The segment, and the thread that records what is in it. Under the lock."""
        self._source = new_id("intake")
        path = self._workspace.home / FOLDER / f"{self._source}{SUFFIX}"
        self._segment = SegmentWriter(path, msgspec.json.encode({"intake": self._source}))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
            self._thread.start()
        return self._segment

    def _work(self) -> None:
        while not self._is_closed:
            self._wake.wait()
            time.sleep(LATER_S)
            self._wake.clear()
            try:
                self._record()
                self._rotate(SEGMENT_BYTES)
            # The thread's edge: nothing is lost, and whoever comes next would wait for ever if it ended here.
            except Exception as error:  # noqa: BLE001
                logger.warning("points wait to be recorded: %s", error)
                time.sleep(AGAIN_S)
                self._wake.set()

    def _record(self, *, failures: int | None = None) -> None:
        """Record all that waits, in one transaction; `failures`: unless another try has failed since."""
        with self._recording:
            if failures is not None and failures != self._failures:
                return
            with self._lock:
                taken, size, self._waiting = self._waiting, self._waiting_bytes, []
            if not taken:
                return
            try:
                _keep(self._workspace, self._source, taken, is_again=self._failures != self._kept_after)
            # Whatever it was goes on its way; what was taken waits for the next time.
            except BaseException:
                self._failures += 1
                with self._lock:
                    self._waiting = taken + self._waiting
                raise
            self._kept_after = self._failures
            with self._lock:
                self._waiting_bytes -= size

    def _rotate(self, above_bytes: int) -> None:
        """Remove a segment of that size all of which is recorded; the next point begins another."""
        with self._recording:
            with self._lock:
                segment = self._segment
                if segment is None or self._waiting or segment.size_bytes < above_bytes:
                    return
                self._segment = None
            try:
                _put_away(self._workspace, segment.path)
            finally:
                segment.close()


def recover_intakes(workspace: LocalWorkspace) -> None:
    """Record what servers that died had taken; a damaged segment is set aside, its sound records are kept.

    Costs the listing of one folder when there is nothing to do. What another process is at is left to it.
    """
    folder = workspace.home / FOLDER
    for path in sorted([*folder.glob(f"intake_*{SUFFIX}"), *folder.glob(f"intake_*{KEPT}")]):
        with claimed(path) as is_ours:
            if is_ours and (path.suffix == KEPT or _recover(workspace, path)):
                _put_away(workspace, path)


def _recover(workspace: LocalWorkspace, path: Path) -> bool:
    """Record what a segment holds; whether it is of no more use to anybody."""
    found = salvage_segment(path)
    records, is_damaged = _records(found.records)
    _keep(workspace, path.stem, records, is_again=True)
    if is_damaged or found.damaged:
        # Whoever mends it may put it back: the ledger goes on knowing how far it had come.
        set_aside(path)
        return False
    return True


def _put_away(workspace: LocalWorkspace, path: Path) -> None:
    """Remove a segment all of which is recorded, and then what says so. For who holds it.

    It has another name first: it must never be recorded again once the ledger has forgotten how far it had
    come, and whoever finds that name after a kill forgets in its place.
    """
    kept = path.with_suffix(KEPT)
    path.rename(kept)
    sync_folder(kept.parent)
    with workspace.ledger.transaction() as transaction:
        forget_source(transaction, path.stem)
    kept.unlink(missing_ok=True)


def _records(found: Sequence[bytes]) -> tuple[list[_Record], bool]:
    records, is_damaged = [], False
    for data in found:
        try:
            records.append(_decoder.decode(data))
        except msgspec.MsgspecError:
            is_damaged = True
    return records, is_damaged


def _keep(workspace: LocalWorkspace, source: str, records: list[_Record], *, is_again: bool) -> None:
    """Record what was taken, a block for each run; `is_again`: some of it may be there already."""
    if not records:
        return
    # What takes long goes before the write turn.
    batches = [] if is_again else _batches(records)
    with workspace.ledger.transaction() as transaction:
        if is_again:
            # In the turn: what an earlier try sent may have come to pass only while this one waited for it.
            batches = _batches(_missing(transaction.connection, source, records))
        for run, batch, upto in batches:
            append_points(transaction, run, batch, source=source, upto=upto)


def _batches(records: Sequence[_Record]) -> list[tuple[RunId, Batch, int]]:
    """Of each run what was taken, ready to be kept, and the last number."""
    by_run: dict[RunId, list[_Record]] = defaultdict(list)
    for record in records:
        by_run[record.run].append(record)
    return [
        (run, _joined(each).packed(), max(record.number for record in each)) for run, each in by_run.items()
    ]


def _missing(read: Connection, source: str, records: Sequence[_Record]) -> list[_Record]:
    """Those that the ledger does not have."""
    upto = {run: sent_upto(read, run, source) for run in {record.run for record in records}}
    return [record for record in records if record.number > upto[record.run]]


def _joined(records: list[_Record]) -> Points:
    whole = Points([], [], [], [])
    for record in records:
        whole.keys.extend(record.keys)
        whole.values.extend(record.values)
        whole.times_ms.extend(record.times_ms)
        whole.steps.extend(record.steps)
    return whole
