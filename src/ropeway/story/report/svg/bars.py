"""Bars: standing over time, lying beside names, to both sides of a middle."""

from collections.abc import Sequence

from ropeway.story.report.svg.element import Markup, element, text, title_of
from ropeway.story.report.svg.scale import Linear

ROW = 21.0
"""The height of a lying bar's row."""
NAME_SIGNS = 18
"""Longer names are cut; the whole one stands in the row's title."""


def standing(
    bars: Sequence[tuple[float, float, float]], base: float, *, class_: str = "bar", says: Sequence[str] = ()
) -> list[Markup]:
    """Bars from `base` up, each from `x0` to `x1` up to `y`."""
    found = []
    for index, (x0, x1, y) in enumerate(bars):
        gap = min(1.0, (x1 - x0) * 0.12)
        told = [title_of(says[index])] if says else []
        width, height = max(x1 - x0 - 2 * gap, 0.5), max(base - y, 0.0)
        found.append(element("rect", *told, class_=class_, x=x0 + gap, y=y, width=width, height=height))
    return found


def pairs(
    labels: Sequence[str], reference: Sequence[float], current: Sequence[float], width: float
) -> tuple[Markup, float]:
    """Two lying bars for each name, reference over current, with their shares; and how high it came out."""
    left, right = 118.0, width - 46.0
    scale = Linear(0.0, max([*reference, *current, 1e-9]), left, right)
    rows = []
    for index, (label, before, now) in enumerate(zip(labels, reference, current, strict=True)):
        y = index * (ROW + 5)
        rows += [
            element("text", title_of(label), text(cut(label)), class_="name end", x=left - 8, y=y + 14),
            element("rect", class_="reference", x=left, y=y + 1, width=scale(before) - left, height=8),
            element("rect", class_="current", x=left, y=y + 10, width=scale(now) - left, height=8),
            element("text", text(f"{before:.0%}"), class_="tiny quiet", x=scale(before) + 5, y=y + 8.5),
            element("text", text(f"{now:.0%}"), class_="tiny", x=scale(now) + 5, y=y + 18),
        ]
    return Markup("".join(rows)), len(labels) * (ROW + 5)


def diverging(rows: Sequence[tuple[str, float, str]], width: float, *, limit: float) -> tuple[Markup, float]:
    """A bar for each name to the left or the right of the middle, with a remark; and how high it came out.

    Args:
        rows: name, value, remark.
        width: of the picture.
        limit: the value at either end.
    """
    middle = width / 2
    reach = middle - 78.0
    found = [element("line", class_="axis", x1=middle, x2=middle, y1=0, y2=len(rows) * ROW)]
    for index, (name, value, remark) in enumerate(rows):
        y = index * ROW
        length = min(1.0, abs(value) / max(limit, 1e-9)) * reach
        is_more = value > 0
        x = middle if is_more else middle - length
        kind = "current" if is_more else "reference"
        side, other = ("end", middle - 8) if is_more else ("start", middle + 8)
        end = x + length + 6 if is_more else x - 6
        found += [
            element("rect", class_=kind, x=x, y=y + 4, width=max(length, 1.0), height=13, rx=1.5),
            element("text", title_of(name), text(cut(name)), class_=f"name {side}", x=other, y=y + 15),
            element(
                "text", text(remark), class_=f"tiny quiet {'start' if is_more else 'end'}", x=end, y=y + 15
            ),
        ]
    return Markup("".join(found)), len(rows) * ROW


def cut(name: str, signs: int = NAME_SIGNS) -> str:
    """A name that fits beside a bar, cut in the middle: what tells names apart often stands last."""
    if len(name) <= signs:
        return name
    end = (signs - 1) // 2
    return f"{name[: signs - 1 - end]}\u2026{name[len(name) - end :]}"
