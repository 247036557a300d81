"""A run while it lives: what a training script or a pipeline holds in its hand."""

import contextlib
import contextvars
import math
import numbers
import operator
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Literal, Self

from ropeway.core.clock import from_text
from ropeway.core.ids import Digest, RunId
from ropeway.store import Store
from ropeway.tracking.errors import ArtifactMissing, PointInvalid, RunEnded, SettingInvalid, StepInvalid
from ropeway.tracking.harvest import Gleanings, harvest, moment
from ropeway.tracking.references import check_reference, require_references
from ropeway.tracking.resources import Meter
from ropeway.tracking.series import NO_STEP
from ropeway.tracking.settings import check_key, check_metric, scalars
from ropeway.tracking.showing import Shows
from ropeway.tracking.spool import (
    STEP_LIMIT,
    ArtifactKept,
    InputUsed,
    ParamsSet,
    Spool,
    SpoolRecord,
    TagsSet,
    now_us,
)
from ropeway.tracking.system import Sampler
from ropeway.workspace import OpenWorkspace, Workspace
from ropeway.workspace.noticing import noticing

UNKNOWN = Digest("")

_current: contextvars.ContextVar["Run | None"] = contextvars.ContextVar("ropeway_run", default=None)


def current_run() -> "Run | None":
    """The innermost run whose `with` block this code is in; None outside of any.

    Follows tasks as context variables do; a new thread begins outside of any.
    """
    return _current.get()


class Run(Shows):
    """One run, open. Made by `start_run` or `ropeway.run`; ended by its `with` block or by `finish`.

    Every call that returned survives `kill -9`, and power loss after `flush`, which the end calls. Calls are
    safe from several threads; a process forked inside the run may not use it, and cannot end it.

    Attributes:
        id: its id.
        name: its name, if it has one.
        code: the tree of the project's files at the start; empty (`UNKNOWN`) where another process began the
            run and nobody was asked.
        environment: the object that lists Python and all distributions; likewise.
    """

    def __init__(
        self,
        *,
        id: RunId,  # noqa: A002  the field's own name
        name: str | None,
        code: Digest,
        environment: Digest,
        workspace: Workspace,
        spool: Spool,
        owned: OpenWorkspace | None = None,
        store: Store | None = None,
        inputs: Iterable[str] = (),
    ) -> None:
        self.id = id
        self.name = name
        self.code = code
        self.environment = environment
        self._workspace = workspace
        self._store = workspace.store if store is None else store
        self._owned = owned
        self._spool = spool
        self._meter = Meter()
        self._lock = spool.lock
        self._status = "running"
        self._sampler: Sampler | None = None
        self._within = contextlib.ExitStack()
        self._inputs = set(inputs)
        self._token: contextvars.Token[Run | None] | None = None

    def log(self, /, step: int | None = None, **metrics: Any) -> None:
        """Record metrics at one moment. Returns when they are safe from `kill -9`; waits for nobody.

        Args:
            step: the epoch, batch or time that they belong to.
            metrics: numbers by name; NaN and infinities are numbers. Names with odd characters go by
                `**{"top-5 acc": 0.9}`.

        Raises:
            PointInvalid: something is no number, or the step no whole one.
            RunEnded: the run has ended.

        Example:
            ```python
            for epoch in range(10):
                run.log(epoch, loss=loss, accuracy=accuracy)
            ```
        """
        shape = self._spool.shapes.get(tuple(metrics))
        # The quick way, for metrics that were seen before: nothing is called that need not be.
        if shape is not None and (step is None or (type(step) is int and -STEP_LIMIT <= step <= STEP_LIMIT)):
            for value in metrics.values():
                # NaN has many forms, of which the slow way writes one.
                if value != value if type(value) is float else not _is_small(value):
                    break
            else:
                if self._spool.append(shape, NO_STEP if step is None else step, metrics):
                    return
        if metrics:
            self._log_slowly(step, metrics)

    def set(self, /, **params: Any) -> None:
        """Record params found out after the start; a later value replaces an earlier one."""
        if params:
            self._record(ParamsSet(now_us(), scalars("param", params)))

    def tag(self, /, **tags: Any) -> None:
        """Record tags: free words by which to find the run again."""
        if tags:
            self._record(TagsSet(now_us(), scalars("tag", tags)))

    def artifact(self, name: str, data: bytes | str | Path) -> Digest:
        """Keep a file with the run; gives its digest. The same name again replaces it.

        Args:
            name: how it is called in the run, such as `plots/confusion.png`.
            data: its bytes, its text, or a `Path` to read it from.

        Raises:
            ArtifactMissing: the path is no file.
            SettingInvalid: the name is empty, absolute or leads upward.
        """
        check_key("artifact", name)
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts:
            raise SettingInvalid(
                "artifact",
                name,
                "its name leads out of the run",
                expected="a relative name without '..'",
                next_step=f'run.artifact("{PurePosixPath(name.strip("./")).name or "curve.png"}", data)',
            )
        self._check_open()
        digest = self._keep(data)
        self._record(ArtifactKept(now_us(), name, digest, self._store.size(digest)))
        return digest

    def uses(self, ref: str) -> None:
        """Record that the run used something, such as `dataset:tweets@<digest>`: an edge of its lineage.

        Raises:
            ReferenceInvalid: it is no reference.
            ReferenceUnknown: nothing on record answers to it.
        """
        self._check_open()
        require_references(self._workspace, refs=[check_reference(ref)])
        self._record(InputUsed(now_us(), ref))

    def flush(self) -> None:
        """Make everything recorded so far survive power loss."""
        self._spool.require_mine()
        with self._lock:
            self._check_open()
            self._spool.flush()

    def finish(
        self, status: Literal["finished", "failed"] = "finished", *, error: BaseException | None = None
    ) -> None:
        """End the run: seal its points and record the end. Finishing twice with one status is harmless.

        Args:
            status: `finished` or `failed`.
            error: what ended it; a run that `KeyboardInterrupt` ended is `interrupted`, whatever the status.
        """
        self._spool.require_mine()
        self._stop_sampling()
        with self._lock:
            is_interrupted = isinstance(error, KeyboardInterrupt)
            ended = "interrupted" if is_interrupted else status
            if self._status == ended:
                return
            self._check_open()
            self._spool.flush()
            home = self._workspace.home
            gleanings = harvest(self._spool.path, self.id, self._workspace.store, home / "tmp")
            if is_interrupted:
                self._record_interruption(gleanings)
            else:
                self._record_end(status, gleanings, error)
            self._status = ended
            # Only now: the event is durable, and nobody needs the spool any more.
            self._spool.remove(is_damaged=gleanings.is_damaged)
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        self._check_open()
        self._token = _current.set(self)
        self._within.enter_context(noticing(self._notice))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._within.close()
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        # A forked child that leaves the block takes nothing with it: the run is its parent's to end.
        if not self._spool.is_mine or self._status != "running":
            return
        is_failure = error is not None and not _is_clean_exit(error)
        try:
            self.finish("failed" if is_failure else "finished", error=error if is_failure else None)
        except Exception as second:
            if error is None:
                raise
            # What went wrong in the block matters more; the spool stays, and the next command closes the run.
            error.add_note(f"ropeway: the run {self.id} could not be closed either: {second}")

    def __repr__(self) -> str:
        return f"<Run {self.id} {self._status}>"

    @property
    def is_open(self) -> bool:
        """Whether this process may still record on it."""
        return self._status == "running" and self._spool.is_mine

    def _repr_html_(self) -> str:
        from ropeway.core.page import section, titled

        return titled(self.name or self.id, section("", [("run", self.id), ("status", self._status)]))

    def _record_end(
        self, status: Literal["finished", "failed"], gleanings: Gleanings, error: BaseException | None
    ) -> None:
        from ropeway.tracking.operations import finish

        usage = self._meter.read()
        error_type, message = outcome_of(error)
        finish(
            self._workspace,
            run=self.id,
            status=status,
            harvest=gleanings.harvest,
            params=gleanings.params,
            tags=gleanings.tags,
            error_type=error_type,
            error=message,
            wall_s=usage.wall_s,
            cpu_s=usage.cpu_s,
            peak_memory_bytes=usage.peak_memory_bytes,
        )

    def _record_interruption(self, gleanings: Gleanings) -> None:
        """As for a process that was killed, but that the end is known: it is now."""
        from ropeway.tracking.operations import interrupt

        interrupt(
            self._workspace,
            run=self.id,
            harvest=gleanings.harvest,
            params=gleanings.params,
            tags=gleanings.tags,
            last_sign_at=from_text(moment(now_us())),
            was_torn=gleanings.was_torn,
        )

    def _record(self, record: SpoolRecord) -> None:
        self._spool.require_mine()
        with self._lock:
            self._check_open()
            self._spool.write(record)

    def _log_slowly(self, step: Any, metrics: dict[str, Any]) -> None:
        values = {check_metric(key): _number(key, value) for key, value in metrics.items()}
        number = _step(step)
        self._spool.require_mine()
        with self._lock:
            self._check_open()
            self._spool.write_point(number, values)

    def sample_system(self, every_s: float) -> None:
        """Record how the machine does, every so many seconds until the end, as points under `system/`."""
        self._sampler = Sampler(lambda readings: self.log(None, **readings), every_s)
        self._sampler.start()

    def _stop_sampling(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()

    def _notice(self, ref: str) -> None:
        """Something was read through Ropeway while the run is open: an input, unless it is one already."""
        if ref not in self._inputs and self._spool.is_mine and self._status == "running":
            self._inputs.add(ref)
            self._record(InputUsed(now_us(), ref))

    def _check_open(self) -> None:
        if self._status != "running":
            raise RunEnded(self.id, self._status)

    def _keep(self, data: bytes | str | Path) -> Digest:
        store = self._store
        match data:
            case str():
                return store.put(data.encode())
            case Path():
                if not data.is_file():
                    raise ArtifactMissing(data)
                return store.put_file(data)
            case _:
                return store.put(data)


def _number(key: str, value: Any) -> float:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of numpy, torch, …
        value = value.item()
    if not isinstance(value, numbers.Real):
        raise PointInvalid(key, f"it is a {type(value).__name__}", expected="a number")
    try:
        number = float(value)
    except OverflowError:
        raise PointInvalid(
            key, "it is too large", expected="a number below 1.8e308, or float('inf')"
        ) from None
    return number if not math.isnan(number) else math.nan


def _is_small(value: object) -> bool:
    """Whether it is a whole number that fits where a double is written."""
    return type(value) is int and -STEP_LIMIT <= value <= STEP_LIMIT


def _step(step: int | None) -> int | None:
    if step is None:
        return None
    try:
        found = operator.index(step)
    except TypeError:
        found = None
    if found is None or isinstance(step, bool):
        raise StepInvalid(step, f"it is a {type(step).__name__}", expected="a whole number")
    if abs(found) > STEP_LIMIT:
        raise StepInvalid(step, "it is too large", expected="a whole number of 64 bits")
    return found


def outcome_of(error: BaseException | None) -> tuple[str, str | None]:
    """What ended a run as it is recorded: the class of the error and its message; nothing without one."""
    if error is None:
        return "", None
    return type(error).__name__, str(error).encode(errors="replace").decode()[:2_000]


def _is_clean_exit(error: BaseException) -> bool:
    return isinstance(error, GeneratorExit) or (isinstance(error, SystemExit) and error.code in (None, 0))
