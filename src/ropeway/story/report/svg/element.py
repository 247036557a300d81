"""Elements of SVG and HTML as text. Everything that comes in as a value is escaped here, and nowhere else."""

from html import escape


class Markup(str):
    """Text that is markup already: made by `element` or `text`, never from a value."""

    __slots__ = ()


Value = str | int | float | None

_VOID = frozenset({"meta", "br", "rect", "line", "path", "circle", "polyline", "polygon"})


def text(value: object) -> Markup:
    """A value as text: whatever it holds, it is read and not obeyed."""
    return Markup(escape(_printable(str(value)), quote=True))


def element(name: str, /, *children: str, **attributes: Value) -> Markup:
    """An element with its children.

    Args:
        name: of the element.
        children: markup as it is; any other text is escaped.
        attributes: `class_` is `class`, `stroke_width` is `stroke-width`; None is left out; figures come out
            with a tenth of a pixel.

    Example:
        >>> element("text", text("a < b"), class_="tick", x=1.25, y=None)
        '<text class="tick" x="1.2">a &lt; b</text>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{given}>" if name in ("meta", "br") else f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{''.join(map(markup, children))}</{name}>")


def markup(value: str) -> Markup:
    """Markup as it is, anything else escaped."""
    return value if isinstance(value, Markup) else text(value)


def join(*parts: Markup | list[Markup]) -> Markup:
    """Markup one after the other."""
    return Markup(
        "".join(markup(one) for part in parts for one in ([part] if isinstance(part, str) else part))
    )


def picture(
    width: float, height: float, title: str, says: str, *children: Markup, class_: str = ""
) -> Markup:
    """A picture that scales to its place; who cannot see it is told `title` and `says`."""
    return element(
        "svg",
        element("title", text(title)),
        element("desc", text(says)),
        *children,
        class_=class_ or None,
        viewBox=f"0 0 {_shown(width)} {_shown(height)}",
        role="img",
        aria_label=f"{title}. {says}",
    )


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return str(value)


def _printable(value: str) -> str:
    """Without control characters, which no markup may hold."""
    return "".join(sign if sign >= " " or sign in "\n\t" else "\ufffd" for sign in value)


def title_of(says: str) -> Markup:
    """What a part of a picture tells who points at it."""
    return element("title", text(says))
