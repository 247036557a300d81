"""What is compared of a column, taken from its sketch or from its values."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ropeway.stats.drift.ecdf import Ecdf
from ropeway.stats.sketches.category import LG_CATEGORIES, OTHER, CategorySketch
from ropeway.stats.sketches.column import ColumnSketch, Kind
from ropeway.stats.sketches.number import NumberSketch
from ropeway.stats.sketches.text import LG_WORDS, TextSketch

if TYPE_CHECKING:
    import polars as pl

MOST_LOW = 3.5
"""A frequent-items sketch of 2**lg places is low by this over 2**lg of all at most (Anderson et al. 2017)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a column, by what became of them.

    Attributes:
        present: rows with a value of the column's kind.
        nulls: with null, NaN or an infinity.
        mistyped: with a value of another type.
        absent: without the column.
    """

    present: int
    nulls: int
    mistyped: int
    absent: int

    @property
    def missing(self) -> int:
        """Rows without a value of the kind."""
        return self.nulls + self.mistyped + self.absent

    @property
    def all(self) -> int:
        """Every row."""
        return self.present + self.missing


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """A column of numbers or times."""

    kind: Kind
    rows: Rows
    numbers: Ecdf
    mean: float


@dataclass(frozen=True, slots=True)
class CategoryFacts:
    """A column of categories; a count may be low by `error`."""

    kind: Kind
    rows: Rows
    counts: dict[str, int]
    error: int


@dataclass(frozen=True, slots=True)
class TextFacts:
    """A column of texts.

    Attributes:
        length: of each text, in characters; `tokens`, how many.
        words: in how many texts each token occurs, low by `word_error` at most; `word_total` sums over all.
        unknown: the share of tokens that the vocabulary does not hold; None where none was checked.
        checked_texts: how many texts were checked, about.
    """

    kind: Kind
    rows: Rows
    length: NumberFacts
    tokens: NumberFacts
    words: dict[str, int]
    word_total: int
    word_error: int
    unknown: float | None
    checked_texts: float


Facts = NumberFacts | CategoryFacts | TextFacts


def facts_of(sketch: ColumnSketch) -> Facts:
    """What a sketch knows of its column."""
    if isinstance(sketch, NumberSketch):
        return _of_numbers(sketch)
    if isinstance(sketch, TextSketch):
        return _of_texts(sketch)
    assert isinstance(sketch, CategorySketch), type(sketch)
    counts = sketch.counts()
    error = math.ceil(MOST_LOW * sketch.count / 2**LG_CATEGORIES) if OTHER in counts else 0
    return CategoryFacts(sketch.kind, _rows(sketch, 0), counts, error)


def facts_of_series(series: "pl.Series | None", kind: Kind, rows: int) -> Facts:
    """The same of a column in memory, from every value; None: there is no such column.

    Texts and times go through their sketch: no table of all words is made.
    """
    import polars as pl

    empty = _empty(kind)
    if series is None:
        empty.miss(rows)
        return facts_of(empty)
    if kind == "text" or not empty.accepts(series.dtype) or kind == "time":
        empty.update(series)
        return facts_of(empty)
    present = series.drop_nulls()
    nulls = len(series) - len(present)
    if kind == "number":
        numbers = present.cast(pl.Float64).to_numpy()
        is_finite = np.isfinite(numbers)
        finite = numbers if is_finite.all() else numbers[is_finite]
        missing = nulls + len(numbers) - len(finite)
        ordered = Ecdf.of_sorted(np.sort(finite))
        return NumberFacts(kind, Rows(len(finite), missing, 0, 0), ordered, _mean(finite))
    counted = present.value_counts(name="(rows)")
    names = counted[series.name].cast(pl.String).to_list()
    counts = dict(zip(names, counted["(rows)"].to_list(), strict=True))
    return CategoryFacts(kind, Rows(len(present), nulls, 0, 0), counts, 0)


def _empty(kind: Kind) -> NumberSketch | CategorySketch | TextSketch:
    if kind in {"number", "time"}:
        return NumberSketch(kind)
    return TextSketch() if kind == "text" else CategorySketch(kind)


def _mean(numbers: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    # Numbers near the largest float overflow a sum: each is divided first.
    with np.errstate(over="ignore"):
        mean = float(numbers.mean()) if len(numbers) else 0.0
    return mean if math.isfinite(mean) else float((numbers / len(numbers)).sum())


def _rows(sketch: ColumnSketch, unusable: int) -> Rows:
    return Rows(sketch.count, sketch.nulls + unusable, sketch.mistyped, sketch.absent)


def _of_numbers(sketch: NumberSketch) -> NumberFacts:
    rows = _rows(sketch, sketch.nans + sketch.infinite)
    return NumberFacts(sketch.kind, rows, Ecdf.of_sketch(sketch), sketch.mean if sketch.count else 0.0)


def _of_texts(sketch: TextSketch) -> TextFacts:
    words = sketch.words()
    is_exact = sum(words.values()) == sketch.word_total
    per_text = sketch.tokens.mean if sketch.count else 0.0
    return TextFacts(
        kind=sketch.kind,
        rows=_rows(sketch, 0),
        length=_of_numbers(sketch.length),
        tokens=_of_numbers(sketch.tokens),
        words=words,
        word_total=sketch.word_total,
        word_error=0 if is_exact else math.ceil(MOST_LOW * sketch.word_total / 2**LG_WORDS),
        unknown=sketch.oov_rate,
        checked_texts=min(sketch.count, sketch.checked / per_text) if per_text else 0.0,
    )
