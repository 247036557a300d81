"""Requests: how many, how many failed, how fast answers came, and what was wrong with the requests."""

from collections.abc import Sequence
from datetime import datetime

from ropeway.monitoring.reading import PROBLEMS
from ropeway.monitoring.records import WindowLine
from ropeway.story.report.records import Place
from ropeway.story.report.sections.block import (
    HALF,
    NARROW,
    both,
    count,
    empty,
    figure,
    key,
    section,
    span_words,
    strip_labels,
    version_class,
)
from ropeway.story.report.sections.performance import middle, time_scale
from ropeway.story.report.svg.bars import standing
from ropeway.story.report.svg.element import Markup, element, picture, text
from ropeway.story.report.svg.frame import Frame, grid, time_axis
from ropeway.story.report.svg.line import dots, line
from ropeway.story.report.svg.scale import Linear
from ropeway.story.report.svg.strip import Row, strip

HEIGHT = 190.0
LEAST_TOP = 0.2


def quality(place: Place) -> Markup:
    """What was wrong with requests, by problem and window."""
    if not place.windows:
        return section(
            "Quality of requests", "No window is over yet.", empty("", "ropeway serve NAME@ENVIRONMENT")
        )
    problems = sorted({problem for each in place.windows for problem in each.quality})
    if not problems:
        many = count(len(place.windows), "window")
        return section("Quality of requests", f"Nothing was wrong with the requests of {many}.")
    lead = "The share of each window\u2019s requests that a problem touches, by its worst column."
    drawn = both(lambda width: _problems(place.windows, problems, width))
    columns = list(dict.fromkeys(name for each in reversed(place.windows) for name in each.faulty_columns))
    named = f"columns concerned: {', '.join(columns[:8])}"
    return section(
        "Quality of requests",
        lead,
        figure("", drawn, key(("h0", "none"), ("h7", f"{_top(place.windows):.0%}"), ("plain", named))),
    )


def _problems(windows: Sequence[WindowLine], problems: Sequence[str], width: float) -> Markup:
    is_narrow = width == NARROW
    rows = []
    for problem in problems:
        shares = [each.quality.get(problem, 0) / each.rows if each.rows else 0.0 for each in windows]
        told = [
            f"{_of(each)}: {each.quality.get(problem, 0):,} of {count(each.rows, 'row')}" for each in windows
        ]
        name = PROBLEMS.get(problem, problem)
        rows.append(Row(name=name, values=shares, marks=[False] * len(shares), says=told))
    drawn, height = strip(
        rows,
        [version_class(each.ref) for each in windows],
        strip_labels([each.start for each in windows], [each.end for each in windows], width),
        width=width,
        top=_top(windows),
        name_width=118.0 if is_narrow else 165.0,
    )
    says = ", ".join(PROBLEMS.get(problem, problem) for problem in problems)
    return picture(width, height, "Problems of requests over the windows", f"Found: {says}.", drawn)


def _top(windows: Sequence[WindowLine]) -> float:
    """The share that the deepest colour stands for."""
    return max(
        [LEAST_TOP, *(many / each.rows for each in windows for many in each.quality.values() if each.rows)]
    )


def traffic(place: Place) -> Markup:
    """Requests, failures and answering times."""
    if not place.windows:
        return section("Requests", "No window is over yet.", empty("", "ropeway serve NAME@ENVIRONMENT"))
    newest = place.windows[-1]
    lead = (
        f"{span_words(newest.start, newest.end)}: {count(newest.rows, 'request')}, "
        f"{newest.errors:,} failed; {_times_words(newest)}"
    )
    refs = list(dict.fromkeys(each.ref for each in place.windows))
    versions = [(f"block {version_class(ref)}", ref) for ref in refs]
    requests = figure("Requests a window", _requests(place.windows), key(*versions, ("failed", "failed")))
    times = figure(
        "Answering time, ms",
        _times(place.windows, refs),
        key(("line", "half within"), ("dotted", "99 of 100 within")),
    )
    return section("Requests", lead, element("div", requests, times, class_="cards"))


def _requests(windows: Sequence[WindowLine]) -> Markup:
    frame = Frame(HALF, HEIGHT)
    x = time_scale(windows, frame)
    totals: dict[datetime, int] = {}
    for each in windows:
        totals[each.start] = totals.get(each.start, 0) + each.rows
    y = Linear(0.0, max(totals.values()) * 1.05 or 1.0, *frame.y)
    parts, below = grid(frame, y, shown=",.0f"), dict.fromkeys(totals, 0)
    for each in windows:
        base = below[each.start]
        below[each.start] = base + each.rows
        bar = (x(each.start), x(each.end), y(base + each.rows))
        says = f"{_of(each)}: {count(each.rows, 'request')}, {each.errors:,} failed"
        parts += standing([bar], y(base), class_=f"block {version_class(each.ref)}", says=[says])
        if each.errors:
            parts += _failed(x(middle(each)), y(base + each.rows))
    parts += time_axis(frame, x, most=5)
    failed = sum(each.errors for each in windows)
    says = f"{count(len(totals), 'window')}, {count(sum(totals.values()), 'request')}, {failed:,} failed."
    return picture(HALF, HEIGHT, "Requests a window", says, *parts)


def _failed(x: float, y: float) -> list[Markup]:
    """A cross over the bar: shape, not colour alone."""
    return [element("text", text("\u00d7"), class_="failed middle", x=x, y=y - 3)]


def _times(windows: Sequence[WindowLine], refs: Sequence[str]) -> Markup:
    frame = Frame(HALF, HEIGHT)
    x = time_scale(windows, frame)
    y = Linear(0.0, max(each.latency_p99_us for each in windows) / 1000 * 1.1 or 1.0, *frame.y)
    parts = [*grid(frame, y)]
    for ref in refs:
        own = [each for each in windows if each.ref == ref]
        half = [(x(middle(each)), y(each.latency_p50_us / 1000)) for each in own]
        most = [(x(middle(each)), y(each.latency_p99_us / 1000)) for each in own]
        drawn = [line(half), line(most, class_="dotted"), *dots(half, radius=2.0), *dots(most, radius=1.6)]
        parts.append(element("g", *drawn, class_=version_class(ref)))
    parts += time_axis(frame, x, most=5)
    newest = windows[-1]
    says = f"In the latest window {_times_words(newest)}"
    return picture(HALF, HEIGHT, "Answering time", says, *parts)


def _of(window: WindowLine) -> str:
    return f"{span_words(window.start, window.end)}, {window.ref}"


def _times_words(window: WindowLine) -> str:
    half, most = window.latency_p50_us / 1000, window.latency_p99_us / 1000
    return f"half of the answers came within {half:,.1f} ms, 99 of 100 within {most:,.1f} ms."
