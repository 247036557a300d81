"""What sections are built of: headings, figures in two widths, keys, empty states, times in words."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ropeway.story.report.svg.element import Markup, Value, element, join, text

WIDE, NARROW = 1040.0, 358.0
"""Pictures over the whole page are drawn twice: for a desk and for a phone. The style shows one."""
HALF = 430.0
"""The width of a picture that stands beside another one."""
VERSION_COLOURS = 6


def section(title: str, lead: str, *content: Markup) -> Markup:
    """A section with its heading and a sentence that says what is to be seen."""
    return element("section", element("h2", text(title)), element("p", lead, class_="lead"), *content)


def figure(caption: str, drawing: Markup, *below: Markup, class_: str = "") -> Markup:
    """A picture under its title."""
    head = element("h3", text(caption)) if caption else Markup("")
    return element("figure", head, drawing, *below, class_=class_ or None)


def both(draw: Callable[[float], Markup]) -> Markup:
    """A picture over the whole width, drawn for a desk and for a phone."""
    return join(
        element("div", draw(WIDE), class_="wide"),
        element("div", draw(NARROW), class_="narrow"),
    )


def key(*entries: tuple[str, str]) -> Markup:
    """What lines and colours mean: (class of the sign, words) each."""
    return element(
        "p",
        *(
            element("span", element("i", class_=f"sign {sign}"), text(words), class_="entry")
            for sign, words in entries
        ),
        class_="key",
    )


def empty(missing: str, command: str) -> Markup:
    """What is not there yet, and the command that brings it."""
    words = [text(missing)]
    if command:
        words += [text(" "), element("code", text(command))]
    return element("p", *words, class_="empty")


def paragraph(words: str, class_: str = "") -> Markup:
    """Words of somebody: never read as markup."""
    return element("p", text(words), class_=class_ or None)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> Markup:
    """A plain table; it scrolls by itself where it is wider than the page."""

    def cells(name: str, values: Sequence[str]) -> Markup:
        return element(
            "tr",
            *(
                element(name, value, class_="right" if at in right else None)
                for at, value in enumerate(values)
            ),
        )

    head = element("thead", cells("th", heads))
    body = element("tbody", *(cells("td", row) for row in rows))
    return element("div", element("table", head, body), class_="scroll")


def badge(kind: str, words: str) -> Markup:
    """A state as sign and word: colour says nothing alone."""
    signs = {"good": "\u2713", "bad": "\u2717", "warn": "!", "quiet": "\u00b7", "active": "\u25cf"}
    return element("span", text(f"{signs[kind]} {words}"), class_=f"badge {kind}")


def tag(name: str, words: Value, class_: str = "") -> Markup:
    """An element with nothing but words in it."""
    return element(name, text(words), class_=class_ or None)


def version_class(ref: str) -> str:
    """The colour of a version, the same in every picture."""
    number = ref.rpartition("@")[2]
    return f"v{(int(number) - 1) % VERSION_COLOURS}" if number.isdigit() else "v0"


def stamp(moment: datetime) -> str:
    """A moment to the minute: `20 May 2026, 08:00 UTC`."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def short_day(moment: datetime) -> str:
    """A day: `20 May`."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b}"


def span_words(start: datetime, end: datetime) -> str:
    """A window: `20 May`, or with hours where it is no whole day."""
    if (end - start).total_seconds() % 86_400:
        return f"{short_day(start)} {start:%H:%M} to {end:%H:%M} UTC"
    return short_day(start) if (end - start).days == 1 else f"{short_day(start)} to {short_day(end)}"


def strip_labels(starts: Sequence[datetime], ends: Sequence[datetime], width: float) -> list[tuple[int, str]]:
    """Which cells of a strip are named, and how: so many as there is room for."""
    has_hours = any((end - start).total_seconds() % 86_400 for start, end in zip(starts, ends, strict=True))
    most = (2 if has_hours else 4) if width == NARROW else (8 if has_hours else 12)
    every = max(1, -(-len(starts) // most))
    named = [(at, start) for at, start in enumerate(starts) if at % every == 0]
    return [(at, short_day(start) + (f" {start:%H:%M}" if has_hours else "")) for at, start in named]


def number(value: float | None, places: int = 3) -> str:
    """A figure; a dash for none."""
    return "\u2013" if value is None else f"{value:,.{places}f}"


def between(low: float | None, high: float | None, places: int = 3) -> str:
    """An interval in words; empty where there is none."""
    return "" if low is None or high is None else f"{low:,.{places}f} to {high:,.{places}f}"


def count(many: int, thing: str, plural: str = "") -> str:
    """`1 row`, `4,200 rows`."""
    return f"{many:,} {thing if many == 1 else plural or thing + 's'}"
