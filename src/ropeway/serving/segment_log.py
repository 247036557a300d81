"""Records appended to a replica's current segment, and the next segment begun in time.

An append that returned survives `kill -9`; `flush` makes it survive power loss. A segment that is full, or
older than it should be, is let go of, so that it can be sealed while the service lives.
"""

import contextlib
import errno
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.errors import RopewayError
from ropeway.predictions.identity import Place, segment_name
from ropeway.predictions.record import SegmentHeader
from ropeway.serving.errors import LogUnavailable
from ropeway.store import SegmentWriter

SEGMENT_BYTES = 64 * 2**20


class _Age:
    """How long ago something was, by the workspace's clock or the machine's, whichever says longer.

    A rehearsal moves the one in jumps, a clock that is set back stands still: either alone would leave a
    segment open for ever.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: datetime = clock.now()
        self._ticks = time.monotonic()

    def exceeds(self, limit: timedelta) -> bool:
        return (
            time.monotonic() - self._ticks >= limit.total_seconds() or self._clock.now() - self._at >= limit
        )


class SegmentLog:
    """Appends records to a replica's current segment, and begins the next when it is full, old or failed.

    Safe to use from several threads. The first segment is made by `open`, or at the first append.

    Args:
        home: the workspace's folder; never made anew, since a lost one would then not fit back in its place.
        folder: where the segments lie, below `home`.
        header: what stands first in each; its `segment` is counted up.
        segment_bytes: the size at which a segment is let go of.
        segment_age: the age of its first record at which it is; never when absent.
        clock: by which that age goes.
    """

    def __init__(
        self,
        home: Path,
        folder: Path,
        header: SegmentHeader,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age: timedelta | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.home = home
        self.folder = folder
        self.header = header
        self.segment_bytes = segment_bytes
        self.segment_age = segment_age
        self.clock = clock or SystemClock()
        self.count = 0
        self._writer: SegmentWriter | None = None
        self._age: _Age | None = None
        self._full: list[SegmentWriter] = []
        self._segment = header.segment - 1
        self._is_dirty = False
        self._lock = threading.Lock()

    def open(self) -> None:
        """Begin the first segment now, so that answers can be logged though the folder goes away later.

        Raises:
            LogUnavailable: it cannot be made.
        """
        with self._lock:
            try:
                self._begin()
            except (OSError, RopewayError) as error:
                raise LogUnavailable(reason_of(error)) from error

    def append(self, record: bytes) -> Place:
        """Write one record; it survives `kill -9` on return.

        Raises:
            LogUnavailable: it could not be written, and is not there.
        """
        with self._lock:
            try:
                writer = self._writer or self._begin()
                # Before the record: once that is written, nothing may fail any more.
                if self._age is None and self.segment_age is not None:
                    self._age = _Age(self.clock)
                ordinal = writer.append(record)
            except (OSError, RopewayError) as error:
                self._abandon()
                raise LogUnavailable(reason_of(error)) from error
            self._is_dirty = True
            self.count += 1
            place = Place(self.header.replica, self._segment, ordinal)
            if writer.size_bytes >= self.segment_bytes:
                # Closed by the next flush: an append does not wait for the disk.
                self._full.append(writer)
                self._forget()
            return place

    def flush(self) -> None:
        """Make what was appended survive power loss; a segment that fails to flush is left for a new one."""
        with self._lock:
            writer, was_dirty, self._is_dirty = self._writer, self._is_dirty, False
            full, self._full = self._full, []
        for each in full:
            _close(each)
        if writer is None or not was_dirty:
            return
        try:
            # Outside the lock: appends go on while the disk works.
            writer.flush()
        except FileNotFoundError:
            # Its records are on disk; only its folder was moved away, and the open file goes on.
            return
        except OSError:
            # After a failed fsync the kernel may have dropped the pages and would call the next one good.
            with self._lock:
                if self._writer is writer:
                    self._abandon()

    def rotate(self) -> None:
        """Let go of a segment that is older than it should be, once the next one has been begun."""
        with self._lock:
            if self._writer is None or self._age is None or self.segment_age is None:
                return
            # The next one first: where there is no folder to make it in, the open one goes on.
            with contextlib.suppress(OSError, RopewayError):
                if self._age.exceeds(self.segment_age):
                    before = self._writer
                    self._begin()
                    self._full.append(before)

    def close(self) -> None:
        """Flush, and let go of every segment."""
        with self._lock:
            full, self._full = self._full, []
            self._abandon()
        for each in full:
            _close(each)

    def _begin(self) -> SegmentWriter:
        header = msgspec.structs.replace(self.header, segment=self._segment + 1)
        if not self.home.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the workspace's folder is gone")
        path = self.home / self.folder / segment_name(header.replica, header.segment)
        writer = SegmentWriter(path, msgspec.json.encode(header))
        self._forget()
        self._writer = writer
        self._segment += 1
        return writer

    def _forget(self) -> None:
        self._writer, self._age, self._is_dirty = None, None, False

    def _abandon(self) -> None:
        writer = self._writer
        self._forget()
        if writer is not None:
            _close(writer)


def _close(writer: SegmentWriter) -> None:
    """Its records are in the file already; a folder that is gone is no reason to fail."""
    with contextlib.suppress(OSError):
        writer.close()


def reason_of(error: OSError | RopewayError) -> str:
    """Why the log could not be written, in a few words."""
    return error.what.rstrip(".") if isinstance(error, RopewayError) else error.strerror or "the write failed"
