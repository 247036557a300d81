"""Performance over time: the figure with its band, the bar, what was expected, coverage, and releases."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from ropeway.monitoring.records import Performance, WindowLine
from ropeway.monitoring.rules import FEWEST_LABELS
from ropeway.story.report.records import Place, Release, ReportData
from ropeway.story.report.sections.block import (
    NARROW,
    both,
    count,
    empty,
    figure,
    key,
    section,
    short_day,
    version_class,
)
from ropeway.story.report.svg.bars import standing
from ropeway.story.report.svg.element import Markup, element, picture, text, title_of
from ropeway.story.report.svg.frame import Frame, grid, limit, time_axis
from ropeway.story.report.svg.line import band, dots, line, whiskers
from ropeway.story.report.svg.scale import Linear, Time, around

HEIGHT, COVERAGE = 270.0, 84.0
LEAST_SPAN = 0.12
"""A figure that hardly moves is not blown up until it seems to."""

Measured = tuple[WindowLine, Performance]


def performance(data: ReportData, place: Place) -> Markup:
    """The section."""
    measured = _measured(place.windows)
    if not measured:
        missing = "No answer has been judged yet, so nobody knows how good they are."
        return section("Performance", missing, empty("", "ropeway feedback PREDICTION VALUE"))
    known = any(each.value is not None for _, each in measured)
    lead = (
        f"{data.metric} of each window, by the truth that is known by now, with its interval. "
        f"Windows with fewer than {FEWEST_LABELS} labels are left out where others have more."
        if known
        else f"No truth is known: drawn is the {data.metric} that the model\u2019s own confidence expects."
    )
    refs = list(dict.fromkeys(each.ref for each, _ in measured))
    entries = [(f"line {version_class(ref)}", ref) for ref in refs]
    entries += [("dotted", "expected, by the model\u2019s own confidence"), ("band", "interval")]
    entries += [("dashed", f"bar {data.bar:g}")] if data.bar is not None else []
    drawn = both(lambda width: _draw(data, place, measured, refs, width))
    return section("Performance", lead, figure("", drawn, key(*entries)))


def _measured(windows: Sequence[WindowLine]) -> list[Measured]:
    """Windows with their performance; a figure of a handful of labels is none where there are better ones."""
    found = [(each, each.performance) for each in windows if each.performance is not None]
    if all(each.labelled < FEWEST_LABELS for _, each in found):
        return found
    return [(window, each if each.labelled >= FEWEST_LABELS else _unknown(each)) for window, each in found]


def _unknown(measured: Performance) -> Performance:
    return msgspec.structs.replace(measured, value=None, low=None, high=None)


def _draw(
    data: ReportData, place: Place, measured: Sequence[Measured], refs: Sequence[str], width: float
) -> Markup:
    frame = Frame(width, HEIGHT, left=40.0, right=10.0, top=34.0, bottom=12.0)
    below = Frame(width, HEIGHT + COVERAGE, left=40.0, right=10.0, top=HEIGHT + 14, bottom=26.0)
    x = time_scale(place.windows, frame)
    y = Linear(*_range(data, measured), *frame.y)
    parts: list[Markup] = [*grid(frame, y, y.ticks(5))]
    parts += _releases(place.releases, frame, x, below.y[0], is_narrow=width == NARROW)
    for ref in refs:
        parts.append(_of_version([each for each in measured if each[0].ref == ref], x, y, version_class(ref)))
    # Last, so that its name is not drawn over.
    if data.bar is not None:
        parts += limit(frame, y(data.bar), f"bar {data.bar:g}")
    parts += _coverage(place.windows, below, x)
    parts += time_axis(below, x, most=4 if width == NARROW else 10)
    return picture(width, HEIGHT + COVERAGE, f"{data.metric} over time", _says(data, measured), *parts)


def time_scale(windows: Sequence[WindowLine], frame: Frame) -> Time:
    """From the first window's start to the last one's end."""
    low, high = min(each.start for each in windows), max(each.end for each in windows)
    return Time(low, high, *frame.x)


def middle(window: WindowLine) -> datetime:
    """The moment at which a window is drawn."""
    return window.start + (window.end - window.start) / 2


def _range(data: ReportData, measured: Sequence[Measured]) -> tuple[float, float]:
    values = [
        value
        for _, each in measured
        for value in (each.value, each.low, each.high, each.estimated)
        if value is not None
    ]
    values += [data.bar] if data.bar is not None else []
    low, high = around(values or [0.0, 1.0], least=LEAST_SPAN)
    # A share stays a share.
    if min(values, default=0.0) >= 0:
        low = max(low, 0.0)
    return low, min(high, 1.0) if max(values, default=1.0) <= 1 else high


def _of_version(measured: Sequence[Measured], x: Time, y: Linear, colour: str) -> Markup:
    parts: list[Markup] = []
    for stretch in _stretches(measured):
        known = [(x(middle(window)), each) for window, each in stretch if each.value is not None]
        spans = [
            (at, y(each.low), y(each.high))
            for at, each in known
            if each.low is not None and each.high is not None
        ]
        points = [(at, y(each.value)) for at, each in known if each.value is not None]
        parts += [band(spans), *(whiskers(spans) if len(spans) == 1 else []), line(points), *dots(points)]
    expected = [
        (x(middle(window)), y(each.estimated)) for window, each in measured if each.estimated is not None
    ]
    parts.append(line(expected, class_="dotted"))
    return element("g", *parts, class_=colour)


def _stretches(measured: Sequence[Measured]) -> list[list[Measured]]:
    """Windows in a row of which the truth is known: a line over a gap would claim what nobody knows."""
    found: list[list[Measured]] = [[]]
    for window, each in measured:
        if each.value is None:
            found.append([])
        elif found[-1] and window.start - found[-1][-1][0].end > timedelta(0):
            found.append([(window, each)])
        else:
            found[-1].append((window, each))
    return [stretch for stretch in found if stretch]


def _releases(
    releases: Sequence[Release], frame: Frame, x: Time, bottom: float, *, is_narrow: bool
) -> list[Markup]:
    found: list[Markup] = []
    for each in releases:
        if not x.low <= each.at <= x.high:
            continue
        at = x(each.at)
        name = f"@{each.ref.rpartition('@')[2]}" if is_narrow else f"{each.ref} live"
        is_late = at > frame.x[1] - (30 if is_narrow else 130)
        found.append(
            element(
                "g",
                title_of(f"{each.ref} went live on {short_day(each.at)}"),
                element("line", class_="release", x1=at, x2=at, y1=20, y2=bottom),
                element("circle", class_="dot", cx=at, cy=20, r=3.5),
                element(
                    "text",
                    text(name),
                    class_=f"flag {'end' if is_late else 'start'}",
                    x=at - 7 if is_late else at + 7,
                    y=17,
                ),
                class_=version_class(each.ref),
            )
        )
    return found


def _coverage(windows: Sequence[WindowLine], frame: Frame, x: Time) -> list[Markup]:
    """The share of each window's answers of which the truth is known, all versions together."""
    rows: dict[tuple[datetime, datetime], tuple[int, int]] = {}
    for each in windows:
        told = each.performance
        before = rows.get((each.start, each.end), (0, 0))
        more = (told.rows, told.labelled) if told else (each.rows - each.errors, 0)
        rows[each.start, each.end] = (before[0] + more[0], before[1] + more[1])
    y = Linear(0.0, 1.0, *frame.y)
    bars = [
        (x(start), x(end), y(known / many if many else 0.0)) for (start, end), (many, known) in rows.items()
    ]
    says = [
        f"{short_day(start)}: {known:,} of {count(many, 'answer')} labelled"
        for (start, _), (many, known) in rows.items()
    ]
    return [
        *grid(frame, y, [0.0, 0.5, 1.0], shown=".0%"),
        *standing(bars, frame.y[0], class_="bar", says=says),
        element("text", text("labelled"), class_="note end", x=frame.x[1], y=frame.top - 5),
    ]


def _says(data: ReportData, measured: Sequence[Measured]) -> str:
    known = [(window, each) for window, each in measured if each.value is not None]
    if not known:
        return "No truth is known yet."
    (window, newest) = known[-1]
    against = "" if data.bar is None else f", the bar is {data.bar:g}"
    return (
        f"{count(len(known), 'window')} with truth; in the latest, {short_day(window.start)}, "
        f"{window.ref} has {newest.value:.3f}{against}."
    )
