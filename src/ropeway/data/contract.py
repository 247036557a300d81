"""A contract: what a dataset's versions must look like, and where one breaks it.

The rules are small enough to be read by a person in a file (`contract_file`); the first ones are inferred
from the first arrival (`infer`).
"""

from typing import Literal

import msgspec
import polars as pl

from ropeway.data.kinds import SCALARS, kind_of, parse
from ropeway.data.records import Rule, Violation

EXAMPLE_ROWS = 5
"""How many row numbers a violation names."""
EXAMPLE_VALUES = 3

Category = str | int | float | bool


class ColumnRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one column must look like. `min` and `max` of a list column hold for its items."""

    type: str = "any"
    required: bool = True
    nulls: float = 1.0
    """The largest share of missing values; 0 allows none, 1 any."""
    min: float | None = None
    max: float | None = None
    categories: list[Category] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.nulls <= 1:
            raise ValueError("`nulls` is a share: 0 allows no missing value, 1 any")


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every version of a dataset must look like."""

    columns: dict[str, ColumnRule]
    unique: list[str] = []
    """The columns which together tell the rows apart."""
    other_columns: Literal["refuse", "allow"] = "refuse"
    min_rows: int = 1


def violations(frame: pl.DataFrame, contract: Contract) -> list[Violation]:
    """Every rule that the rows break, in the contract's own order."""
    found: list[Violation] = []
    if frame.height < contract.min_rows:
        found.append(
            Violation(
                column=None,
                rule="rows",
                expected=f"{contract.min_rows:,} rows or more",
                got=f"{frame.height:,}",
            )
        )
    for name, rule in contract.columns.items():
        if name in frame.columns:
            found.extend(_column_violations(frame[name], rule))
        elif rule.required:
            found.append(
                Violation(column=name, rule="missing", expected="the column", got="none of that name")
            )
    if contract.other_columns == "refuse":
        for name in frame.columns:
            if name not in contract.columns:
                kind = kind_of(frame[name].dtype)
                found.append(
                    Violation(column=name, rule="unexpected", expected="no such column", got=f"one of {kind}")
                )
    found.extend(_unique_violations(frame, contract.unique))
    return found


def broken_rows(frame: pl.DataFrame, contract: Contract) -> list[tuple[Violation, pl.Series]]:
    """The rules that single rows break, each with the rows: a mask as long as the frame.

    What only a whole version can break, such as a share of missing values, is left to `violations`.
    """
    found: list[tuple[Violation, pl.Series]] = []
    for name, rule in contract.columns.items():
        if name not in frame.columns:
            continue
        series = frame[name]
        for violation in _column_violations(series, rule):
            if violation.rule == "nulls" and not rule.nulls:
                found.append((violation, _absent(series)))
            elif violation.rule == "range":
                found.append((violation, _outside(series, rule).fill_null(value=False)))
            elif violation.rule == "categories":
                found.append((violation, _unknown(series, rule)))
    return found


def _unknown(series: pl.Series, rule: ColumnRule) -> pl.Series:
    allowed = {_word(category) for category in rule.categories or []}
    return ~_absent(series) & ~series.cast(pl.String).is_in(sorted(allowed)).fill_null(value=False)


def _column_violations(series: pl.Series, rule: ColumnRule) -> list[Violation]:
    found: list[Violation] = []
    absent = _absent(series)
    if absent.any() and absent.sum() > rule.nulls * len(series):
        share = f"at most {rule.nulls:.1%} missing" if rule.nulls else "a value in each row"
        count = int(absent.sum())
        found.append(_offending(series, absent, "nulls", share, f"{count:,} missing"))
    wrong_type = _type_violation(series, rule.type)
    if wrong_type:
        return [*found, wrong_type]
    outside = _outside(series, rule)
    if outside.any():
        found.append(_offending(series, outside, "range", _range_words(rule), _examples(series, outside)))
    if rule.categories is not None and not isinstance(series.dtype, pl.List | pl.Array):
        unknown = _unknown(series, rule)
        if unknown.any():
            words = "one of " + ", ".join(str(category) for category in rule.categories[:12])
            found.append(_offending(series, unknown, "categories", words, _examples(series, unknown)))
    return found


def _type_violation(series: pl.Series, expected: str) -> Violation | None:
    kind = kind_of(series.dtype)
    if _fits(kind, expected) or series.null_count() == len(series):
        return None
    if kind == "text" and expected in SCALARS:
        # A text file's column fell back to text: these are the values that made it so.
        _, broken = parse(series.cast(pl.String), expected)
        if broken.any():
            return _offending(series, broken, "type", expected, _examples(series, broken))
    return Violation(column=series.name, rule="type", expected=expected, got=kind)


def _fits(kind: str, expected: str) -> bool:
    """Whether a kind is the expected one or a narrower one."""
    if expected in {"any", kind} or (expected, kind) == ("number", "integer"):
        return True
    if expected.startswith("list[") and kind.startswith("list["):
        return kind == "list[null]" or _fits(kind[5:-1], expected[5:-1])
    return False


def _absent(series: pl.Series) -> pl.Series:
    """Missing, or not a number."""
    return series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()


def _outside(series: pl.Series, rule: ColumnRule) -> pl.Series:
    low, high = series, series
    if isinstance(series.dtype, pl.List):
        low, high = series.list.min(), series.list.max()
    outside = pl.Series([False] * len(series), dtype=pl.Boolean)
    if not low.dtype.is_numeric():
        return outside
    if rule.min is not None:
        outside = outside | (low < rule.min).fill_null(value=False)
    if rule.max is not None:
        # polars orders NaN above all numbers; it counts as missing here.
        outside = outside | ((high > rule.max) & ~_absent(high)).fill_null(value=False)
    return outside


def _range_words(rule: ColumnRule) -> str:
    if rule.max is None:
        return f"{rule.min:,g} or more"
    return f"{rule.max:,g} or less" if rule.min is None else f"{rule.min:,g} to {rule.max:,g}"


def _unique_violations(frame: pl.DataFrame, unique: list[str]) -> list[Violation]:
    if not unique or any(name not in frame.columns for name in unique):
        return []
    twice = frame.select(pl.struct(unique).is_duplicated()).to_series()
    absent = frame.select(pl.any_horizontal(pl.col(name).is_null() for name in unique)).to_series()
    found: list[Violation] = []
    key = unique[0] if len(unique) == 1 else "+".join(unique)
    for mask, got in ((absent, "a missing key"), (twice & ~absent, "")):
        if mask.any():
            values = (
                got
                or _examples(frame.select(pl.concat_str(unique, separator="+")).to_series(), mask) + " twice"
            )
            found.append(
                _offending(frame[unique[0]].alias(key), mask, "unique", "each key once, in each row", values)
            )
    return found


def _offending(series: pl.Series, mask: pl.Series, rule: Rule, expected: str, got: str) -> Violation:
    numbers = mask.fill_null(value=False).arg_true()
    return Violation(
        column=series.name,
        rule=rule,
        expected=expected,
        got=got,
        rows=[int(number) + 1 for number in numbers.head(EXAMPLE_ROWS)],
        count=len(numbers),
    )


def _examples(series: pl.Series, mask: pl.Series) -> str:
    """The first different offending values, for people."""
    values = list(dict.fromkeys(_shown(value) for value in series.filter(mask).head(100).to_list()))
    return ", ".join(values[:EXAMPLE_VALUES]) + (" …" if len(values) > EXAMPLE_VALUES else "")


def _shown(value: object) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:38] + "…"


def _word(category: Category) -> str:
    """A category as polars writes such a value as text."""
    return str(category).lower() if isinstance(category, bool) else str(category)
