"""Summaries as plain data, as a profile is written: figures in the open, sketches as their bytes."""

import msgspec

from ropeway.stats.sketches.column import Kind


class NumberState(msgspec.Struct, frozen=True, kw_only=True, tag="number"):
    """A `NumberSketch`."""

    kind: Kind
    nulls: int
    mistyped: int
    absent: int
    nans: int
    infinite: int
    count: int
    mean: float
    m2: float
    low: float
    high: float
    quantiles: bytes
    distinct: bytes


class CategoryState(msgspec.Struct, frozen=True, kw_only=True, tag="category"):
    """A `CategorySketch`."""

    kind: Kind
    nulls: int
    mistyped: int
    absent: int
    frequent: bytes
    distinct: bytes


class TextState(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """A `TextSketch`."""

    nulls: int
    mistyped: int
    absent: int
    length: NumberState
    tokens: NumberState
    checked: int
    unknown: int
    vocabulary: str
    words: bytes
    distinct: bytes


State = NumberState | CategoryState | TextState
