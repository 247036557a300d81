"""A little HTML for notebooks: escaped, with nothing from outside, readable on light and on dark.

Styles stand at the elements, since a notebook that is not trusted drops style sheets; colours are shares of
the text's own.
"""

from collections.abc import Iterable, Sequence
from html import escape

LINE = "1px solid rgba(128,128,128,.35)"
CELL = "padding:2px 12px 2px 0;vertical-align:top;border:0;background:none"
TABLE = "border-collapse:collapse;margin:0;font-size:inherit;color:inherit"
MUTED = "opacity:.65"
MOST_ROWS = 100
"""More rows than this are counted, not shown."""
MOST_CHARACTERS = 200


def titled(title: str, *parts: str) -> str:
    """Parts under a title."""
    head = f'<div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>'
    return f'<div style="font-size:13px;line-height:1.45">{head}{"".join(parts)}</div>'


def section(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values under a heading; nothing where there are none."""
    rows = "".join(
        f'<tr style="background:none"><td style="{CELL};{MUTED};text-align:left">{_text(name)}</td>'
        f'<td style="{CELL};text-align:left">{_text(value)}</td></tr>'
        for name, value in [pair for pair in pairs if pair[1] is not None][:MOST_ROWS]
    )
    if not rows:
        return ""
    head = f'<div style="{MUTED};margin-top:6px">{escape(title)}</div>' if title else ""
    return f'{head}<table style="{TABLE}">{rows}</table>'


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table with a line under its head; numbers stand to the right."""
    top = "".join(
        f'<th style="{CELL};border-bottom:{LINE};text-align:left;font-weight:600">{_text(head)}</th>'
        for head in heads
    )
    body = "".join(
        f'<tr style="background:none">{"".join(_cell(value) for value in row)}</tr>'
        for row in rows[:MOST_ROWS]
    )
    more = f'<div style="{MUTED}">and {len(rows) - MOST_ROWS:,} more</div>' if len(rows) > MOST_ROWS else ""
    head = f"<thead><tr>{top}</tr></thead>"
    return f'<table style="{TABLE}">{head}<tbody>{body}</tbody></table>{more}'


def _cell(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    side = "right;font-variant-numeric:tabular-nums" if is_number else "left"
    return f'<td style="{CELL};text-align:{side}">{_text(value)}</td>'


def _text(value: object) -> str:
    """A value on one line, clipped, with no character that could be markup."""
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    clipped = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
    return escape(clipped)
