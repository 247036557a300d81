"""The frame of a picture: its margins, its grid, its axes, and lines that stand for limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from ropeway.story.report.svg.element import Markup, element, text
from ropeway.story.report.svg.scale import Linear, Log, Time, digits


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the drawing lies within the picture."""

    width: float
    height: float
    left: float = 44.0
    right: float = 12.0
    top: float = 14.0
    bottom: float = 24.0

    @property
    def x(self) -> tuple[float, float]:
        """From left to right."""
        return self.left, self.width - self.right

    @property
    def y(self) -> tuple[float, float]:
        """From the bottom up."""
        return self.height - self.bottom, self.top


def grid(frame: Frame, scale: Linear | Log, ticks: Sequence[float] = (), *, shown: str = "") -> list[Markup]:
    """Horizontal lines with their values at the left.

    Args:
        frame: where.
        scale: of the values.
        ticks: which; those of the scale when none are given.
        shown: a format such as `.0%`; as many places as tell them apart when empty.
    """
    at = list(ticks) or scale.ticks()
    form = shown or (f",.{digits(at)}f" if isinstance(scale, Linear) else "")
    left, right = frame.x
    found = []
    for value in at:
        y = scale(value)
        label = format(value, form).replace("-", MINUS) if form else power(value)
        found.append(element("line", class_="grid", x1=left, x2=right, y1=y, y2=y))
        found.append(element("text", text(label), class_="tick end", x=left - 7, y=y + 4))
    return found


def time_axis(frame: Frame, scale: Time, *, most: int = 8) -> list[Markup]:
    """Moments along the bottom, in UTC."""
    bottom, _ = frame.y
    found = [element("line", class_="axis", x1=frame.x[0], x2=frame.x[1], y1=bottom, y2=bottom)]
    for moment, label in scale.ticks(most):
        x = scale(moment)
        found.append(element("line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 4))
        found.append(element("text", text(label), class_="tick middle", x=x, y=bottom + 17))
    return found


def count_axis(frame: Frame, scale: Linear, name: str) -> list[Markup]:
    """Whole numbers along the bottom, and what they count."""
    bottom, _ = frame.y
    found = [element("line", class_="axis", x1=frame.x[0], x2=frame.x[1], y1=bottom, y2=bottom)]
    for value in scale.ticks(5):
        if value == int(value):
            label = f"{value:,.0f}"
            found.append(element("text", text(label), class_="tick middle", x=scale(value), y=bottom + 16))
    found.append(element("text", text(name), class_="tick end", x=frame.x[1], y=bottom + 30))
    return found


def limit(
    frame: Frame, y: float, label: str, *, class_: str = "limit", above: bool = True, at_start: bool = False
) -> list[Markup]:
    """A dashed line that something is held against, with its name at the right, or the left `at_start`."""
    left, right = frame.x
    place = y - 5 if above else y + 13
    side, x = ("start", left + 5) if at_start else ("end", right)
    return [
        element("line", class_=class_, x1=left, x2=right, y1=y, y2=y),
        element("text", text(label), class_=f"note {side} {class_}-word", x=x, y=place),
    ]


MINUS = "\u2212"


def power(value: float) -> str:
    """A power of ten as people write it: `0.01`, `1`, `100`, `10⁶`."""
    if 0.001 <= value <= 1000:
        return f"{value:g}"
    exponent = f"{value:.0e}".partition("e")[2]
    sign = "\u207b" if exponent.startswith("-") else ""
    return "10" + sign + exponent.lstrip("+-0").translate(_RAISED)


_RAISED = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
