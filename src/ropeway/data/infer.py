"""The first contract of a dataset, from its first arrival: strict where the data gives reason, else loose.

A contract that honest new data breaks at once teaches people to ignore it. So each rule is set only where the
rows are enough to say it, with room; each choice is explained in the file.

Whether a list of categories is complete is judged by Good's estimate (Good 1953, *The population frequencies
of species*): the chance that the next value is a new one is about the share of values seen exactly once. So
a list is set only when no value is rare.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ropeway.data.contract import ColumnRule, Contract
from ropeway.data.kinds import kind_of

ENOUGH_ROWS = 100
"""Below this only names, types and the key are fixed."""
MOST_CATEGORIES = 20
RARE = 3
"""A value seen fewer times than this may well have unseen companions."""
ROOM_FOR_NULLS = 0.05
SIGNIFICANT_DIGITS = 2

_KEY_NAME = re.compile(r"(^|_)(id|key|uuid|guid)$", re.IGNORECASE)

Notes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Inferred:
    """A contract with the reasons for its rules: by column and rule, in words."""

    contract: Contract
    notes: dict[str, Notes] = field(default_factory=dict)
    about: str = ""
    unique_note: str = ""


def infer_contract(
    frame: pl.DataFrame, *, key: Sequence[str] = (), typed_only: Sequence[str] = ()
) -> Inferred:
    """A contract that the rows keep and that leaves room for honest new ones.

    Args:
        frame: the first arrival.
        key: the columns that tell rows apart, where that is known; the rows need not keep it.
        typed_only: columns of which only the type is fixed, since Ropeway itself makes their values.
    """
    unique, unique_note = _key(frame, key)
    rules: dict[str, ColumnRule] = {}
    notes: dict[str, Notes] = {}
    for name in frame.columns:
        notes[name] = {}
        if name in typed_only:
            notes[name]["type"] = "made by Ropeway itself, so there is nothing else to check"
            rules[name] = ColumnRule(type=kind_of(frame[name].dtype))
            continue
        rules[name] = _rule(frame[name], is_key=name in unique, notes=notes[name])
    enough = frame.height >= ENOUGH_ROWS
    about = "" if enough else f"fewer than {ENOUGH_ROWS} rows came: only names, types and the key are fixed"
    return Inferred(Contract(columns=rules, unique=unique), notes, about, unique_note)


def _key(frame: pl.DataFrame, key: Sequence[str]) -> tuple[list[str], str]:
    if key:
        return list(key), "as ropeway.toml or the command line says"
    for name in frame.columns:
        series = frame[name]
        is_whole = kind_of(series.dtype) in {"text", "integer"} and not series.null_count()
        if _KEY_NAME.search(name) and is_whole and series.n_unique() == len(series):
            return [name], "by its name, and no value came twice"
    return [], "no column looks like a key; name one to have it checked"


def _rule(series: pl.Series, *, is_key: bool, notes: Notes) -> ColumnRule:
    rows = len(series)
    if series.null_count() == rows:
        notes["type"] = "no value came, so any is allowed"
        return ColumnRule()
    kind = kind_of(series.dtype)
    nulls = _null_share(series, is_key=is_key, notes=notes)
    if rows < ENOUGH_ROWS or is_key:
        return ColumnRule(type=kind, nulls=nulls)
    if kind == "text":
        return ColumnRule(type=kind, nulls=nulls, categories=_categories(series, notes))
    low, high = _range(series, kind, notes)
    return ColumnRule(type=kind, nulls=nulls, min=low, max=high)


def _null_share(series: pl.Series, *, is_key: bool, notes: Notes) -> float:
    absent = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    share = float(absent.sum()) / len(series)
    if is_key or (share == 0 and len(series) >= ENOUGH_ROWS):
        notes["nulls"] = "none came"
        return 0.0
    if share == 0:
        return 1.0
    notes["nulls"] = f"{share:.1%} came; twice that and 5 % more is allowed"
    return min(1.0, round(2 * share + ROOM_FOR_NULLS, 2))


def _categories(series: pl.Series, notes: Notes) -> list[str | int | float | bool] | None:
    counts = series.cast(pl.String).drop_nulls().value_counts(sort=True)
    rarest = min(counts["count"].to_list(), default=0)
    if counts.height > MOST_CATEGORIES or rarest < RARE:
        return None
    notes["categories"] = f"no other came, and each at least {rarest:,} times"
    return sorted(counts[counts.columns[0]].to_list())


def _range(series: pl.Series, kind: str, notes: Notes) -> tuple[float | None, float | None]:
    if isinstance(series.dtype, pl.List):
        items, kind = series.explode(), kind_of(series.explode().dtype)
    else:
        items = series
    if kind not in {"integer", "number"}:
        return None, None
    items = items.drop_nulls().cast(pl.Float64).drop_nans()
    items = items.filter(items.is_finite())
    if not len(items):
        return None, None
    low, high = float(items.min()), float(items.max())  # type: ignore[arg-type]
    counts = items.value_counts()
    is_whole_scale = kind == "integer" and len(counts) == high - low + 1 <= MOST_CATEGORIES
    if is_whole_scale and min(counts["count"].to_list()) >= RARE:
        notes["min"] = "a scale: each whole number from the lowest to the highest came, none of them rarely"
        return low, high
    if kind == "integer" and len(counts) == len(series):
        # Different in each row: numbers that name things grow with time.
        return None, None
    span = high - low or max(abs(high), 1.0)
    notes["min"] = f"{low:,g} to {high:,g} came; as much again is allowed on each side"
    if low >= 0:
        notes["min"] += ", but nothing below 0, as none came"
    return (0.0 if low >= 0 else _outward(low - span)), _outward(high + span)


def _outward(value: float) -> float:
    """The value, away from 0, at two significant digits."""
    if value == 0:
        return 0.0
    exponent = math.floor(math.log10(abs(value))) - SIGNIFICANT_DIGITS + 1
    steps = math.ceil(round(abs(value) / 10.0**exponent, 6))
    # By text, since 3 * 0.1 is not 0.3.
    return math.copysign(float(f"{steps}e{exponent}"), value)
