"""The language of `ropeway runs --where`: text in, a small tree out.

    expression  = term { OR term }              term = factor { AND factor }
    factor      = NOT factor | ( expression ) | comparison
    comparison  = field (= | != | < | <= | > | >=) value
                | field [NOT] (LIKE | ILIKE) text | field [NOT] IN ( value { , value } ) | field IS [NOT] NULL
    field       = metrics.KEY | params.KEY | tags.KEY | dataset.(name | digest | context)
                | status | name | kind | started_at | ended_at | duration | id | person
                | experiment | lifecycle | run_id | user_id | …
    KEY         = letters, digits and . - / @ : [ ] as they are; anything in `backticks` or "quotes"
    value       = number | 'text' | "text" | true | false | time
    time        = 2026-11-21 | 2026-11-21T09:30 | now, then + or - a stretch such as 90m, 12h, 7d or 2w

A quote inside quotes is doubled. Words such as AND may be written in either case. A comparison with what a
run does not have is false, and NOT turns it true. LIKE tells upper from lower case, ILIKE does not. What
MLflow's filters say is said here in the same words: `run.status = 'FINISHED'`, `start_time` in milliseconds,
`metric.a`. What the tree means to the database is in `tracking.conditions`.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from ropeway.core.clock import to_text
from ropeway.core.errors import did_you_mean
from ropeway.tracking.errors import FilterInvalid, FilterTooLarge, SortInvalid
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Like,
    Missing,
    Not,
    Operator,
    Or,
    Value,
    pattern_of,
)
from ropeway.tracking.mlflow_fields import FAMILIES, STATUS_WORDS
from ropeway.tracking.moments import moment_of, stretch_of
from ropeway.tracking.tokens import OPERATORS, Token, pointed, scan, unquoted

STATUSES = ("running", "scheduled", "finished", "failed", "interrupted")
ATTRIBUTES = (
    "status", "name", "kind", "started_at", "ended_at", "duration", "id", "person", "experiment", "lifecycle",
)  # fmt: skip
ALIASES = {
    "run_id": "run_id", "run_name": "name", "run name": "name", "user_id": "user_id",
    "artifact_uri": "artifact_uri", "experiment_id": "experiment_id",
    "start_time": "start_time", "end_time": "end_time", "created": "start_time",
}  # fmt: skip
KEYED = ("metrics", "params", "tags")
DATASET_KEYS = ("name", "digest", "context")

LENGTH_LIMIT = 10_000
PATTERN_LIMIT = 5_000
DEPTH_LIMIT = 32
# SQLite gives up at an expression depth of 1,000; a chain of comparisons is one level each.
COMPARISON_LIMIT = 200
LIST_LIMIT = 1_000


DURATION = Field("attribute", "duration")
MOMENTS = (Field("attribute", "started_at"), Field("attribute", "ended_at"))
NUMBERS = (DURATION, Field("attribute", "start_time"), Field("attribute", "end_time"))
STATUS = Field("attribute", "status")


def parse_filter(text: str, *, now: datetime | None = None) -> Expression:
    """Read a filter.

    Args:
        text: the filter.
        now: what `now` stands for; the machine's time where it is not told.

    Raises:
        FilterInvalid: it cannot be read; the message points at the column.
        FilterTooLarge: too long, too deep, or too many comparisons.

    Example:
        >>> parse_filter("metrics.macro_f1 > 0.6")
        Comparison(field=Field(family='metrics', key='macro_f1'), operator='>', value=0.6)
    """
    if len(text) > LENGTH_LIMIT:
        raise FilterTooLarge("characters", len(text), LENGTH_LIMIT)
    return _Parser(text, now=now).parse()


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


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(
        self, text: str, fault: type[FilterInvalid] = FilterInvalid, *, now: datetime | None = None
    ) -> None:
        self._text = text
        self._now = now or datetime.now(UTC)
        self._fault_kind = fault
        self._tokens = list(scan(text))
        if self._tokens[-1].kind == "unknown":
            self._refuse(self._tokens[-1])
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
            is_descending = (self._here.kind, self._here.text) == ("sign", "-")
            self._at += is_descending
            keys.append((self.field(), is_descending))
        if self._here.kind != "end":
            raise self._fault(
                self._here, f"{self._here.shown} comes after a field", expected=", or nothing more"
            )
        return keys

    def expect_end(self) -> None:
        if self._here.kind != "end":
            raise self._fault(
                self._here, f"{self._here.shown} comes after the end", expected="AND, OR or nothing more"
            )

    def field(self) -> Field:
        token = self._here
        if token.kind == "keyed":
            word, _, key = token.text.partition(".")
            found = self._keyed(token, word.strip("`"), unquoted(key))
        elif token.kind == "word" or (token.kind == "quoted" and not token.text.startswith("'")):
            found = self._attribute(token, unquoted(token.text))
        else:
            raise self._fault(token, f"{token.shown} is no field.", expected=_FIELDS)
        self._at += 1
        return found

    def _keyed(self, token: Token, word: str, key: str) -> Field:
        family = FAMILIES.get(word.lower())
        if family is None:
            hint = did_you_mean(word, KEYED)
            raise self._fault(token, f"'{word}.' is no family of fields.{hint}", expected=_FIELDS)
        if family == "attribute":
            return self._attribute(token, key)
        if family == "dataset" and key not in DATASET_KEYS:
            hint = did_you_mean(key, DATASET_KEYS)
            expected = "dataset.name, dataset.digest or dataset.context"
            raise self._fault(
                token, f"'{key}' is nothing that is known of data sets.{hint}", expected=expected
            )
        return Field(family, key)

    def _attribute(self, token: Token, word: str) -> Field:
        name = word.lower()
        if name not in ATTRIBUTES and name not in ALIASES:
            hint = did_you_mean(word, ATTRIBUTES)
            raise self._fault(token, f"{token.shown} is no field.{hint}", expected=_FIELDS)
        return Field("attribute", ALIASES.get(name, name))

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
            operator = OPERATORS[token.text]
            return Comparison(field, operator, self._value(field, operator))
        if self._take_word("is"):
            return self._null(field)
        is_negated = self._take_word("not")
        if self._here.kind == "word" and self._here.text.lower() in ("like", "ilike"):
            is_any_case = self._here.text.lower() == "ilike"
            self._at += 1
            found = self._like(field, is_any_case=is_any_case)
        elif self._take_word("in"):
            return self._in(field, is_negated=is_negated)
        else:
            expected = "LIKE, ILIKE or IN" if is_negated else "one of = != < <= > >= LIKE IN IS"
            raise self._fault(self._here, f"'{field}' is compared with nothing", expected=expected)
        return Not(found) if is_negated else found

    def _null(self, field: Field) -> Expression:
        is_negated = self._take_word("not")
        if not self._take_word("null"):
            raise self._fault(
                self._here, f"{self._here.shown} comes after IS", expected="IS NULL or IS NOT NULL"
            )
        return Not(Missing(field)) if is_negated else Missing(field)

    def _in(self, field: Field, *, is_negated: bool) -> Expression:
        values = self._list(field)
        if field.family == "dataset":
            return In(field, values, is_negated)
        return Not(In(field, values)) if is_negated else In(field, values)

    def _like(self, field: Field, *, is_any_case: bool) -> Expression:
        pattern = self._pattern(field)
        if len(pattern) > PATTERN_LIMIT:
            raise FilterTooLarge("characters in a pattern", len(pattern), PATTERN_LIMIT)
        if field != STATUS:
            return Like(field, pattern, is_any_case)
        # There are few, each with two names: ours, and MLflow's.
        passes = pattern_of(pattern, is_any_case=is_any_case).fits
        return In(STATUS, tuple(own for word, own in STATUS_WORDS.items() if passes(word) or passes(own)))

    def _pattern(self, field: Field) -> str:
        token = self._here
        if _holds_numbers(field):
            raise self._fault(
                token, f"'{field}' is a number, and LIKE compares text", expected="one of = != < <= > >= IN"
            )
        if token.kind != "quoted":
            raise self._fault(
                token, f"{token.shown} is no pattern", expected="text in quotes, such as 'base%'"
            )
        self._at += 1
        return unquoted(token.text)

    def _list(self, field: Field) -> tuple[Value, ...]:
        if not self._take_mark("("):
            raise self._fault(
                self._here, f"IN is followed by {self._here.shown}", expected="( and a list of values"
            )
        values = [self._value(field, "=")]
        while self._take_mark(","):
            values.append(self._value(field, "="))
            if len(values) > LIST_LIMIT:
                raise FilterTooLarge("values in one IN", len(values), LIST_LIMIT)
        if not self._take_mark(")"):
            raise self._fault(self._here, f"{self._here.shown} is inside the list", expected=", or )")
        return tuple(values)

    def _value(self, field: Field, operator: Operator) -> Value:
        token = self._here
        if field in MOMENTS:
            return self._moment(token)
        value = self._literal(token)
        if field == STATUS and isinstance(value, str):
            value = STATUS_WORDS.get(value, value)
        if _holds_numbers(field) and not _is_number(value):
            raise self._fault(token, f"'{field}' is a number and {token.shown} is not", expected="a number")
        if isinstance(value, bool) and operator not in ("=", "!="):
            raise self._fault(token, f"{token.text} has no order", expected="= or != before true and false")
        if not (_holds_numbers(field) or field.is_free or isinstance(value, str)):
            raise self._fault(token, f"'{field}' is text and {token.shown} is not", expected="text in quotes")
        if field == STATUS and operator in ("=", "!=") and value not in STATUSES:
            raise self._fault(
                token,
                f"'{value}' is no status.{did_you_mean(str(value), STATUSES)}",
                expected=_listed(STATUSES),
            )
        self._at += 1
        return value

    def _literal(self, token: Token) -> Value:
        if token.kind == "number":
            number = float(token.text)
            if number in (float("inf"), float("-inf")):
                raise self._fault(token, f"{token.text} is too large", expected="a number below 1.8e308")
            return number
        if token.kind == "quoted" and not token.text.startswith("`"):
            return unquoted(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        hint = (
            f"a number or text in quotes, such as '{token.text}'"
            if token.kind == "word"
            else "a number or text"
        )
        raise self._fault(token, f"{token.shown} is no value", expected=hint)

    def _moment(self, token: Token) -> str:
        """A date, a time, or `now`; with stretches added or taken away."""
        self._at += 1
        if token.kind == "word" and token.text.lower() == "now":
            moment = self._now
        elif token.kind == "date" or (token.kind == "quoted" and not token.text.startswith("`")):
            try:
                moment = moment_of(unquoted(token.text))
            except (ValueError, OverflowError):
                raise self._fault(token, f"'{unquoted(token.text)}' is no time", expected=_TIME) from None
        else:
            raise self._fault(token, f"{token.shown} is no time", expected=_TIME)
        while self._here.kind == "sign":
            is_back = self._here.text == "-"
            self._at += 1
            stretch = stretch_of(self._here.text)
            if stretch is None:
                raise self._fault(
                    self._here,
                    f"{self._here.shown} is no stretch of time",
                    expected="such as 90m, 12h, 7d or 2w",
                )
            try:
                moment = moment - stretch if is_back else moment + stretch
            except OverflowError:
                raise self._fault(self._here, "it is before or after all time", expected=_TIME) from None
            self._at += 1
        return to_text(moment)

    @property
    def _here(self) -> Token:
        return self._tokens[self._at]

    def _take_word(self, word: str) -> bool:
        is_there = self._here.kind == "word" and self._here.text.lower() == word
        self._at += is_there
        return is_there

    def _take_mark(self, mark: str) -> bool:
        is_there = self._here.kind == "mark" and self._here.text == mark
        self._at += is_there
        return is_there

    def _refuse(self, token: Token) -> None:
        is_open = token.text in "'\"`"
        reason = "the quote is never closed" if is_open else f"{token.shown} has no meaning here"
        expected = "a closing quote" if is_open else "a field, a value or an operator"
        raise self._fault(token, reason, expected=expected)

    def _fault(self, token: Token, reason: str, *, expected: str) -> FilterInvalid:
        return self._fault_kind(
            pointed(self._text, token.column), token.column + 1, reason, expected=expected
        )


_TIME = "a time such as 2026-11-21, '2026-11-21T09:30' or now - 7d"
_FIELDS = "metrics.KEY, params.KEY, tags.KEY, " + ", ".join(ATTRIBUTES)


def _is_number(value: Value) -> bool:
    return isinstance(value, float)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _holds_numbers(field: Field) -> bool:
    """True when it only ever holds numbers."""
    return field.family == "metrics" or field in NUMBERS
