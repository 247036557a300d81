"""The words of our filter language: how a text falls into them, and how an error points at one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from ropeway.tracking.expression import Operator

WINDOW = 60
"""How much of a long filter an error shows on either side of the fault."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a filter, and where it stands."""

    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """As an error names it."""
        return "the end" if self.kind == "end" else f"'{self.text}'"


_QUOTED = r"""`(?:[^`]|``)+`|"(?:[^"]|"")*"|'(?:[^']|'')*'"""
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<keyed>`?[^\W\d]\w*`?\.(?:{_QUOTED}|\w[\w.\-/@:\[\]]*))
    | (?P<date>\d{{4}}-\d{{2}}-\d{{2}}(?:T[\d:.]+(?:Z|[+-]\d{{2}}:\d{{2}})?)?)
    | (?P<span>\d{{1,6}}[smhdw](?!\w))
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<quoted>{_QUOTED})
    | (?P<operator>!=|<>|<=|>=|==|=|<|>)
    | (?P<mark>[(),])
    | (?P<sign>[+-])
    | (?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
OPERATORS: dict[str, Operator] = {each: each for each in get_args(Operator)} | {"==": "=", "<>": "!="}


def scan(text: str) -> Iterator[Token]:
    """The words, and the end; what has no meaning is a token of kind `unknown`, after which there is none."""
    column = 0
    while column < len(text):
        match = _TOKEN.match(text, column)
        if match is None or match.lastgroup is None:
            yield Token("unknown", text[column], column)
            return
        if match.lastgroup != "space":
            yield Token(match.lastgroup, match.group(), column)
        column = match.end()
    yield Token("end", "", column)


def pointed(text: str, column: int) -> str:
    """The filter, or the part around the fault, with a caret below it."""
    start, end = max(0, column - WINDOW), column + WINDOW
    before = "…" if start else ""
    after = "…" if end < len(text) else ""
    line = before + re.sub(r"\s", " ", text[start:end]) + after
    return f"{line}\n{' ' * (column - start + len(before))}^"


def unquoted(text: str) -> str:
    """What stands between quotes; what is not in quotes stays."""
    quote = text[:1]
    return text[1:-1].replace(quote * 2, quote) if quote in ("'", '"', "`") else text
