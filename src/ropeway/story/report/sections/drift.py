"""Drift: every column over the windows as a strip, and the columns that moved furthest, drawn."""

from collections.abc import Sequence

from ropeway.stats.drift.report import ColumnDrift
from ropeway.stats.drift.tokens import TellingToken
from ropeway.story.report.records import Compared, Place, ReportData, Strip
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
    tag,
    version_class,
)
from ropeway.story.report.svg.bars import diverging, pairs
from ropeway.story.report.svg.element import Markup, element, picture, text
from ropeway.story.report.svg.histogram import HEIGHT, histograms
from ropeway.story.report.svg.strip import Row, strip

MOST_LABELS = 8
MOST_TOKENS = 14
LEAST_TOP = 0.3
"""The deepest colour stands for at least this effect: a quiet season does not look like a storm."""


def drift(data: ReportData, place: Place) -> Markup:
    """The section."""
    if place.strip is None:
        missing = "No window has been judged yet: it takes enough rows and a profile of what was learnt from."
        return section("Drift", missing, empty("", "ropeway monitor"))
    lead = (
        "How far each column lies from what the answering version learnt from: Jensen\u2013Shannon distance, "
        "0 to 1. A dot marks drift: certain after correction for the number of columns, and at least "
        f"{data.min_effect:g}."
    )
    parts = [figure("", both(lambda width: _strip(data, place.strip, width)), _strip_key(data, place.strip))]
    if place.compared is not None:
        parts += _compared(place.compared)
    return section("Drift", lead, *parts)


def _strip_key(data: ReportData, found: Strip) -> Markup:
    versions = [(f"line {version_class(ref)}", ref) for ref in dict.fromkeys(found.refs)]
    return key(("h0", "0"), ("h3", ""), ("h7", f"{_top(data, found):.2f}"), ("marked", "drifted"), *versions)


def _top(data: ReportData, found: Strip) -> float:
    effects = [each for row in found.rows for each in row.effects if each is not None]
    return max([*effects, 3 * data.min_effect, LEAST_TOP])


def _strip(data: ReportData, found: Strip | None, width: float) -> Markup:
    assert found is not None, "asked only where there is one"
    is_narrow = width == NARROW
    rows = [
        Row(
            name=row.column,
            values=row.effects,
            marks=row.drifted,
            says=[
                f"{row.column}, {span_words(found.starts[at], found.ends[at])}, {found.refs[at]}: "
                + ("not judged" if effect is None else f"{effect:.3f}")
                for at, effect in enumerate(row.effects)
            ],
        )
        for row in found.rows
    ]
    drawn, height = strip(
        rows,
        [version_class(ref) for ref in found.refs],
        strip_labels(found.starts, found.ends, width),
        width=width,
        top=_top(data, found),
        name_width=88.0 if is_narrow else 185.0,
    )
    return picture(width, height, "Drift of each column over the windows", _strip_says(found), drawn)


def _strip_says(found: Strip) -> str:
    moved = [row.column for row in found.rows if any(row.drifted)]
    many = count(len(found.starts), "window")
    return f"{many}; drifted at some time: {', '.join(moved)}." if moved else f"{many}; no column drifted."


def _compared(found: Compared) -> list[Markup]:
    head = element(
        "div",
        tag("h3", f"{span_words(found.start, found.end)} beside what {found.ref} learnt from"),
        key(
            ("reference", f"learnt from, {count(found.reference_rows, 'row')}"),
            ("current", f"in production, {count(found.current_rows, 'row')}"),
        ),
        class_="between",
    )
    cards = [_card(column, found.tokens.get(column.name, [])) for column in found.columns]
    return [head, element("div", *cards, class_="cards")]


def _card(column: ColumnDrift, tokens: Sequence[TellingToken]) -> Markup:
    verdict = f"drifted, {column.effect:.2f}" if column.drifted else f"{column.effect:.2f}"
    head = element(
        "h4",
        tag("span", column.name),
        tag("span", ("! " if column.drifted else "") + verdict, "warn" if column.drifted else "quiet"),
    )
    drawn = _tokens(column, tokens) if tokens else _shapes(column)
    return element("figure", head, tag("p", column.says, "quiet"), drawn, class_="card")


def _shapes(column: ColumnDrift) -> Markup:
    before, now = column.reference, column.current
    title = f"{column.name}: learnt from, and in production"
    if before.edges and len(before.edges) == len(before.shares) + 1 == len(now.shares) + 1:
        drawn = histograms(before.edges, before.shares, now.shares, HALF)
        return picture(HALF, HEIGHT, title, column.says, drawn)
    if before.labels and len(before.labels) == len(before.shares) == len(now.shares):
        most = slice(0, MOST_LABELS)
        drawn, height = pairs(before.labels[most], before.shares[most], now.shares[most], HALF)
        return picture(HALF, height, title, column.says, drawn)
    return empty("There is nothing to draw of it.", "")


def _tokens(column: ColumnDrift, tokens: Sequence[TellingToken]) -> Markup:
    """The words that tell production from what was learnt: to the right there are more of them now."""
    ordered = sorted(tokens[:MOST_TOKENS], key=lambda each: -each.z)
    rows = [
        (each.token, each.z, f"{each.reference_share:.0%} \u2192 {each.current_share:.0%}")
        for each in ordered
    ]
    drawn, height = diverging(rows, HALF, limit=max(abs(each.z) for each in ordered))
    head = [
        element("text", text("\u2190 fewer texts have it"), class_="note end", x=HALF / 2 - 8, y=12),
        element("text", text("more texts have it \u2192"), class_="note start", x=HALF / 2 + 8, y=12),
    ]
    body = element("g", drawn, transform="translate(0 20)")
    says = "; ".join(f"{name}: {remark}" for name, _, remark in rows)
    return picture(HALF, height + 22, f"Telling words of {column.name}", says, *head, body)
