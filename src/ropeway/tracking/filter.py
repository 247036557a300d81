"""The language of `ropeway runs --where`: text in, a small tree out.

    expression  = term { OR term }              term = factor { AND factor }
    factor      = NOT factor | ( expression ) | comparison
    comparison  = field (= | != | < | <= | > | >=) value
                | field [NOT] LIKE text | field [NOT] IN ( value { , value } )
    field       = metrics.KEY | params.KEY | tags.KEY
                | status | name | kind | started_at | duration | id | person
    KEY         = letters, digits and . - / @ : as they are; anything in `backticks` or "quotes"
    value       = number | 'text' | "text" | true | false

A quote inside quotes is doubled. Words such as AND may be written in either case. A comparison with what a
run does not have is false, and NOT turns it true. What the tree means to the database is in
`tracking.search`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from ropeway.core.clock import to_text
from ropeway.core.errors import did_you_mean
from ropeway.tracking.errors import FilterInvalid, FilterTooLarge, SortInvalid
from ropeway.tracking.expression import And, Comparison, Expression, Field, In, Like, Not, Operator, Or, Value

STATUSES = ("running", "finished", "failed", "interrupted")
ATTRIBUTES = ("status", "name", "kind", "started_at", "duration", "id", "person")
KEYED = ("metrics", "params", "tags")
KEYWORDS = ("and", "or", "not", "like", "in", "true", "false")

LENGTH_LIMIT = 10_000
DEPTH_LIMIT = 32
# SQLite gives up at an expression depth of 1,000; a chain of comparisons is one level each.
COMPARISON_LIMIT = 200
LIST_LIMIT = 1_000
WINDOW = 60
"""How much of a long filter an error shows on either side of the fault."""


DURATION = Field("attribute", "duration")
STARTED_AT = Field("attribute", "started_at")
STATUS = Field("attribute", "status")


def parse_filter(text: str) -> Expression:
    """Read a filter.

    Raises:
        FilterInvalid: it cannot be read; the message points at the column.
        FilterTooLarge: too long, too deep, or too many comparisons.

    Example:
        >>> parse_filter("metrics.macro_f1 > 0.6")
        Comparison(field=Field(family='metrics', key='macro_f1'), operator='>', value=0.6)
    """
    if len(text) > LENGTH_LIMIT:
        raise FilterTooLarge("characters", len(text), LENGTH_LIMIT)
    return _Parser(text).parse()


def parse_sort(text: str) -> list[tuple[Field, bool]]:
    """Read sort keys: fields between commas, `-` before one for the highest first; gives each with that.

    Raises:
        SortInvalid: something is no field.

    Example:
        >>> parse_sort("-duration, name")[0]
        (Field(family='attribute', key='duration'), True)
    """
    if len(text) > LENGTH_LIMIT:
        raise FilterTooLarge("characters", len(text), LENGTH_LIMIT)
    return _Parser(text, fault=SortInvalid).sort_keys()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


_QUOTED = r"""`(?:[^`]|``)+`|"(?:[^"]|"")*"|'(?:[^']|'')*'"""
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<keyed>[^\W\d]\w*\.(?:{_QUOTED}|\w[\w.\-/@:]*))
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<quoted>{_QUOTED})
    | (?P<operator>!=|<>|<=|>=|==|=|<|>)
    | (?P<mark>[(),])
    | (?P<minus>-)
    | (?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
_OPERATORS: dict[str, Operator] = {each: each for each in get_args(Operator)} | {"==": "=", "<>": "!="}


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, fault: type[FilterInvalid] = FilterInvalid) -> None:
        self._text = text
        self._fault_kind = fault
        self._tokens = list(self._scan())
        self._at = 0
        self._depth = 0
        self._comparisons = 0

    def parse(self) -> Expression:
        if self._here.kind == "end":
            raise self._fault(
                self._here, "it is empty", expected="a comparison such as metrics.accuracy > 0.9"
            )
        found = self._any_of()
        self.expect_end()
        return found

    def sort_keys(self) -> list[tuple[Field, bool]]:
        keys: list[tuple[Field, bool]] = []
        while not keys or self._take_mark(","):
            is_descending = self._here.kind == "minus"
            self._at += is_descending
            keys.append((self.field(), is_descending))
        if self._here.kind != "end":
            raise self._fault(
                self._here, f"{_shown(self._here)} comes after a field", expected=", or nothing more"
            )
        return keys

    def expect_end(self) -> None:
        if self._here.kind != "end":
            raise self._fault(
                self._here, f"{_shown(self._here)} comes after the end", expected="AND, OR or nothing more"
            )

    def field(self) -> Field:
        token = self._here
        if token.kind == "keyed":
            family, _, key = token.text.partition(".")
            for known in KEYED:
                if family.lower() == known:
                    self._at += 1
                    return Field(known, _unquoted(key))  # type: ignore[arg-type]  # one of KEYED
            hint = did_you_mean(family, KEYED)
            raise self._fault(token, f"'{family}.' is no family of fields.{hint}", expected=_FIELDS)
        if token.kind == "word" and token.text.lower() in ATTRIBUTES:
            self._at += 1
            return Field("attribute", token.text.lower())
        hint = did_you_mean(token.text, ATTRIBUTES) if token.kind == "word" else ""
        raise self._fault(token, f"{_shown(token)} is no field.{hint}", expected=_FIELDS)

    def _any_of(self) -> Expression:
        parts = [self._all_of()]
        while self._take_word("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self) -> Expression:
        parts = [self._factor()]
        while self._take_word("and"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _factor(self) -> Expression:
        start = self._here
        if self._take_word("not"):
            return Not(self._deeper(self._factor))
        if self._take_mark("("):
            found = self._deeper(self._any_of)
            if not self._take_mark(")"):
                raise self._fault(
                    self._here,
                    f"the parenthesis of column {start.column + 1} is still open",
                    expected="AND, OR or )",
                )
            return found
        return self._comparison()

    def _deeper(self, rule: "Callable[[], Expression]") -> Expression:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise FilterTooLarge("levels of parentheses and NOT", self._depth, DEPTH_LIMIT)
        found = rule()
        self._depth -= 1
        return found

    def _comparison(self) -> Expression:
        self._comparisons += 1
        if self._comparisons > COMPARISON_LIMIT:
            raise FilterTooLarge("comparisons", self._comparisons, COMPARISON_LIMIT)
        field = self.field()
        token = self._here
        if token.kind == "operator":
            self._at += 1
            operator = _OPERATORS[token.text]
            return Comparison(field, operator, self._value(field, operator))
        is_negated = self._take_word("not")
        if self._take_word("like"):
            found: Expression = Like(field, self._pattern(field))
        elif self._take_word("in"):
            found = In(field, self._list(field))
        else:
            expected = "LIKE or IN" if is_negated else "one of = != < <= > >= LIKE IN"
            raise self._fault(self._here, f"'{field}' is compared with nothing", expected=expected)
        return Not(found) if is_negated else found

    def _pattern(self, field: Field) -> str:
        token = self._here
        if _holds_numbers(field):
            raise self._fault(
                token, f"'{field}' is a number, and LIKE compares text", expected="one of = != < <= > >= IN"
            )
        if token.kind != "quoted":
            raise self._fault(
                token, f"{_shown(token)} is no pattern", expected="text in quotes, such as 'base%'"
            )
        self._at += 1
        return _unquoted(token.text)

    def _list(self, field: Field) -> tuple[Value, ...]:
        if not self._take_mark("("):
            raise self._fault(
                self._here, f"IN is followed by {_shown(self._here)}", expected="( and a list of values"
            )
        values = [self._value(field, "=")]
        while self._take_mark(","):
            values.append(self._value(field, "="))
            if len(values) > LIST_LIMIT:
                raise FilterTooLarge("values in one IN", len(values), LIST_LIMIT)
        if not self._take_mark(")"):
            raise self._fault(self._here, f"{_shown(self._here)} is inside the list", expected=", or )")
        return tuple(values)

    def _value(self, field: Field, operator: Operator) -> Value:
        token = self._here
        value = self._literal(token)
        if _holds_numbers(field) and not _is_number(value):
            raise self._fault(token, f"'{field}' is a number and {_shown(token)} is not", expected="a number")
        if isinstance(value, bool) and operator not in ("=", "!="):
            raise self._fault(token, f"{token.text} has no order", expected="= or != before true and false")
        if not (_holds_numbers(field) or field.is_free or isinstance(value, str)):
            raise self._fault(
                token, f"'{field}' is text and {_shown(token)} is not", expected="text in quotes"
            )
        if field == STARTED_AT:
            value = self._moment(token, str(value))
        if field == STATUS and operator in ("=", "!=") and value not in STATUSES:
            raise self._fault(
                token,
                f"'{value}' is no status.{did_you_mean(str(value), STATUSES)}",
                expected=_listed(STATUSES),
            )
        self._at += 1
        return value

    def _literal(self, token: _Token) -> Value:
        if token.kind == "number":
            number = float(token.text)
            if number in (float("inf"), float("-inf")):
                raise self._fault(token, f"{token.text} is too large", expected="a number below 1.8e308")
            return number
        if token.kind == "quoted" and not token.text.startswith("`"):
            return _unquoted(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        hint = (
            f"a number or text in quotes, such as '{token.text}'"
            if token.kind == "word"
            else "a number or text"
        )
        raise self._fault(token, f"{_shown(token)} is no value", expected=hint)

    def _moment(self, token: _Token, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            expected = "a time such as '2026-11-21' or '2026-11-21T09:30'"
            raise self._fault(token, f"'{text}' is no time", expected=expected) from None
        return to_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    @property
    def _here(self) -> _Token:
        return self._tokens[self._at]

    def _take_word(self, word: str) -> bool:
        is_there = self._here.kind == "word" and self._here.text.lower() == word
        self._at += is_there
        return is_there

    def _take_mark(self, mark: str) -> bool:
        is_there = self._here.kind == "mark" and self._here.text == mark
        self._at += is_there
        return is_there

    def _scan(self) -> Iterator[_Token]:
        column = 0
        while column < len(self._text):
            match = _TOKEN.match(self._text, column)
            if match is None or match.lastgroup is None:
                token = _Token("unknown", self._text[column], column)
                is_open = token.text in "'\"`"
                reason = "the quote is never closed" if is_open else f"{_shown(token)} has no meaning here"
                raise self._fault(
                    token,
                    reason,
                    expected="a closing quote" if is_open else "a field, a value or an operator",
                )
            if match.lastgroup != "space":
                yield _Token(match.lastgroup, match.group(), column)
            column = match.end()
        yield _Token("end", "", column)

    def _fault(self, token: _Token, reason: str, *, expected: str) -> FilterInvalid:
        return self._fault_kind(
            _pointed(self._text, token.column), token.column + 1, reason, expected=expected
        )


_FIELDS = "metrics.KEY, params.KEY, tags.KEY, " + ", ".join(ATTRIBUTES)


def _pointed(text: str, column: int) -> str:
    """The filter, or the part around the fault, with a caret below it."""
    start, end = max(0, column - WINDOW), column + WINDOW
    before = "…" if start else ""
    after = "…" if end < len(text) else ""
    line = before + re.sub(r"\s", " ", text[start:end]) + after
    return f"{line}\n{' ' * (column - start + len(before))}^"


def _shown(token: _Token) -> str:
    return "the end" if token.kind == "end" else f"'{token.text}'"


def _unquoted(text: str) -> str:
    quote = text[:1]
    return text[1:-1].replace(quote * 2, quote) if quote in ("'", '"', "`") else text


def _is_number(value: Value) -> bool:
    return isinstance(value, float)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _holds_numbers(field: Field) -> bool:
    """True when it only ever holds numbers."""
    return field.family == "metrics" or field == DURATION
