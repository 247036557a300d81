"""Alerts over time: when each was raised and resolved, and what it said."""

from collections.abc import Sequence
from datetime import timedelta

from ropeway.monitoring.records import Alert
from ropeway.story.report.records import ReportData
from ropeway.story.report.sections.block import (
    NARROW,
    badge,
    both,
    empty,
    figure,
    key,
    section,
    short_day,
    stamp,
    table,
)
from ropeway.story.report.svg.element import Markup, element, join, picture, text, title_of
from ropeway.story.report.svg.frame import Frame, time_axis
from ropeway.story.report.svg.scale import Time

ROW = 26.0
MOST_DRAWN = 14


KEY = key(
    ("seen", "the windows it was found in"),
    ("alert warn", "open, to look at"),
    ("alert page", "open, at once"),
    ("alert over", "over"),
)


def alerts(data: ReportData) -> Markup:
    """The section."""
    if not data.alerts:
        return section("Alerts", "None was ever raised. Rules stand under [alerts] in ropeway.toml.")
    still = sum(alert.is_open for alert in data.alerts)
    lead = f"{still} open, {len(data.alerts) - still} over."
    shown = list(reversed(data.alerts[:MOST_DRAWN]))
    return section(
        "Alerts", lead, figure("", both(lambda width: _timeline(data, shown, width)), KEY), _list(data.alerts)
    )


def _timeline(data: ReportData, shown: Sequence[Alert], width: float) -> Markup:
    is_narrow = width == NARROW
    height = len(shown) * ROW + 34
    frame = Frame(width, height, left=104.0 if is_narrow else 210.0, right=14.0, top=4.0, bottom=26.0)
    low = min(alert.start for alert in shown)
    x = Time(low, max(data.at, low + timedelta(hours=1)), *frame.x)
    parts = [*time_axis(frame, x, most=4 if is_narrow else 9)]
    for index, alert in enumerate(shown):
        y = 4 + index * ROW
        start, end = x(alert.raised_at), x(alert.resolved_at or data.at)
        kind = f"{'page' if alert.severity == 'page' else 'warn'} {'open' if alert.is_open else 'over'}"
        name = alert.rule if is_narrow else f"{alert.rule} \u00b7 {alert.model}"
        until = "open" if alert.resolved_at is None else f"resolved {short_day(alert.resolved_at)}"
        told = title_of(
            f"{alert.rule} of {alert.model}, raised {short_day(alert.raised_at)}, {until}: {alert.says}"
        )
        seen = element(
            "rect",
            class_="seen",
            x=x(alert.start),
            y=y + 10,
            width=max(x(alert.end) - x(alert.start), 1.5),
            height=4,
        )
        bar = element(
            "rect", class_=f"alert {kind}", x=start, y=y + 4, width=max(end - start, 5.0), height=16, rx=3
        )
        parts += [
            element("text", text(name), class_="name end", x=frame.left - 10, y=y + 16),
            element("g", told, seen, bar),
        ]
    says = f"{len(shown)} alerts, {sum(alert.is_open for alert in shown)} of them open."
    return picture(width, height, "Alerts over time", says, *parts)


def _list(alerts: Sequence[Alert]) -> Markup:
    rows = []
    for alert in alerts:
        state = (
            badge("bad" if alert.severity == "page" else "warn", "open")
            if alert.resolved_at is None
            else badge("good", f"over {short_day(alert.resolved_at)}")
        )
        next_step = (
            element("code", text(alert.next_step)) if alert.is_open and alert.next_step else Markup("")
        )
        resolution = text(f" \u2013 {alert.resolution}") if alert.resolution else Markup("")
        words = element("span", text(alert.says), resolution, text(" "), next_step)
        rows.append(
            [alert.rule, f"{alert.model} in {alert.environment}", stamp(alert.raised_at), state, words]
        )
    if not rows:
        return empty("None was ever raised.", "")
    return join(table(["rule", "version", "raised", "", "what was found"], rows))
