"""One look at production: seal, judge every window that is over, measure by the truth that came, tell.

Each window of a version in an environment is put on record once, in the order of time, with what its alerts
come to in the same transaction. So a look may be killed anywhere, and two may go on at once: the next one
finds what is not on record, and nothing is there twice. Only windows that hold rows count, however a clock
jumped; answers that come to light later than two windows after their own are measured, not judged.

The parts of a look stand apart: where one cannot be done, the log being damaged say, that is told, and the
others are done; above all, alerts that are on record are delivered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from ropeway.core.duration import parse_duration
from ropeway.core.errors import RopewayError
from ropeway.monitoring.alerts import Changed
from ropeway.monitoring.deliver import Delivered, deliver
from ropeway.monitoring.estimate import calibration_of, estimate_rows
from ropeway.monitoring.events import PerformanceMeasured, WindowObserved
from ropeway.monitoring.judge import judge_window
from ropeway.monitoring.look import Look, read_look, write_look
from ropeway.monitoring.measure import measure_all
from ropeway.monitoring.operations import Mark, Seen, list_marks, record_window, settle_alerts
from ropeway.monitoring.performance import NO_LABELS
from ropeway.monitoring.records import Alert, Observation, WindowLine
from ropeway.monitoring.watched import WatchedVersion, watch
from ropeway.monitoring.windows import ORIGIN, Window, is_closed, window_of
from ropeway.predictions.history import is_empty, lazy_predictions
from ropeway.predictions.seal import seal
from ropeway.stats.calibration import Calibration
from ropeway.workspace import Project, Workspace
from ropeway.workspace.errors import LeaseLost

LATE_WINDOWS = 2
"""How many windows before the last observed one are looked at again: a version may not be on record there."""


@dataclass(frozen=True, slots=True)
class Found:
    """A window of a version in an environment that has rows, and when the last of them came."""

    window: Window
    ref: str
    environment: str
    last_at: datetime


@dataclass
class Eye:
    """One look under way: what it knows of versions, and what it has found so far.

    Attributes:
        errors: what could not be done, by part.
        done: how many parts were.
    """

    workspace: Workspace
    now: datetime
    length: timedelta
    windows: list[WindowLine] = field(default_factory=list)
    raised: list[Alert] = field(default_factory=list)
    resolved: list[Alert] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    done: int = 0
    _watched: dict[str, WatchedVersion | None] = field(default_factory=dict)
    _calibrations: dict[str, Calibration | None] = field(default_factory=dict)

    def take(self, changed: Changed) -> None:
        """Remember what a step has raised and resolved."""
        self.raised += changed.raised
        self.resolved += changed.resolved

    def note(self, sentence: str) -> None:
        """Say what stood in the way, once."""
        if sentence and sentence not in self.notes:
            self.notes.append(sentence)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the look that the others do not depend on: what it raises is kept, and they go on."""
        try:
            yield
            self.done += 1
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001  the edge between the parts: alerts go out whatever else fails
            self.errors[name] = error

    def watch(self, ref: str) -> WatchedVersion | None:
        """A version as it is watched; None, with a note, where it cannot be."""
        if ref not in self._watched:
            try:
                self._watched[ref] = watch(self.workspace, ref)
            except RopewayError as error:
                self._watched[ref] = None
                self.note(f"answers of '{ref}' are not judged: {error.what}")
        watched = self._watched[ref]
        if watched is not None:
            self.note(watched.why_not)
        return watched

    def calibration(self, watched: WatchedVersion) -> Calibration | None:
        """How far a version's confidence may be believed."""
        ref = watched.version.ref
        if ref not in self._calibrations:
            self._calibrations[ref] = calibration_of(watched)
        return self._calibrations[ref]


def observe(workspace: Workspace) -> Observation:
    """Look at production once; see the module. Costs little where nothing happened since.

    Returns:
        The windows that were judged now, the alerts that changed, what could not be delivered, notes on what
        could not be looked at, and the errors of the parts that could not be done.

    Raises:
        RopewayError: no part could be done; the first one's.
    """
    eye = Eye(workspace, workspace.clock.now(), parse_duration(workspace.project.monitor.window))
    sealed, measured, delivered = 0, 0, Delivered()
    with eye.part("sealing the log"):
        sealed = seal(workspace).segments
    last_seen = None
    with eye.part("reading the log"):
        last_seen = _judge_windows(eye)
    fingerprint = read_look(workspace.home).measured
    with eye.part("measuring by feedback"):
        measured, fingerprint = measure_all(workspace, eye.now, fingerprint, eye.take)
    with eye.part("settling alerts"):
        eye.take(settle_alerts(workspace, last_seen=last_seen))
    with eye.part("delivering alerts"):
        delivered = deliver(workspace)
    if not eye.done:
        raise next(iter(eye.errors.values()))
    with eye.part("remembering the look"):
        write_look(workspace.home, Look(looked_at=eye.now, measured=fingerprint))
    return Observation(
        at=eye.now,
        sealed=sealed,
        windows=eye.windows,
        measured=measured,
        raised=eye.raised,
        resolved=eye.resolved,
        delivered=delivered.taken,
        undelivered=delivered.waiting,
        notes=eye.notes,
        errors=[_told(name, error) for name, error in eye.errors.items()],
    )


def _told(name: str, error: Exception) -> str:
    """What could not be done, in a line that names the error."""
    if isinstance(error, RopewayError):
        return f"{name}: [{error.code}] {error.what}"
    return f"{name}: [internal] {type(error).__name__}: {error}"


def _judge_windows(eye: Eye) -> list[Seen]:
    """Judge every window that is over and not on record; gives when each model was asked last."""
    marks = list_marks(eye.workspace, before=eye.now)
    found = _find_windows(eye, marks)
    known = {(mark.ref, mark.environment, mark.start, mark.end) for mark in marks}
    for each in found:
        key = (each.ref, each.environment, each.window.start, each.window.end)
        if is_closed(each.window, eye.now) and key not in known:
            with eye.part(f"the window of '{each.ref}' from {each.window.start:%Y-%m-%d %H:%M}"):
                _observe_window(eye, each)
    return _last_seen(eye.now, found, marks)


def _find_windows(eye: Eye, marks: list[Mark]) -> list[Found]:
    """Windows with rows that may not be on record, in the order of time; the open one is among them."""
    if is_empty(eye.workspace):
        return []
    latest = max((mark.end for mark in marks), default=None)
    since = None if latest is None else window_of(latest, eye.length).start - LATE_WINDOWS * eye.length
    rows = lazy_predictions(eye.workspace, since=since).filter(pl.col("environment") != "")
    # Asked by version and in no environment, a model is tried, and nobody relies on it.
    counted = (
        rows.with_columns(start_of(eye.length).alias("start"))
        .group_by("start", "model", "environment")
        .agg(pl.col("at").max().alias("last"))
        .sort("start", "model", "environment")
        .collect()
    )
    return [
        Found(Window(start, start + eye.length), model, environment, last)
        for start, model, environment, last in counted.select(
            "start", "model", "environment", "last"
        ).iter_rows()
    ]


def start_of(length: timedelta) -> pl.Expr:
    """The start of the window of each `at`, as `windows.window_of` tells it."""
    size, origin = length // timedelta(microseconds=1), int(ORIGIN.timestamp()) * 1_000_000
    moments = pl.col("at").dt.timestamp("us")
    return ((moments - origin) // size * size + origin).cast(pl.Datetime("us", "UTC"))


def _observe_window(eye: Eye, each: Found) -> None:
    watched = eye.watch(each.ref)
    if watched is None:
        return
    rows = lazy_predictions(
        eye.workspace,
        since=each.window.start,
        until=each.window.end,
        model=each.ref,
        environment=each.environment,
    ).collect()
    if not rows.height:
        return
    project = eye.workspace.project
    # Where the dataset or the reference is not what it was, fsck names it, and the window is put off.
    seen = judge_window(watched, each.environment, each.window, rows, project)
    expected = _expect(eye, watched, seen, rows, project)
    recorded = record_window(eye.workspace, window=seen, performance=expected)
    if recorded is not None:
        eye.windows.append(recorded.line)
        eye.take(recorded.changed)


def _expect(
    eye: Eye, watched: WatchedVersion, seen: WindowObserved, rows: pl.DataFrame, project: Project
) -> PerformanceMeasured | None:
    """What the model's confidence lets expect of a window, before any truth."""
    found = estimate_rows(rows, eye.calibration(watched), project)
    if found is None:
        return None
    return PerformanceMeasured(
        name=seen.name,
        number=seen.number,
        environment=seen.environment,
        start=seen.start,
        end=seen.end,
        rows=seen.rows - seen.errors,
        labelled=0,
        labels=NO_LABELS,
        metric=project.charter.metric,
        value=None,
        low=None,
        high=None,
        cost=None,
        cost_low=None,
        cost_high=None,
        estimated=found.value,
        estimated_low=found.low,
        estimated_high=found.high,
    )


def _last_seen(now: datetime, found: list[Found], marks: list[Mark]) -> list[Seen]:
    """When the last request to each model in each environment came, whichever version answered."""
    latest: dict[tuple[str, str], datetime] = {}
    # Of windows on record only their beginning is sure; the rows of the latest are among those found.
    told = [(mark.ref, mark.environment, mark.start) for mark in marks]
    told += [(each.ref, each.environment, each.last_at) for each in found if each.last_at <= now]
    for ref, environment, at in told:
        key = (ref.rpartition("@")[0], environment)
        latest[key] = max(at, latest.get(key, at))
    return [
        Seen(name=name, environment=environment, at=at) for (name, environment), at in sorted(latest.items())
    ]
