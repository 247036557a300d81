"""One window of one deployment, judged: its profile, drift against the version's own reference, and faults.

The same code profiles the rows that a version learnt from, a batch and a window (`stats.profile`), so that
what is compared was made alike. What the log does not hold as it came, hashed or dropped, is not looked at.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import polars as pl

from ropeway.core.ids import Digest
from ropeway.monitoring.events import Faults, WindowObserved
from ropeway.monitoring.quality import faults_of_profile, faults_of_rows, gathered
from ropeway.monitoring.records import Finding
from ropeway.monitoring.requests import Requests, read_requests
from ropeway.monitoring.skew import key_of, skewed_columns
from ropeway.monitoring.watched import WatchedVersion
from ropeway.monitoring.windows import Window
from ropeway.stats.answers import answer_kinds, logged_answers
from ropeway.stats.drift.marginal import drift_between
from ropeway.stats.drift.report import DriftReport
from ropeway.stats.profile import Profile, kinds_of
from ropeway.store import Store
from ropeway.workspace import Project

ANSWERED = "answered "
"""Stands before the name of an answer's column where a request has a column of that name."""
SLICE_ROWS = 20_000
MAX_FAULTS = 50
"""More problems than these are one and the same mess; the event names the worst."""


def judge_window(
    watched: WatchedVersion, environment: str, window: Window, rows: pl.DataFrame, project: Project
) -> WindowObserved:
    """What a window held, as the event that puts it on record; its objects are in the store.

    Args:
        watched: the version.
        environment: where it answered.
        window: when.
        rows: its answers and failures, at least one, as `predictions.history` gives them, with what was
            hashed and dropped.
        project: how drift is judged, and what the key of rows is.
    """
    assert rows.height, "an empty window is no event"
    store = watched.workspace.store
    hidden = hidden_columns(rows)
    signature = {name: kind for name, kind in watched.signature.items() if name not in hidden}
    content = _Content(watched, signature, key_of(project))
    # Slice by slice: as Python's objects, a day of requests takes many times the room that it takes as text.
    for part in rows.iter_slices(SLICE_ROWS):
        content.take(part)
    seen = _together(content.inputs, content.answers)
    report = _drift(watched, seen, hidden, rows.height, project)
    found = content.faults()[:MAX_FAULTS]
    latencies = rows["latency_us"]
    return WindowObserved(
        name=watched.version.name,
        number=watched.version.number,
        environment=environment,
        start=window.start,
        end=window.end,
        rows=rows.height,
        errors=int((rows["error"] != "").sum()),
        latency_p50_us=quantile(latencies, 0.5),
        latency_p99_us=quantile(latencies, 0.99),
        profile=store.put(seen.to_bytes(with_vocabularies=False)),
        drift=None if report is None else store.put(msgspec.json.encode(report)),
        drifted=[] if report is None else report.drifted,
        effect=None if report is None else _largest(report),
        faults=[Faults(column=each.column, problem=each.problem, rows=each.rows) for each in found],
        findings=_put_findings(store, found),
    )


def hidden_columns(rows: pl.DataFrame) -> set[str]:
    """Columns that the log does not hold as they came, in any of these rows."""
    named: set[str] = set()
    for column in ("hashed", "dropped"):
        for text in rows[column].unique().to_list():
            named.update(msgspec.json.decode(text or "[]", type=list[str]))
    return named


def quantile(values: pl.Series, share: float) -> int:
    """The smallest value with at least this share of all at or below it.

    Example:
        >>> quantile(pl.Series([5, 1, 9]), 0.5)
        5
    """
    ordered = values.sort()
    return int(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def decoded(texts: Iterable[str | None]) -> list[object]:
    """JSON texts as values; None for what is null or not there."""
    return [None if text is None else msgspec.json.decode(text) for text in texts]


class _Content:
    """What the requests and answers of a window hold, taken in slice by slice."""

    def __init__(self, watched: WatchedVersion, signature: Mapping[str, str], key: str | None) -> None:
        self.inputs = Profile.empty({})
        self.answers = Profile.empty({})
        self._watched = watched
        self._signature = signature
        self._key = key
        self._found: list[Finding] = []

    def take(self, rows: pl.DataFrame) -> None:
        """Take in some rows."""
        requests = read_requests(rows["inputs"], self._signature)
        self._take_inputs(requests)
        self._take_answers(rows.filter(pl.col("error") == ""))
        skewed = skewed_columns(self._watched, rows, requests, self._key)
        self._found += faults_of_rows(requests, self._watched.contract, skewed)

    def faults(self) -> list[Finding]:
        """Every problem of every column, the most rows first."""
        reference = self._watched.reference
        known = [] if reference is None else faults_of_profile(self.inputs, reference.inputs)
        return gathered([*self._found, *known])

    def _take_inputs(self, requests: Requests) -> None:
        frame, reference = requests.frame, self._watched.reference
        if not self.inputs.columns:
            like = Profile.empty(kinds_of(frame)) if reference is None else reference.inputs.like()
            known = {name: each for name, each in like.columns.items() if name in frame.columns}
            self.inputs = Profile(self.inputs.rows, known)
        self.inputs.update(frame)
        for name, sketch in self.inputs.columns.items():
            # As columns, what did not come or was of another type is empty; as counts each is what it was.
            missing, mistyped = requests.missing.get(name, 0), requests.mistyped.get(name, 0)
            sketch.nulls -= missing + mistyped
            sketch.mistyped += mistyped
            sketch.absent += missing

    def _take_answers(self, given: pl.DataFrame) -> None:
        if not given.height:
            return
        said = logged_answers(decoded(given["prediction"]), decoded(given["probabilities"]))  # type: ignore[arg-type]
        if not self.answers.columns:
            reference = self._watched.reference
            is_known = reference is not None and reference.answers.columns
            self.answers = reference.answers.like() if reference and is_known else _empty(said)
        self.answers.update(said)


def _empty(answers: pl.DataFrame) -> Profile:
    return Profile.empty(answer_kinds(answers))


def _together(inputs: Profile, answers: Profile) -> Profile:
    """Both as one profile, so that one test of all columns holds the rate of false discoveries."""
    named = {
        (f"{ANSWERED}{name}" if name in inputs.columns else name): each
        for name, each in answers.columns.items()
    }
    return Profile(max(inputs.rows, answers.rows), {**inputs.columns, **named})


def _drift(
    watched: WatchedVersion, seen: Profile, hidden: set[str], rows: int, project: Project
) -> DriftReport | None:
    settings = project.monitor
    if watched.reference is None or rows < settings.min_rows:
        return None
    known = _together(watched.reference.inputs, watched.reference.answers)
    compared = {name: each for name, each in known.columns.items() if name not in hidden}
    return drift_between(
        Profile(known.rows, compared), seen, alpha=settings.alpha, min_effect=settings.min_effect
    )


def _largest(report: DriftReport) -> float:
    return max((each.effect for each in report.columns), default=0.0)


def _put_findings(store: Store, found: Sequence[Finding]) -> Digest | None:
    return store.put(msgspec.json.encode(list(found))) if found else None
