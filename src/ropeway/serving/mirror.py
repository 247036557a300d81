"""The same rows asked of versions that do not answer: what they would have said is recorded, and no more.

Each version that is asked so has a copy, a queue and a thread of its own, and takes its turn when nobody
waits for an answer. A queue that is full drops what comes; what it dropped is counted. None of this can
delay a reply (it has been sent), fail one, or keep the process from ending.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.core.ids import PredictionId
from ropeway.predictions.record import ShadowRecord
from ropeway.serving.answer import Answer, ask
from ropeway.serving.loaded import Loaded
from ropeway.serving.log import PredictionLog
from ropeway.serving.signature import Request

logger = logging.getLogger("ropeway.serving")

QUEUED_ROWS = 10_000
QUEUED_BYTES = 64 * 2**20
"""The bounds of one version's queue; bytes are those of the requests' bodies."""
QUIET_S = 0.002
"""Nobody has waited for an answer for this long: a mirrored row may have its turn."""
PATIENCE_S = 0.5
"""Under steady load there is never quiet: after this long a request's rows are asked anyway, two a second.

Each cuts into an answer or two: of a service that gives hundreds a second, fewer than one of a hundred.
"""
TICK_S = 0.02
STOP_S = 10.0
"""How long a graceful stop waits for what is queued."""


class Job(msgspec.Struct, frozen=True):
    """Rows that were answered, to be asked of another version in one go, as they were.

    Attributes:
        failed: what that version failed with when the rows were its own; it is not asked again then, since
            an answer that came too late for anybody would count as one.
        failed_us: how long it was waited for.
    """

    request: Request
    of: list[PredictionId]
    at: datetime
    rollout: str
    size_bytes: int
    failed: str = ""
    failed_us: int = 0


class Gate:
    """Knows whether anybody waits for an answer."""

    def __init__(self) -> None:
        self.waiting = 0
        self._quiet_since = 0.0

    def __enter__(self) -> None:
        self.waiting += 1

    def __exit__(self, *_: object) -> None:
        self.waiting -= 1
        self._quiet_since = time.monotonic()

    @property
    def is_quiet(self) -> bool:
        """Nobody waits, and nobody has for a moment: one who asks again and again is not cut into."""
        return not self.waiting and time.monotonic() - self._quiet_since >= QUIET_S


class Mirror:
    """One version's queue and thread.

    Args:
        version: the copy that is asked.
        log: where what it says is recorded.
        gate: says when it may.
    """

    def __init__(self, version: Loaded, log: PredictionLog, gate: Gate) -> None:
        self.version = version
        self._log = log
        self._gate = gate
        self._jobs: deque[Job] = deque()
        self._rows = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._give_up_at: float | None = None
        # Not made to yield to others by the system: if it were held back while it holds the interpreter's
        # lock, everybody would be.
        self._thread = threading.Thread(target=self._run, name=f"ropeway-mirror-{version.ref}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that are queued."""
        return self._rows

    def offer(self, job: Job) -> None:
        """Queue rows, or drop them where the queue is full. Never waits."""
        rows = len(job.of)
        with self._changed:
            is_full = self._rows + rows > QUEUED_ROWS or self._bytes + job.size_bytes > QUEUED_BYTES
            if is_full or self._give_up_at is not None:
                self.version.tally.mirrors_dropped += rows
                return
            self._jobs.append(job)
            self._rows += rows
            self._bytes += job.size_bytes
            self._changed.notify()

    def finish(self) -> None:
        """Ask what is queued, for `STOP_S` at most, then end; does not wait."""
        with self._changed:
            if self._give_up_at is None:
                self._give_up_at = time.monotonic() + STOP_S
            self._changed.notify()

    def join(self) -> int:
        """Wait for the end; gives how many rows were left unasked."""
        self.finish()
        give_up = self._give_up_at or 0.0
        self._thread.join(max(0.0, give_up - time.monotonic()))
        return self._drop_all()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.failed:
                self._end(job, [None] * len(job.of), job.failed, job.failed_us)
                continue
            if self._give_up_at is None:
                self._wait_for_quiet()
            # A mirror of the same copy that was told to finish may still be at it.
            with self.version.mirroring:
                self._do(job)
        self._drop_all()

    def _next(self) -> Job | None:
        with self._changed:
            while not self._jobs and self._give_up_at is None:
                self._changed.wait()
            if not self._jobs or (self._give_up_at is not None and time.monotonic() > self._give_up_at):
                return None
            return self._jobs.popleft()

    def _wait_for_quiet(self) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not self._gate.is_quiet and time.monotonic() < give_up and self._give_up_at is None:
            time.sleep(TICK_S)

    def _do(self, job: Job) -> None:
        answers: Sequence[Answer | None] = [None] * len(job.of)
        code, begun = "", time.perf_counter_ns()
        try:
            answers = ask(self.version.servable, job.request, not self._log.columns.keeps_all)
        except RopewayError as error:
            code = error.code
        except BaseException:  # noqa: BLE001
            # `ask` lets only the user's KeyboardInterrupt through, which must not end this thread.
            code = "prediction-failed"
        self._end(job, answers, code, (time.perf_counter_ns() - begun) // 1000)

    def _end(self, job: Job, answers: Sequence[Answer | None], code: str, latency_us: int) -> None:
        self._write(job, answers, code, latency_us)
        # Only now: who waits for an empty queue finds everything recorded.
        with self._changed:
            self._rows -= len(job.of)
            self._bytes -= job.size_bytes

    def _write(self, job: Job, answers: Sequence[Answer | None], code: str, latency_us: int) -> None:
        try:
            for of, answer in zip(job.of, answers, strict=True):
                self._log.add_shadow(self._record(job, of, answer, code, latency_us))
        except RopewayError as error:
            logger.warning("what %s said beside could not be recorded: %s", self.version.ref, error.what)
            self.version.tally.mirrors_dropped += len(job.of)
            return
        self.version.tally.mirrored += len(job.of)
        self.version.tally.mirror_errors += len(job.of) if code else 0

    def _record(
        self, job: Job, of: PredictionId, answer: Answer | None, code: str, latency_us: int
    ) -> ShadowRecord:
        return ShadowRecord(
            of=of,
            at=job.at,
            model=self.version.ref,
            prediction=None if answer is None else answer.prediction,
            probabilities=None if answer is None else answer.probabilities,
            latency_us=latency_us,
            error=code,
            rollout=job.rollout,
        )

    def _drop_all(self) -> int:
        with self._changed:
            left = self._rows
            self._jobs.clear()
            self._rows = self._bytes = 0
            self.version.tally.mirrors_dropped += left
            return left


class Mirrors:
    """The mirrors of a service. Used from one thread, that of the event loop.

    Args:
        log: where what mirrored versions say is recorded.
    """

    def __init__(self, log: PredictionLog) -> None:
        self.gate = Gate()
        self._log = log
        self._mirrors: dict[Loaded, Mirror] = {}

    @property
    def waiting(self) -> int:
        """Rows that are queued."""
        return sum(mirror.waiting for mirror in list(self._mirrors.values()))

    def follow(self, versions: Sequence[Loaded]) -> None:
        """Have a mirror for each of these versions, and let the others finish."""
        if tuple(self._mirrors) == tuple(versions):
            return
        for version in [version for version in self._mirrors if version not in versions]:
            self._mirrors.pop(version).finish()
        kept = self._mirrors
        self._mirrors = {
            version: kept.get(version) or Mirror(version, self._log, self.gate) for version in versions
        }

    def offer(self, version: Loaded, job: Job) -> None:
        """Have rows asked of a version that `follow` was told of."""
        self._mirrors[version].offer(job)

    def close(self) -> None:
        """Ask what is queued, within the limit; say what was left."""
        for mirror in self._mirrors.values():
            mirror.finish()
        for version, mirror in self._mirrors.items():
            if left := mirror.join():
                logger.warning("%s was not asked beside for %d rows: the service stops", version.ref, left)
