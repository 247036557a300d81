"""The writing end: a process's own segments of predictions, of feedback, and of what shadows said.

An append that returned survives `kill -9`. A thread makes it survive power loss within `WINDOW_S`, and begins
the next segment in time.
"""

import os
import platform
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import PredictionId
from ropeway.predictions.identity import new_replica
from ropeway.predictions.record import (
    DROPPED,
    FEEDBACK,
    HASHED,
    KEPT,
    PREDICTIONS,
    SHADOWS,
    Columns,
    FeedbackRecord,
    PredictionRecord,
    SegmentHeader,
    ShadowRecord,
)
from ropeway.serving.secret import entity_salt
from ropeway.serving.segment_log import SEGMENT_BYTES, SegmentLog

WINDOW_S = 0.5
"""An answered prediction survives power loss after at most about this long (the promise is one second)."""
ENTITY_LENGTH = 200
"""An entity's text that is longer is logged as its digest: it stands in every record."""


class PredictionLog:
    """The logs of one serving process, and the thread that flushes them.

    Args:
        home: the workspace's `.ropeway` folder.
        model: the model's name.
        environment: where it serves; may be empty.
        columns: how columns are logged; a column that is not named is kept.
        entity: the field that says whose a row is. Where its column is hashed, its text is, under a salt that
            the workspace keeps for ever: a pseudonym. Where it is dropped, there is none in any record.
        clock: where times come from.
        segment_bytes: the size at which a segment is let go of.
        segment_age: the age at which it is.

    Raises:
        EntitySaltDamaged, LogUnavailable: the workspace's salt for entities cannot be had.
    """

    def __init__(
        self,
        home: Path,
        *,
        model: str = "",
        environment: str = "",
        columns: Mapping[str, str] | None = None,
        entity: str | None = None,
        clock: Clock | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        segment_age: timedelta | None = None,
    ) -> None:
        self.home = home
        self.clock = clock or SystemClock()
        self.columns = Columns(columns or {}, secrets.token_hex(16))
        self.replica = new_replica()
        self._entity_policy = self.columns.policy.get(entity or "", KEPT)
        self._entity_salt = entity_salt(home) if entity and self._entity_policy != DROPPED else b""
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
        shadows = msgspec.structs.replace(feedback, kind="shadows")

        def log(folder: Path, header: SegmentHeader) -> SegmentLog:
            return SegmentLog(
                home,
                folder,
                header,
                segment_bytes=segment_bytes,
                segment_age=segment_age,
                clock=self.clock,
            )

        self._predictions = log(PREDICTIONS, predictions)
        self._feedback = log(FEEDBACK, feedback)
        self._shadows = log(SHADOWS, shadows)
        self._logs = (self._predictions, self._feedback, self._shadows)
        self._failed = 0
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
        return self._predictions.count - self._failed

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
        entity: str = "",
        carried: dict[str, Any] | None = None,
        error: str = "",
        rollout: str = "",
        instead_of: str = "",
        run_us: int = 0,
    ) -> PredictionId:
        """Log one answer, or what it failed with, and give it its id.

        Raises:
            LogUnavailable: it could not be written, so the answer must not be given.
        """
        inputs, hashed, dropped = self.columns.apply(row)
        logged: dict[str, Any] = {}
        if carried:
            logged, also_hashed, also_dropped = self.columns.apply(carried)
            hashed, dropped = hashed + also_hashed, dropped + also_dropped
        record = PredictionRecord(
            at=at,
            model=model,
            inputs=inputs,
            prediction=prediction,
            probabilities=probabilities,
            latency_us=latency_us,
            hashed=hashed,
            dropped=dropped,
            entity=self.entity_as_logged(entity) if entity else "",
            carried=logged,
            error=error,
            rollout=rollout,
            instead_of=instead_of,
            run_us=run_us,
        )
        place = self._predictions.append(self._encode(record))
        self._failed += bool(error)
        return place.id()

    def add_shadow(self, record: ShadowRecord) -> None:
        """Log what a version said that was asked beside the one that answered.

        Raises:
            LogUnavailable: it could not be written.
        """
        self._shadows.append(self._encode(record))

    def add_feedback(self, record: FeedbackRecord) -> None:
        """Log what someone said of a prediction.

        Raises:
            LogUnavailable: it could not be written.
        """
        self._feedback.append(self._encode(record))

    def entity_as_logged(self, entity: str) -> str:
        """An entity's text as records hold it: itself, the same digest in every process for ever, or none."""
        if self._entity_policy == DROPPED:
            return ""
        if self._entity_policy == HASHED or len(entity) > ENTITY_LENGTH:
            return digest_bytes(self._entity_salt + entity.encode())
        return entity

    def flush(self) -> None:
        """Make all that was logged survive power loss."""
        for log in self._logs:
            log.flush()

    def rotate(self) -> None:
        """Begin the next segment where one is older than it should be."""
        for log in self._logs:
            log.rotate()

    def close(self) -> None:
        """Stop the thread, flush, and let go of every segment."""
        self._stop.set()
        self._flusher.join()
        for log in self._logs:
            log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _flush_for_ever(self) -> None:
        while not self._stop.wait(WINDOW_S):
            self.rotate()
            self.flush()
