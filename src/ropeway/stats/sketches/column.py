"""What the summaries of all kinds of column share: what came, and what could not be summarised.

Every row of a profile is counted once in each of its columns:

    rows = count + nulls + mistyped + absent   (+ nans + infinite in a column of numbers)
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    import polars as pl

    from ropeway.stats.sketches.state import State

Kind = Literal["number", "category", "text", "boolean", "time"]


class ColumnSketch(ABC):
    """The summary of one column.

    Not for several threads at once; `merge` gives a new one and changes neither.

    Attributes:
        kind: what the column holds.
        nulls: rows that had null.
        mistyped: rows that had a value of another type, which is counted and nothing more.
        absent: rows that did not have the column.
    """

    kind: Kind

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.nulls = 0
        self.mistyped = 0
        self.absent = 0

    @property
    @abstractmethod
    def count(self) -> int:
        """Rows that had a value of the column's kind."""

    @property
    @abstractmethod
    def distinct(self) -> int:
        """How many different values there were, about."""

    @abstractmethod
    def accepts(self, dtype: "pl.DataType") -> bool:
        """Whether values stored so are of the column's kind."""

    @abstractmethod
    def _take(self, values: "pl.Series") -> None:
        """Take in values of the kind, none of them null."""

    @abstractmethod
    def _merge_into(self, merged: Self, other: Self) -> None:
        """Put what both hold into a new one."""

    @abstractmethod
    def _new(self) -> Self:
        """An empty one of the same make."""

    @abstractmethod
    def to_state(self) -> "State":
        """All that it holds, as plain data."""

    @property
    def is_empty(self) -> bool:
        """Whether no value of the kind came: all null, absent or of another type."""
        return not self.count

    @property
    def says(self) -> str:
        """What it summarises, in words."""
        return f"kind '{self.kind}'"

    def update(self, series: "pl.Series") -> None:
        """Take in more rows of the column."""
        present = series.drop_nulls()
        self.nulls += len(series) - len(present)
        if not len(present):
            return
        if self.accepts(series.dtype):
            self._take(present)
        else:
            self.mistyped += len(present)

    def miss(self, rows: int) -> None:
        """Take in rows that do not have the column."""
        self.absent += rows

    def merge(self, other: Self) -> Self:
        """The summary of both. The caller has made sure that they are of one kind."""
        merged = self._new()
        for name in ("nulls", "mistyped", "absent"):
            setattr(merged, name, getattr(self, name) + getattr(other, name))
        self._merge_into(merged, other)
        return merged
