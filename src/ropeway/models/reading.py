"""What a request must hold: columns with types, and every way in which a request may miss them.

The service reads requests with this, and the gate sends test rows through it: what the gate says of serving
is then true of it.

A request is one row (`{"text": "…"}`) or many (`{"rows": [{…}, …]}`). Where the signature itself has a
column called `rows`, only the form with one row exists. All problems are reported, not the first.
"""

import math
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec

from ropeway.core.errors import did_you_mean

MAX_ROWS = 1000
"""Rows a request may carry; more belong to a batch."""

SHOWN_LENGTH = 60
MAX_HINTS = 20


class Problem(msgspec.Struct, frozen=True):
    """One field that is not as the signature says."""

    field: str
    expected: str
    got: str
    row: int | None = None

    def to_dict(self) -> dict[str, object]:
        """As the reply shows it; `row` only where the request had many."""
        entry: dict[str, object] = {"field": self.field, "expected": self.expected, "got": self.got}
        return entry if self.row is None else {**entry, "row": self.row}


class _Mistyped(Exception):
    """The value is not of the kind; carries what was found where that is not plain."""


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise _Mistyped


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _Mistyped


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        # JSON has one kind of number: 3.0 is the integer 3. True is not 1.
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and low <= value <= high:
            return value
        raise _Mistyped

    return read


def _real(limit: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if type(value) is float or type(value) is int:
            # Compared before the conversion: an integer of 400 digits has no float.
            if not -limit <= value <= limit:
                raise _Mistyped
            return float(value)
        raise _Mistyped

    return read


def _iso(kind: type[date] | type[datetime] | type[time]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return kind.fromisoformat(_text(value))
        except ValueError as error:
            raise _Mistyped from error

    return read


def _anything(value: Any) -> Any:
    if value is None:
        raise _Mistyped
    return value


class Kind(msgspec.Struct, frozen=True):
    """How values of one column type are said, read and shown."""

    says: str
    read: Callable[[Any], Any]
    schema: dict[str, Any]
    example: Any


def _integer_kind(low: int, high: int) -> Kind:
    # The schema's bounds must be exact in a client's doubles, so wide ones are not stated.
    bounds = {"minimum": low, "maximum": high} if high < 2**53 else {}
    return Kind(f"an integer from {low:,} to {high:,}", _integer(low, high), {"type": "integer", **bounds}, 1)


FLOAT32_MAX = 3.4028234663852886e38
FLOAT64_MAX = 1.7976931348623157e308
_TEXT = Kind("text", _text, {"type": "string"}, "some text")

KINDS: dict[str, Kind] = {
    "String": _TEXT,
    "Utf8": _TEXT,
    "Categorical": _TEXT,
    "Enum": _TEXT,
    "Boolean": Kind("true or false", _boolean, {"type": "boolean"}, example=True),
    **{f"Int{bits}": _integer_kind(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": _integer_kind(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "Float32": Kind("a finite number", _real(FLOAT32_MAX), {"type": "number"}, 1.5),
    "Float64": Kind("a finite number", _real(FLOAT64_MAX), {"type": "number"}, 1.5),
    "Date": Kind("a date as YYYY-MM-DD", _iso(date), {"type": "string", "format": "date"}, "2026-01-31"),
    "Datetime": Kind(
        "a time as YYYY-MM-DDTHH:MM:SS",
        _iso(datetime),
        {"type": "string", "format": "date-time"},
        "2026-01-31T12:00:00",
    ),
    "Time": Kind("a time of day as HH:MM:SS", _iso(time), {"type": "string", "format": "time"}, "12:00:00"),
}
_OTHER = Kind("a value", _anything, {}, None)


def kind_of(type_name: str) -> Kind:
    """The kind of a polars type name; `Datetime(time_unit='us', …)` is known by its first word."""
    return KINDS.get(type_name.split("(", 1)[0], _OTHER)


def or_null(kind: Kind) -> Kind:
    """The same kind, where a value may be missing.

    Example:
        >>> or_null(KINDS["Float64"]).says, or_null(KINDS["Float64"]).schema
        ('a finite number or null', {'type': ['number', 'null']})
    """

    def read(value: Any) -> Any:
        return None if value is None else kind.read(value)

    schema = kind.schema
    if "type" in schema:
        schema = {**schema, "type": [schema["type"], "null"]}
    return Kind(f"{kind.says} or null", read, schema, kind.example)


def shown(value: object) -> str:
    """A value as a message shows it: its JSON kind, and a short form of it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity"
    if isinstance(value, str):
        return f"the text {shorten(value)!r}"
    if isinstance(value, int | float):
        # Integers of thousands of digits cannot be turned into text.
        return (
            f"the number {shorten(repr(value))}"
            if not isinstance(value, int) or abs(value) < 2**64
            else "a huge integer"
        )
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} fields"
    return f"a {type(value).__name__}"


def shorten(text: str) -> str:
    """The beginning of a foreign text, fit for a message."""
    text = text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class Request(msgspec.Struct, frozen=True):
    """A request that fits: values column by column, ready for a frame."""

    columns: dict[str, list[Any]]
    height: int
    is_batch: bool

    def row(self, index: int) -> dict[str, Any]:
        """One row by name."""
        return {name: values[index] for name, values in self.columns.items()}


class Signature:
    """The columns of one model version, compiled for checking requests.

    Args:
        inputs: column name to polars type name, in order.
        nullable: the columns that may be null; they still must be there.
        max_rows: how many rows one request may carry.
    """

    def __init__(
        self, inputs: Mapping[str, str], *, nullable: Collection[str] = (), max_rows: int = MAX_ROWS
    ) -> None:
        self.inputs = dict(inputs)
        self.kinds = {
            name: or_null(kind_of(type_name)) if name in nullable else kind_of(type_name)
            for name, type_name in inputs.items()
        }
        self.max_rows = max_rows
        self.has_batch_form = "rows" not in self.inputs
        self._known = "only " + (", ".join(f"'{name}'" for name in inputs) or "no fields")

    def read(self, body: Any) -> tuple[Request | None, list[Problem]]:
        """The request that a decoded JSON body is, or everything that is wrong with it."""
        if not isinstance(body, dict):
            return None, [Problem("", "one JSON object", f"the body is {shown(body)}")]
        problems: list[Problem] = []
        columns: dict[str, list[Any]] = {name: [] for name in self.kinds}
        if not (self.has_batch_form and "rows" in body):
            self._read_row(body, columns, problems, None)
            return (None, problems) if problems else (Request(columns, 1, is_batch=False), [])
        rows = body["rows"]
        problems.extend(self._check_rows(body, rows))
        if problems:
            return None, problems
        for index, row in enumerate(rows):
            if isinstance(row, dict):
                self._read_row(row, columns, problems, index)
            else:
                problems.append(Problem("rows", "one object a row", f"holds {shown(row)}", index))
        return (None, problems) if problems else (Request(columns, len(rows), is_batch=True), [])

    def _check_rows(self, body: dict[str, Any], rows: Any) -> list[Problem]:
        beside = [
            Problem(shorten(name), "nothing beside 'rows'", "stands beside 'rows'")
            for name in body
            if name != "rows"
        ]
        if not isinstance(rows, list):
            return [Problem("rows", "a list of objects", f"is {shown(rows)}"), *beside]
        if not rows:
            return [Problem("rows", "at least one row", "is empty"), *beside]
        if len(rows) > self.max_rows:
            return [Problem("rows", f"at most {self.max_rows:,} rows", f"has {len(rows):,} rows"), *beside]
        return beside

    def _read_row(
        self, row: dict[str, Any], columns: dict[str, list[Any]], problems: list[Problem], index: int | None
    ) -> None:
        for name, kind in self.kinds.items():
            if name not in row:
                problems.append(Problem(name, kind.says, "is missing", index))
                continue
            value = row[name]
            try:
                columns[name].append(kind.read(value))
            except _Mistyped:
                problems.append(Problem(name, kind.says, f"is {shown(value)}", index))
        if len(row) > len(self.kinds) or problems:
            for name in row:
                if name not in self.kinds:
                    # Likening is dear, and a hostile body may have a hundred thousand names.
                    hint = did_you_mean(name, self.kinds) if len(problems) < MAX_HINTS else ""
                    got = f"is not in the signature.{hint}".removesuffix(".")
                    problems.append(Problem(shorten(name), self._known, got, index))
