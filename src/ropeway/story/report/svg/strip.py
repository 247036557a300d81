"""A heat strip: a row for each thing, a cell for each window.

Deeper is further; a dot says that it is over the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ropeway.story.report.svg.bars import cut
from ropeway.story.report.svg.element import Markup, element, text, title_of

CELL = 22.0
HEAD = 10.0
LEVELS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """A name, a value for each cell (None where there is none), and which cells are marked."""

    name: str
    values: Sequence[float | None]
    marks: Sequence[bool]
    says: Sequence[str] = field(default_factory=tuple)


def strip(
    rows: Sequence[Row],
    heads: Sequence[str],
    labels: Sequence[tuple[int, str]],
    *,
    width: float,
    top: float,
    name_width: float,
) -> tuple[Markup, float]:
    """The strip, and how high it came out.

    Args:
        rows: from top to bottom.
        heads: the class of each cell's head, which says whose it is.
        labels: which cells are named under the strip, and how.
        width: of the picture.
        top: the value of the deepest colour.
        name_width: how much room names have.
    """
    many = max(len(heads), 1)
    size = (width - name_width - 2) / many
    found = [
        element("rect", class_=f"head {head}", x=name_width + at * size, y=0, width=size + 0.3, height=4)
        for at, head in enumerate(heads)
    ]
    for index, row in enumerate(rows):
        y = HEAD + index * (CELL + 2)
        shown = cut(row.name, max(6, int(name_width / 7.2)))
        found.append(
            element("text", title_of(row.name), text(shown), class_="name end", x=name_width - 10, y=y + 15)
        )
        for at, value in enumerate(row.values):
            found += _cell(row, at, value, name_width + at * size, y, size, top)
    bottom = HEAD + len(rows) * (CELL + 2)
    for at, label in labels:
        x = name_width + (at + 0.5) * size
        found.append(element("text", text(label), class_="tick middle", x=x, y=bottom + 13))
    return Markup("".join(found)), bottom + 20


def _cell(
    row: Row, at: int, value: float | None, x: float, y: float, size: float, top: float
) -> list[Markup]:
    gap = 1.0 if size > 6 else 0.3
    told = [title_of(row.says[at])] if row.says else []
    kind = "none" if value is None else f"h{level(value, top)}"
    cells = [
        element(
            "rect", *told, class_=f"cell {kind}", x=x + gap / 2, y=y, width=max(size - gap, 0.6), height=CELL
        )
    ]
    if row.marks[at]:
        cells.append(element("circle", class_="mark", cx=x + size / 2, cy=y + CELL / 2, r=min(3.0, size / 4)))
    return cells


def level(value: float, top: float) -> int:
    """Which of the colours, 0 to `LEVELS`."""
    return max(0, min(LEVELS, round(value / max(top, 1e-9) * LEVELS)))
