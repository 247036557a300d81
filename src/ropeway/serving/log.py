"""The writing end: a process's own segments of predictions and of feedback.

An append that returned survives `kill -9`. A thread makes it survive power loss within `WINDOW_S`. A segment
is sealed when it is full, and at a graceful stop.
"""

import contextlib
import errno
import os
import platform
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.errors import RopewayError
from ropeway.core.ids import PredictionId
from ropeway.serving.errors import LogUnavailable
from ropeway.predictions.identity import Place, new_replica, segment_name
from ropeway.predictions.record import (
    FEEDBACK,
    PREDICTIONS,
    Columns,
    FeedbackRecord,
    PredictionRecord,
    SegmentHeader,
)
from ropeway.store import SegmentWriter

WINDOW_S = 0.5
"""An answered prediction survives power loss after at most about this long (the promise is one second)."""
SEGMENT_BYTES = 64 * 2**20


class SegmentLog:
    """Appends records to a replica's current segment, and begins the next when it is full or failed.

    Safe to use from several threads. The first segment is made by `open`, or at the first append.

    Args:
        home: the workspace's folder; never made anew, since a lost one would then not fit back in its place.
        folder: where the segments lie, below `home`.
        header: what stands first in each; its `segment` is counted up.
        segment_bytes: the size at which a segment is sealed.
    """

    def __init__(
        self, home: Path, folder: Path, header: SegmentHeader, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.home = home
        self.folder = folder
        self.header = header
        self.segment_bytes = segment_bytes
        self.count = 0
        self._writer: SegmentWriter | None = None
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
                raise LogUnavailable(_reason(error)) from error

    def append(self, record: bytes) -> Place:
        """Write one record; it survives `kill -9` on return.

        Raises:
            LogUnavailable: it could not be written, and is not there.
        """
        with self._lock:
            try:
                writer = self._writer or self._begin()
                ordinal = writer.append(record)
            except (OSError, RopewayError) as error:
                self._abandon()
                raise LogUnavailable(_reason(error)) from error
            self._is_dirty = True
            self.count += 1
            place = Place(self.header.replica, self._segment, ordinal)
            if writer.size_bytes >= self.segment_bytes:
                self._seal()
            return place

    def flush(self) -> None:
        """Make what was appended survive power loss; a segment that fails to flush is left for a new one."""
        with self._lock:
            writer, was_dirty, self._is_dirty = self._writer, self._is_dirty, False
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

    def close(self) -> None:
        """Flush and seal."""
        with self._lock:
            self._seal()

    def _begin(self) -> SegmentWriter:
        header = msgspec.structs.replace(self.header, segment=self._segment + 1)
        if not self.home.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the workspace's folder is gone")
        path = self.home / self.folder / segment_name(header.replica, header.segment)
        self._writer = SegmentWriter(path, msgspec.json.encode(header))
        self._segment += 1
        return self._writer

    def _seal(self) -> None:
        writer, self._writer, self._is_dirty = self._writer, None, False
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()

    def _abandon(self) -> None:
        self._seal()


class PredictionLog:
    """The two logs of one serving process, and the thread that flushes them.

    Args:
        home: the workspace's `.ropeway` folder.
        model: the model's name.
        environment: where it serves; may be empty.
        columns: how columns are logged; a column that is not named is kept.
    """

    def __init__(
        self,
        home: Path,
        *,
        model: str = "",
        environment: str = "",
        columns: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.home = home
        self.clock = clock or SystemClock()
        self.columns = Columns(columns or {}, secrets.token_hex(16))
        self.replica = new_replica()
        feedback = SegmentHeader(
            kind="feedback",
            replica=self.replica,
            segment=1,
            started_at=self.clock.now(),
            host=platform.node(),
            process=os.getpid(),
            ropeway=version("ropeway"),
            model=model,
            environment=environment,
        )
        predictions = msgspec.structs.replace(
            feedback, kind="predictions", columns=self.columns.policy, salt=self.columns.salt
        )
        self._predictions = SegmentLog(home, PREDICTIONS, predictions, segment_bytes=segment_bytes)
        self._feedback = SegmentLog(home, FEEDBACK, feedback, segment_bytes=segment_bytes)
        self._encode = msgspec.json.Encoder().encode
        self._stop = threading.Event()
        self._flusher = threading.Thread(target=self._flush_for_ever, name="ropeway-flush", daemon=True)
        self._flusher.start()

    def open(self) -> None:
        """Begin the segment of predictions now; see `SegmentLog.open`."""
        self._predictions.open()

    @property
    def prediction_count(self) -> int:
        """Answers logged by this process."""
        return self._predictions.count

    @property
    def feedback_count(self) -> int:
        """Feedback logged by this process."""
        return self._feedback.count

    def add(
        self,
        model: str,
        row: dict[str, Any],
        prediction: Any,
        probabilities: dict[str, float] | None,
        *,
        at: datetime,
        latency_us: int,
    ) -> PredictionId:
        """Log one answer and give it its id.

        Raises:
            LogUnavailable: it could not be written, so the answer must not be given.
        """
        inputs, hashed, dropped = self.columns.apply(row)
        record = PredictionRecord(
            at=at,
            model=model,
            inputs=inputs,
            prediction=prediction,
            probabilities=probabilities,
            latency_us=latency_us,
            hashed=hashed,
            dropped=dropped,
        )
        return self._predictions.append(self._encode(record)).id()

    def add_feedback(self, record: FeedbackRecord) -> None:
        """Log what someone said of a prediction.

        Raises:
            LogUnavailable: it could not be written.
        """
        self._feedback.append(self._encode(record))

    def flush(self) -> None:
        """Make all that was logged survive power loss."""
        self._predictions.flush()
        self._feedback.flush()

    def close(self) -> None:
        """Stop the thread, flush, and seal both segments."""
        self._stop.set()
        self._flusher.join()
        self._predictions.close()
        self._feedback.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush_for_ever(self) -> None:
        while not self._stop.wait(WINDOW_S):
            self.flush()


def _reason(error: OSError | RopewayError) -> str:
    return error.what.rstrip(".") if isinstance(error, RopewayError) else error.strerror or "the write failed"
