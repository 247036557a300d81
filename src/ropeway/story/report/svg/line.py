"""Lines with bands: a figure that moves, and how sure one is of it."""

from collections.abc import Sequence

from ropeway.story.report.svg.element import Markup, element

Point = tuple[float, float]
Span = tuple[float, float, float]
"""Where, from where, up to where."""


def line(points: Sequence[Point], *, class_: str = "line") -> Markup:
    """A line through points, from left to right."""
    return element("path", class_=class_, d=_through(points)) if len(points) > 1 else Markup("")


def band(spans: Sequence[Span], *, class_: str = "band") -> Markup:
    """The area between a lower and an upper bound."""
    if len(spans) < 2:
        return Markup("")
    upper = [(x, high) for x, _, high in spans]
    lower = [(x, low) for x, low, _ in reversed(spans)]
    return element("path", class_=class_, d=_through([*upper, *lower]) + "Z")


def whiskers(spans: Sequence[Span], *, class_: str = "whisker") -> list[Markup]:
    """Bounds of single points, which make no band."""
    return [element("line", class_=class_, x1=x, x2=x, y1=low, y2=high) for x, low, high in spans]


def dots(points: Sequence[Point], *, class_: str = "dot", radius: float = 2.6) -> list[Markup]:
    """A dot for each point."""
    return [element("circle", class_=class_, cx=x, cy=y, r=radius) for x, y in points]


def _through(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
