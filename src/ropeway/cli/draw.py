"""How answers look: tables, trees, facts, badges. Calm: colour only for meaning, and never alone.

Nothing here knows a room. Text is never read as markup, so a tweet with `[brackets]` comes out whole.
On a terminal lines fit its width; in a pipe nothing is cut and nothing is wrapped.
"""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ropeway.cli.plain import plain

INDENT = "  "
MINIMUM_COLUMN = 12
"""A column is not squeezed below this many cells."""
LONG_LINE = 300
"""Beyond so many cells a line is no longer read; `--json` has all of it."""
TERABYTE_STEPS = ("B", "KB", "MB", "GB", "TB")

DASH = "\u2013"
"""Stands for a figure that is not there."""

Cell = str | Text | int | float | datetime | bool | None


class Column(NamedTuple):
    """A column of a table."""

    title: str
    right: bool = False
    grow: bool = False
    """May be cut when the terminal is narrow."""
    rank: int = 0
    """Left out when cutting is not enough, the highest rank first; 0 stays."""


@dataclass(frozen=True, slots=True)
class Node:
    """A branch of a tree: a line, remarks under it, and what hangs below."""

    label: str | Text
    notes: Sequence[str] = ()
    children: Sequence["Node"] = field(default_factory=tuple)


class _Look(NamedTuple):
    symbol: str
    style: str


_GOOD = _Look("✓", "green")
_BAD = _Look("✗", "red")
_WARN = _Look("!", "yellow")
_QUIET = _Look("·", "dim")
_OPEN = _Look("○", "")
_ACTIVE = _Look("●", "cyan")

LOOKS: dict[str, _Look] = {
    "candidate": _OPEN,
    "validated": _Look("◐", "cyan"),
    "approved": _Look("◑", "cyan"),
    "live": _Look("●", "green"),
    "retired": _QUIET,
    "rejected": _BAD,
    "recalled": _BAD,
    "passed": _GOOD,
    "ok": _GOOD,
    "finished": _GOOD,
    "complete": _GOOD,
    "ran": _GOOD,
    "failed": _BAD,
    "refused": _BAD,
    "error": _BAD,
    "broken": _BAD,
    "killed": _BAD,
    "warn": _WARN,
    "warning": _WARN,
    "cached": _Look("=", "dim"),
    "skipped": _QUIET,
    "running": _ACTIVE,
    "open": _OPEN,
    "empty": _OPEN,
}


class Page(Console):
    """A console on standard output that leaves text alone.

    Args:
        says_next: whether an answer ends with the command to type next; not where a tour knows better.
    """

    def __init__(self, *, says_next: bool = True) -> None:
        super().__init__(highlight=False, emoji=False, markup=False, soft_wrap=not sys.stdout.isatty())
        self.says_next = says_next

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is drawn; of texts only what a terminal shows, and nothing that it would obey."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def console(*, says_next: bool = True) -> Page:
    """The console for one command's answer."""
    return Page(says_next=says_next)


def badge(state: str, word: str | None = None) -> Text:
    """A state as symbol and word; the colour says nothing that the word does not.

    Args:
        state: one of `LOOKS`; any other is shown plainly.
        word: shown in place of the state's own name.
    """
    look = LOOKS.get(state, _QUIET)
    return Text(f"{look.symbol} {word or state}", style=look.style)


def title(text: str) -> Text:
    """A word that names a group of things."""
    return Text(text, style="cyan")


def heading(out: Console, text: str) -> None:
    """A title over what follows, with air above."""
    out.print()
    out.print(Text(text, style="bold"))


def facts(out: Console, pairs: Iterable[tuple[str, Cell]]) -> None:
    """Names and values in two aligned columns; values that are None are left out."""
    kept = [(name, _text(value)) for name, value in pairs if value is not None]
    width = max((cell_len(name) for name, _ in kept), default=0)
    for name, value in kept:
        room = max(out.width - width - 2 * len(INDENT), MINIMUM_COLUMN)
        lines = value.wrap(out, room) if out.is_terminal else value.split("\n")
        for index, line in enumerate(lines):
            out.print(
                Text(INDENT) + Text(("" if index else name).ljust(width), style="dim") + Text(INDENT) + line
            )


def table(out: Console, columns: Sequence[Column | str], rows: Iterable[Sequence[Cell]]) -> None:
    """Aligned columns under dim titles.

    Args:
        out: where it is drawn.
        columns: a title alone is a left-aligned column.
        rows: one cell a column; numbers come out with thousands separators, None as a dash.
    """
    heads = [column if isinstance(column, Column) else Column(column) for column in columns]
    body = [[_text(cell) for cell in row] for row in rows]
    widths = [
        max([cell_len(head.title), *(cell.cell_len for cell in cells)])
        for head, cells in zip(heads, _transpose(body, len(heads)), strict=True)
    ]
    kept = _fit(widths, heads, out.width) if out.is_terminal else list(range(len(heads)))

    def pick(cells: Sequence[Text]) -> Text:
        line = _line(
            [cells[index] for index in kept],
            [heads[index] for index in kept],
            [widths[index] for index in kept],
        )
        if out.is_terminal:
            line.truncate(out.width, overflow="ellipsis")
        return line

    out.print(pick([Text(head.title, style="dim") for head in heads]))
    for row in body:
        out.print(pick(row))
    if len(kept) < len(heads):
        missing = ", ".join(
            head.title for index, head in enumerate(heads) if index not in kept and head.title
        )
        out.print(Text(clip(f"{INDENT}too narrow for: {missing}", out.width), style="dim"))


def tree(out: Console, root: Node) -> None:
    """A tree with its remarks; the root stands at the margin."""
    out.print(_text(root.label))
    _notes(out, root.notes, "│  " if root.children else "   ")
    _branches(out, root.children, "")


def next_step(out: Console, *commands: str, why: str = "") -> None:
    """The command to type next, ready to paste.

    Args:
        out: where it is drawn.
        commands: one or several, each on its own line.
        why: what it does, in a few words.
    """
    if not commands or not getattr(out, "says_next", True):
        return
    out.print()
    for index, command in enumerate(commands):
        line = Text("next  " if index == 0 else "      ", style="dim") + Text(command, style="bold")
        if why and index == len(commands) - 1:
            line += Text(f"   {why}", style="dim")
        out.print(line)


def meter(value: float, mark: float | None = None, *, cells: int = 24) -> Text:
    """A number between 0 and 1 as a bar, with a mark where the limit is."""
    filled = round(max(0.0, min(1.0, value)) * cells)
    drawn = Text("█" * filled, style="cyan") + Text("░" * (cells - filled), style="dim")
    if mark is None:
        return drawn
    at = min(cells - 1, round(max(0.0, min(1.0, mark)) * cells))
    return drawn[:at] + Text("│", style="bold") + drawn[at + 1 :]


def number(value: float | None, places: int = 3) -> str:
    """A figure with a fixed number of places; a dash for none."""
    return DASH if value is None else f"{value:,.{places}f}"


def count(many: int, thing: str, plural: str = "") -> str:
    """`1 row`, `4,200 rows`."""
    return f"{many:,} {thing if many == 1 else plural or thing + 's'}"


def when(moment: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def size(many_bytes: int) -> str:
    """Bytes in the unit that fits: `3.4 MB`."""
    value = float(many_bytes)
    for unit in TERABYTE_STEPS:
        if value < 1000 or unit == TERABYTE_STEPS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable: the last unit always returns")


def duration(seconds: float) -> str:
    """Seconds in the unit that fits: `12 ms`, `3.4 s`, `2 min 05 s`, `3 h 10 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clip(text: str, cells: int = 72) -> str:
    """One line of at most so many cells, with an ellipsis where it was cut."""
    line = " ".join(text.split())
    return line if cell_len(line) <= cells else set_cell_size(line, cells - 1).rstrip() + "…"


def clip_line(line: str, cells: int = LONG_LINE) -> str:
    """A line as it is, its indentation too, unless it is very long: a list of a thousand classes, say."""
    return line if cell_len(line) <= cells else set_cell_size(line, cells - 1).rstrip() + "…"


def _text(value: Cell) -> Text:
    match value:
        case Text():
            return value
        case None:
            return Text(DASH, style="dim")
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}")
        case float():
            return Text(number(value))
        case datetime():
            return Text(when(value))
        case _:
            return Text(value)


def _transpose(rows: list[list[Text]], width: int) -> list[list[Text]]:
    return [[row[index] for row in rows] for index in range(width)]


def _fit(widths: list[int], heads: Sequence[Column], available: int) -> list[int]:
    """Make a row fit on one line: cut the growing columns, then leave out by rank; gives what is kept."""
    kept, natural = list(range(len(heads))), list(widths)
    while _squeeze(widths, heads, kept, available) > 0:
        spare = [index for index in kept if heads[index].rank]
        if not spare:
            break
        kept.remove(max(spare, key=lambda index: (heads[index].rank, index)))
        widths[:] = natural
    return kept


def _squeeze(widths: list[int], heads: Sequence[Column], kept: Sequence[int], available: int) -> int:
    """Take what is too much from the growing columns, the widest first; gives what is still too much."""
    over = sum(widths[index] for index in kept) + len(INDENT) * len(kept) - available
    growing = [index for index in kept if heads[index].grow]
    while over > 0 and growing:
        widest = max(growing, key=lambda index: widths[index])
        cut = min(over, widths[widest] - MINIMUM_COLUMN)
        if cut <= 0:
            break
        widths[widest] -= cut
        over -= cut
    return over


def _line(cells: Sequence[Text], heads: Sequence[Column], widths: Sequence[int]) -> Text:
    line = Text(INDENT)
    for index, (cell, head, width) in enumerate(zip(cells, heads, widths, strict=True)):
        fitted = cell.copy()
        if fitted.cell_len > width:
            fitted.truncate(width, overflow="ellipsis")
        pad = " " * (width - fitted.cell_len)
        last = index == len(cells) - 1
        line += Text(pad) + fitted if head.right else fitted + Text("" if last else pad)
        line += Text("" if last else "  ")
    return line


def _branches(out: Console, nodes: Sequence[Node], prefix: str) -> None:
    for index, node in enumerate(nodes):
        last = index == len(nodes) - 1
        out.print(Text(prefix + ("└─ " if last else "├─ "), style="dim") + _text(node.label))
        below = prefix + ("   " if last else "│  ")
        _notes(out, node.notes, below + ("│  " if node.children else "   "))
        _branches(out, node.children, below)


def _notes(out: Console, notes: Sequence[str], prefix: str) -> None:
    """Remarks behind their branch's line, which goes on where a terminal makes them wrap."""
    for note in notes:
        room = max(out.width - cell_len(prefix), MINIMUM_COLUMN)
        lines = textwrap.wrap(note, room) if out.is_terminal else [note]
        for line in lines or [""]:
            out.print(Text(prefix + line, style="dim"))
