"""The report as one self-contained page: no link out, no script, nothing to load.

A pure function of its data.

The policy in its head forbids everything but its own style and pictures; texts of users are escaped where
they enter the markup (`svg.element.text`).
"""

from functools import cache
from importlib.resources import files

from ropeway.story.report.records import Place, ReportData
from ropeway.story.report.sections.alerts import alerts
from ropeway.story.report.sections.block import empty, stamp, tag
from ropeway.story.report.sections.drift import drift
from ropeway.story.report.sections.opening import opening
from ropeway.story.report.sections.performance import performance
from ropeway.story.report.sections.retrainings import retrainings
from ropeway.story.report.sections.rollouts import rollouts
from ropeway.story.report.sections.traffic import quality, traffic
from ropeway.story.report.svg.element import Markup, element, text

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(data: ReportData) -> str:
    """The whole page."""
    places = [_place(data, place) for place in data.places] or [_nothing(data)]
    # What is of no single environment stands once, behind them.
    shared = [rollouts(data), alerts(data), retrainings(data)] if data.places else []
    body = element("body", element("main", _banner(data), *places, *shared, _foot(data)))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        tag("title", f"{data.project}: production on {stamp(data.at)}"),
        element("style", Markup(style())),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


@cache
def style() -> str:
    """The page's style."""
    return files("ropeway.story.report").joinpath("style.css").read_text(encoding="utf-8")


def _banner(data: ReportData) -> Markup:
    return element("p", tag("b", data.project), text(f"production on {stamp(data.at)}"), class_="banner")


def _place(data: ReportData, place: Place) -> Markup:
    return element(
        "div",
        opening(data, place),
        performance(data, place),
        drift(data, place),
        quality(place),
        traffic(place),
        class_="place",
    )


def _nothing(data: ReportData) -> Markup:
    return element(
        "header",
        tag("h1", "Nothing is live yet"),
        empty("There is no production to report on. What is missing:", "ropeway status"),
        tag("p", f"project {data.project}", "quiet"),
    )


def _foot(data: ReportData) -> Markup:
    words = (
        f"Windows of {data.window}, in UTC. Every figure comes from the project\u2019s ledger as of "
        f"{stamp(data.at)}; the same ledger draws the same page. Made by ropeway monitor report."
    )
    return tag("footer", words)
