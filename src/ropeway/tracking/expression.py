"""What a filter says, as a small tree; and what it means, told over one thing at a time.

The languages that make such trees are in `tracking.filter` (ours) and `tracking.mlflow_filter`; what a tree
means to the database is in `tracking.conditions`.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Family = Literal["metrics", "params", "tags", "attribute", "dataset"]
Value = float | str | bool


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared or sorted by: `metrics.loss`, `params.c`, `tags.team`, `status`, `dataset.name`."""

    family: Family
    key: str

    def __str__(self) -> str:
        return self.key if self.family == "attribute" else f"{self.family}.{self.key}"

    @property
    def is_free(self) -> bool:
        """True when it may hold a number or text, as the user chose."""
        return self.family in ("params", "tags")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value. What is not there compares as false; NaN differs from every number."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Like:
    """Text against a pattern: `%` for any run of characters, `_` for one.

    With `is_any_case`, upper and lower case of ASCII letters are alike.
    """

    field: Field
    pattern: str
    is_any_case: bool = False


@dataclass(frozen=True, slots=True)
class In:
    """One field against several values; negated: it is there and is none of them."""

    field: Field
    values: tuple[Value, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """The field is not there."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of them; none is true."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Expression", ...]


Leaf = Comparison | Like | In | Missing
Expression = Leaf | Not | And | Or

_OPERATORS: dict[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def leaves(expression: Expression) -> Iterator[Leaf]:
    """The comparisons in it, from left to right."""
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield expression


def mapped(expression: Expression, change: Callable[[Leaf], Expression]) -> Expression:
    """The same tree with each comparison changed."""
    match expression:
        case And(parts):
            return And(tuple(mapped(part, change) for part in parts))
        case Or(parts):
            return Or(tuple(mapped(part, change) for part in parts))
        case Not(part):
            return Not(mapped(part, change))
    return change(expression)


def holds(expression: Expression, values_of: Callable[[Field], Iterable[Value]]) -> bool:
    """Whether a thing passes: for what is few enough to look at one by one.

    Args:
        expression: the filter.
        values_of: what the thing has in a field: nothing, one value, or several where a field has several.

    Example:
        >>> holds(Comparison(Field("tags", "team"), "=", "search"), lambda field: ["search"])
        True
    """
    match expression:
        case And(parts):
            return all(holds(part, values_of) for part in parts)
        case Or(parts):
            return any(holds(part, values_of) for part in parts)
        case Not(part):
            return not holds(part, values_of)
        case Missing(field):
            return not list(values_of(field))
    return any(_passes(expression, value) for value in values_of(expression.field))


def _passes(leaf: Comparison | Like | In, value: Value) -> bool:
    match leaf:
        case Comparison(_, sign, wanted):
            is_alike = isinstance(value, str) == isinstance(wanted, str)
            return _OPERATORS[sign](value, wanted) if is_alike else sign == "!="
        case In(_, values, is_negated):
            return (value in values) != is_negated
        case Like(_, pattern, is_any_case):
            return pattern_of(pattern, is_any_case=is_any_case).fits(str(value))


class TextPattern:
    """A pattern of LIKE, held against texts in time that grows with them and not with what `%` may stand for.

    Between two `%` a piece is looked for once, where it first is: whatever else is found is behind it.
    """

    def __init__(self, pattern: str, *, is_any_case: bool) -> None:
        # ASCII: the databases know no other letters' cases.
        flags = re.DOTALL | (re.IGNORECASE | re.ASCII if is_any_case else 0)
        pieces = pattern.split("%")
        self._last_length = len(pieces[-1])
        self._first, *rest = (
            re.compile("".join("." if each == "_" else re.escape(each) for each in piece), flags)
            for number, piece in enumerate(pieces)
            if piece or number in (0, len(pieces) - 1)
        )
        self._middle, self._last = rest[:-1], rest[-1] if rest else None

    def fits(self, text: str) -> bool:
        """Whether it is the whole of a text."""
        if self._last is None:
            return self._first.fullmatch(text) is not None
        found = self._first.match(text)
        for piece in self._middle:
            found = None if found is None else piece.search(text, found.end())
        end = len(text) - self._last_length
        return found is not None and end >= found.end() and self._last.match(text, end) is not None


@lru_cache(maxsize=64)
def pattern_of(pattern: str, *, is_any_case: bool) -> TextPattern:
    """A pattern of LIKE, made once."""
    return TextPattern(pattern, is_any_case=is_any_case)
