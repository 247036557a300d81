"""The opening: what is live since when, by whom or which rule, and the three numbers that matter."""

from datetime import datetime

from ropeway.monitoring.records import DeploymentHealth
from ropeway.story.report.records import Place, Release, ReportData
from ropeway.story.report.sections.block import badge, between, count, empty, number, span_words, stamp, tag
from ropeway.story.report.svg.element import Markup, element, join, picture, text
from ropeway.story.report.svg.scale import Linear

METER = (260.0, 22.0)


def opening(data: ReportData, place: Place) -> Markup:
    """One model in one environment, at a glance."""
    live = next((each for each in place.deployments if each.role == "live"), None)
    if place.live is None or live is None:
        return element(
            "header",
            tag("p", f"{place.model} in {place.environment}", "over"),
            tag("h1", "Nothing is live"),
            empty("No version answers here.", f"ropeway model promote {place.model}@NUMBER"),
        )
    return element(
        "header",
        tag("p", f"{place.model} in {place.environment}", "over"),
        element("h1", tag("span", place.live.ref, "ref"), text(" is live")),
        element("p", *_since(place.live, data.at), class_="since"),
        element("p", *_state(live, place), class_="state"),
        element("div", _performance(data, live), _drift(data, place, live), _cost(live), class_="tiles"),
    )


def _since(release: Release, now: datetime) -> list[Markup]:
    days = (now - release.at).days
    long = f" ({count(days, 'day')})" if days else ""
    who = f"by rule: {release.rule}" if release.rule else f"by {release.by}"
    instead = f", in place of {release.replaced}" if release.replaced else ""
    words = [text(f"since {stamp(release.at)}{long}, {who}{instead}")]
    if release.approval:
        words += [element("br"), text(release.approval)]
    if release.says:
        words += [element("br"), tag("span", release.says, "quiet")]
    return words


def _state(live: DeploymentHealth, place: Place) -> list[Markup]:
    found = []
    if live.alerts:
        found.append(badge("bad" if live.alerts[0].severity == "page" else "warn", _open(live)))
    elif live.state == "well":
        found.append(badge("good", "nothing open"))
    else:
        found.append(badge("quiet", live.says or live.state))
    for each in place.deployments:
        if each.role in ("arm", "shadow"):
            share = f"{each.share:.0%} of the traffic" if each.role == "arm" else "shadow"
            share += ", mirrored" if each.is_mirrored else ""
            found.append(badge("active", f"{each.ref}: {share}"))
    return found


def _open(live: DeploymentHealth) -> str:
    rules = ", ".join(dict.fromkeys(alert.rule for alert in live.alerts))
    return f"{count(len(live.alerts), 'alert')} open: {rules}"


def _tile(name: str, figure: str, *below: Markup) -> Markup:
    return element("div", tag("p", name, "over"), tag("p", figure, "figure"), *below, class_="tile")


def _performance(data: ReportData, live: DeploymentHealth) -> Markup:
    measured = live.performance or (live.window.performance if live.window else None)
    if measured is None:
        return _tile(
            data.metric,
            number(None),
            empty("Nobody has said yet what answers should have been.", "ropeway feedback PREDICTION VALUE"),
        )
    bar = live.baseline.bar if live.baseline else data.bar
    known = f"{measured.coverage:.0%} of {count(measured.rows, 'answer')} labelled"
    if measured.value is None:
        span = between(measured.estimated_low, measured.estimated_high)
        words = f"expected ({span}), by the model\u2019s own confidence; {known}"
        return _tile(measured.metric, number(measured.estimated), tag("p", words, "quiet"))
    against = f" \u00b7 bar {bar:g}" if bar is not None else ""
    words = tag("p", f"{between(measured.low, measured.high)}{against}")
    fits = 0 <= measured.value <= 1 and (bar is None or 0 <= bar <= 1)
    drawn = _meter(measured.value, measured.low, measured.high, bar) if fits else Markup("")
    return _tile(measured.metric, number(measured.value), drawn, words, tag("p", known, "quiet"))


def _meter(value: float, low: float | None, high: float | None, bar: float | None) -> Markup:
    width, height = METER
    x = Linear(0.0, 1.0, 0.0, width)
    parts = [
        element("rect", class_="track", x=0, y=8, width=width, height=6, rx=3),
        element("rect", class_="filled", x=0, y=8, width=x(value), height=6, rx=3),
    ]
    if low is not None and high is not None:
        parts.append(element("line", class_="whisker", x1=x(low), x2=x(high), y1=11, y2=11))
    if bar is not None:
        parts.append(element("line", class_="bar-mark", x1=x(bar), x2=x(bar), y1=1, y2=21))
    says = f"{value:.3f} of 1" + ("" if bar is None else f", the bar is {bar:g}")
    return picture(width, height, "The figure against the bar", says, *parts, class_="meter")


def _drift(data: ReportData, place: Place, live: DeploymentHealth) -> Markup:
    line = live.judged
    if line is None or place.compared is None:
        return _tile("drift", number(None), empty("No window has had enough rows to be judged.", ""))
    shown = place.compared.columns
    if not line.drifted:
        furthest = max((each.effect for each in shown), default=0.0)
        words = f"furthest effect {furthest:.2f}; drift from {data.min_effect:g} on"
        return _tile("drift", "none", tag("p", words), tag("p", span_words(line.start, line.end), "quiet"))
    named = ", ".join(f"{each.name} {each.effect:.2f}" for each in shown if each.drifted)
    many = count(len(line.drifted), "column")
    under = f"{span_words(line.start, line.end)}, against what {live.ref} learnt from"
    return _tile("drift", many, tag("p", named), tag("p", under, "quiet"))


def _cost(live: DeploymentHealth) -> Markup:
    measured = live.performance or (live.window.performance if live.window else None)
    if measured is not None and measured.cost is not None:
        span = between(measured.cost_low, measured.cost_high)
        words = join(
            tag("p", span) if span else Markup(""),
            tag("p", "per labelled answer, by the charter\u2019s matrix", "quiet"),
        )
        return _tile("cost", number(measured.cost), words)
    if live.window is None:
        return _tile(
            "answers", "0", empty("No window is over yet.", f"ropeway serve {live.name}@{live.environment}")
        )
    line = live.window
    return _tile(
        "failed",
        f"{line.error_rate:.1%}",
        tag("p", f"{line.errors:,} of {count(line.rows, 'request')} in {span_words(line.start, line.end)}"),
    )
