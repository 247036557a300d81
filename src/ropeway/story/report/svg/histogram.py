"""Two distributions on one scale: the reference as an area, the current one as a line above it."""

from collections.abc import Sequence

from ropeway.story.report.svg.element import Markup, element, text
from ropeway.story.report.svg.frame import Frame
from ropeway.story.report.svg.scale import Linear, digits

HEIGHT = 130.0


def histograms(
    edges: Sequence[float], reference: Sequence[float], current: Sequence[float], width: float
) -> Markup:
    """Shares of rows by bin.

    Args:
        edges: of the bins, one more than there are shares.
        reference: a share for each bin.
        current: the same.
        width: of the picture.
    """
    frame = Frame(width, HEIGHT, left=8.0, right=8.0, top=8.0, bottom=22.0)
    x = Linear(edges[0], edges[-1], *frame.x)
    y = Linear(0.0, max([*reference, *current, 1e-9]), *frame.y)
    base = frame.y[0]
    before, now = _steps(edges, reference, x, y), _steps(edges, current, x, y)
    ticks = x.ticks(4)
    places = digits(ticks)
    return Markup(
        "".join(
            [
                element(
                    "path",
                    class_="reference",
                    d=f"M{x.start:.1f} {base:.1f}{before}L{x.stop:.1f} {base:.1f}Z",
                ),
                element(
                    "path",
                    class_="current area",
                    d=f"M{x.start:.1f} {base:.1f}{now}L{x.stop:.1f} {base:.1f}Z",
                ),
                element("path", class_="current line", d="M" + now.removeprefix("L")),
                element("line", class_="axis", x1=x.start, x2=x.stop, y1=base, y2=base),
                *(
                    element("text", text(f"{tick:,.{places}f}"), class_="tick middle", x=x(tick), y=base + 15)
                    for tick in ticks
                ),
            ]
        )
    )


def _steps(edges: Sequence[float], shares: Sequence[float], x: Linear, y: Linear) -> str:
    found = []
    for low, high, share in zip(edges, edges[1:], shares, strict=False):
        found.append(f"L{x(low):.1f} {y(share):.1f}L{x(high):.1f} {y(share):.1f}")
    return "".join(found)
