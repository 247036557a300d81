"""Is it good enough? The bound of the charter's metric on the test part, against the charter's bar."""

import math

from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam
from ropeway.stats.intervals import Interval
from ropeway.stats.metrics import metric
from ropeway.workspace import Project


def check(exam: Exam) -> GateCheck:
    """Pass when the bound on the unkind side of the metric still reaches the bar."""
    found = exam.interval(metric(exam.project.charter.metric))
    return held_against(exam.project, found, rows=exam.height, clusters=exam.groups.n_unique())


def held_against(project: Project, found: Interval, *, rows: int, clusters: int) -> GateCheck:
    """What the charter's metric and its bounds come to."""
    charter = project.charter
    measure = metric(charter.metric)
    bound = found.lower if measure.higher_is_better else found.upper
    shown = f"{measure.name} {found.estimate:.3f} on {rows:,} test rows"
    if charter.bar is None:
        return GateCheck(
            name="bar",
            passed=False,
            figure=bound,
            says=f"{shown}, but the charter names no bar: write [charter] bar = … in ropeway.toml",
            code="no-bar",
        )
    least = project.gate.min_rows
    if clusters < least:
        return GateCheck(
            name="bar",
            passed=False,
            figure=float(clusters),
            limit=float(least),
            says=f"{shown}: too few to tell, {least} are needed ([gate] min_rows; near-copies count once)",
            code="too-few-test-rows",
        )
    reaches = bound >= charter.bar if measure.higher_is_better else bound <= charter.bar
    side = "at least" if measure.higher_is_better else "at most"
    verdict = "meets" if reaches else "misses"
    return GateCheck(
        name="bar",
        passed=bool(reaches) and not math.isnan(bound),
        figure=bound,
        limit=charter.bar,
        says=f"{shown}, {charter.confidence:.0%} sure of {side} {bound:.3f}: "
        f"{verdict} the bar of {charter.bar:g}",
        code="" if reaches else "under-the-bar",
    )
