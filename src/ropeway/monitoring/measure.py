"""Measuring performance as truth comes in: for each window, and for the latest windows together.

Truth comes late, twice, or contradicts itself: whenever the labels of a window are others than they were, it
is measured anew. Where nothing was said since the last look, nothing is read.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import polars as pl

from ropeway.core.hashing import digest_json
from ropeway.core.ids import ModelName
from ropeway.monitoring.alerts import Changed
from ropeway.monitoring.events import PerformanceMeasured, RecentPerformanceMeasured
from ropeway.monitoring.operations import find_since, list_lines, record_performance
from ropeway.monitoring.performance import NO_LABELS, Measured, labels_digest, measure_rows
from ropeway.monitoring.records import WindowLine
from ropeway.monitoring.rules import rules_of
from ropeway.predictions.history import feedback, lazy_predictions
from ropeway.workspace import Project, Workspace

LABELS_WITHIN = timedelta(days=90)
"""How late truth may come to be measured; of older windows the last measurement stands."""


def measure_all(
    workspace: Workspace, now: datetime, before: str, take: Callable[[Changed], None]
) -> tuple[int, str]:
    """Measure every window whose labels are others than they were, and hold the rules against the latest.

    Args:
        workspace: where.
        now: windows that are not over then are left out.
        before: the fingerprint that the last look gave.
        take: is given the alerts that changed.

    Returns:
        How many windows were measured, and the fingerprint of what they were measured by.
    """
    since = now - LABELS_WITHIN
    lines = [line for line in list_lines(workspace, since=since) if line.end <= now]
    said = feedback(workspace).filter(pl.col("truth") != "null")
    fingerprint = _fingerprint(workspace.project, lines, said)
    if not lines or fingerprint == before:
        return 0, fingerprint
    labelled = _labelled(workspace, said, min(line.start for line in lines), now)
    measured = 0
    for ref, environment in dict.fromkeys((line.ref, line.environment) for line in lines):
        own = [line for line in lines if (line.ref, line.environment) == (ref, environment)]
        rows = labelled.filter((pl.col("model") == ref) & (pl.col("environment") == environment))
        # The latest windows together are often one of them: the same labels are measured once.
        figures = Figures(workspace.project)
        found = _measure_windows(own, rows, figures)
        back = find_since(workspace, ref=ref, environment=environment)
        # Of a version that left and came back, what it did before is not what it does now.
        latest = [line for line in own if back is None or line.end > back] or own
        recent = _measure_recent(latest, rows, figures)
        if found or recent is not None:
            take(record_performance(workspace, measured=found, recent=recent))
        measured += len(found)
    return measured, fingerprint


def _fingerprint(project: Project, lines: Sequence[WindowLine], said: pl.DataFrame) -> str:
    """Changes whenever there is anything to measure anew."""
    latest = said["truth_at"].max() if said.height else None
    return digest_json(
        {
            "windows": [len(lines), str(max((line.end for line in lines), default=None))],
            "feedback": [said.height, str(latest), int(said["truths"].sum())],
            "settings": msgspec.to_builtins([project.charter, project.gate, project.monitor, project.alerts]),
        }
    )


def _labelled(workspace: Workspace, said: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    """The answers of which the truth is known."""
    columns = ["id", "at", "model", "environment", "entity", "prediction", "probabilities"]
    return (
        lazy_predictions(workspace, since=since, until=until)
        .filter(pl.col("error") == "")
        .select(columns)
        .join(said.lazy().select("id", "truth"), on="id", how="inner")
        .collect()
    )


def _within(rows: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    return rows.filter((pl.col("at") >= start) & (pl.col("at") < end))


class Figures:
    """Measures labelled answers, each set of labels once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[str, Measured] = {}

    def of(self, rows: pl.DataFrame) -> Measured:
        """The figures of some labelled answers; of none, that there are none."""
        if not rows.height:
            return Measured(labelled=0, labels=NO_LABELS)
        labels = labels_digest(rows)
        if labels not in self._known:
            self._known[labels] = measure_rows(rows, self.project)
        return self._known[labels]


def _measure_windows(
    lines: Sequence[WindowLine], rows: pl.DataFrame, figures: Figures
) -> list[PerformanceMeasured]:
    """Each window whose labels, or whose metric, are others than it was measured by."""
    found, project = [], figures.project
    for line in lines:
        own = _within(rows, line.start, line.end)
        known = line.performance
        if not own.height and (known is None or not known.labelled):
            continue
        fresh = labels_digest(own) if own.height else NO_LABELS
        if known is not None and (line.labels, known.metric) == (fresh, project.charter.metric):
            continue
        found.append(msgspec.convert(_event([line], figures.of(own), project), PerformanceMeasured))
    return found


def _measure_recent(
    lines: Sequence[WindowLine], rows: pl.DataFrame, figures: Figures
) -> RecentPerformanceMeasured | None:
    """The latest windows together: as many as have enough labels, and as the rules ask for at least."""
    project = figures.project
    asked = [rule for rule in rules_of(project).values() if rule.when in ("degradation", "coverage")]
    at_least = max((rule.windows for rule in asked), default=1)
    merged: list[WindowLine] = []
    labelled = 0
    for line in sorted(lines, key=lambda each: each.end, reverse=True):
        merged.append(line)
        labelled += _within(rows, line.start, line.end).height
        if labelled >= project.monitor.min_rows and len(merged) >= at_least:
            break
    if not labelled:
        if not any(rule.when == "coverage" for rule in asked):
            return None
        # Nobody said anything of any of them: the latest are what coverage is told of.
        merged = merged[:at_least]
    start, end = min(line.start for line in merged), max(line.end for line in merged)
    own = _within(rows, start, end)
    return msgspec.convert(_event(merged, figures.of(own), project), RecentPerformanceMeasured)


def _event(lines: Sequence[WindowLine], measured: Measured, project: Project) -> dict[str, object]:
    """The figures of some windows with what was estimated of them, as an event's fields."""
    newest = lines[0]
    return {
        "name": ModelName(newest.name),
        "number": newest.number,
        "environment": newest.environment,
        "start": min(line.start for line in lines),
        "end": max(line.end for line in lines),
        "rows": sum(line.rows - line.errors for line in lines),
        "labelled": measured.labelled,
        "labels": measured.labels,
        "metric": project.charter.metric,
        **{
            name: getattr(measured, name)
            for name in ("value", "low", "high", "cost", "cost_low", "cost_high")
        },
        **_estimated(lines, project),
        "windows": len(lines),
    }


def _estimated(lines: Sequence[WindowLine], project: Project) -> dict[str, float | None]:
    """What was estimated of the windows, weighed by their rows; bounds as if all erred alike."""
    names = ("estimated", "estimated_low", "estimated_high")
    known = [
        line.performance
        for line in lines
        if line.performance is not None
        and line.performance.estimated is not None
        and line.performance.metric == project.charter.metric
    ]
    rows = sum(each.rows for each in known)
    if not rows:
        return dict.fromkeys(names)
    return {name: sum((getattr(each, name) or 0.0) * each.rows for each in known) / rows for name in names}
