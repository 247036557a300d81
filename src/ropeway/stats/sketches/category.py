"""The summary of a column of categories: how often each came, as far as memory goes."""

from typing import TYPE_CHECKING, Self

from ropeway.stats.sketches.column import ColumnSketch, Kind
from ropeway.stats.sketches.distinct import Distinct
from ropeway.stats.sketches.frequent import Frequent, clip
from ropeway.stats.sketches.state import CategoryState

if TYPE_CHECKING:
    import polars as pl

LG_CATEGORIES = 11
"""1,536 categories are counted exactly; of more, the frequent ones."""

OTHER = "(other)"
"""What stands for all values that are not counted by themselves."""


EMPTY = "\0"
"""Stands for the empty text among the different values."""


class CategorySketch(ColumnSketch):
    """Counts of the frequent values of a column, and the number of different ones.

    True and false are counted by these words. Numbers that name things are cast to text first: where texts
    were learnt, numbers are another type.

    Example:
        >>> import polars as pl
        >>> sketch = CategorySketch()
        >>> sketch.update(pl.Series(["a", "b", "a", None]))
        >>> sketch.counts(), sketch.nulls, sketch.distinct
        ({'a': 2, 'b': 1}, 1, 2)
    """

    def __init__(self, kind: Kind = "category") -> None:
        super().__init__(kind)
        self._frequent = Frequent(LG_CATEGORIES)
        self._distinct = Distinct()

    @property
    def count(self) -> int:
        """Rows that had a value."""
        return self._frequent.total

    @property
    def distinct(self) -> int:
        """How many different values there were: exact for few, within 1.6 % (one standard error) for many."""
        return min(self._distinct.estimate, self.count)

    def counts(self) -> dict[str, int]:
        """How often each value came, most frequent first, and `OTHER`; they add up to `count`.

        A count may be low by 0.17 % of the rows when there are more than some 1,500 different values.
        """
        found = self._frequent.counts()
        rest = self.count - sum(found.values())
        if rest:
            found[OTHER] = found.get(OTHER, 0) + rest
        return found

    def top(self, n: int) -> list[tuple[str, int]]:
        """The n most frequent values with their counts."""
        return list(self._frequent.counts().items())[:n]

    def accepts(self, dtype: "pl.DataType") -> bool:
        """Texts and labels; of a column of true and false, nothing else."""
        import polars as pl

        if self.kind == "boolean":
            return isinstance(dtype, pl.Boolean)
        return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)

    def _take(self, values: "pl.Series") -> None:
        import polars as pl

        # In the order of appearance: the same rows give the same sketch, which a hash table's order does not.
        # Labels are counted as texts: polars gives their numbers in the order of their own table.
        plain = values.cast(pl.String) if isinstance(values.dtype, pl.Categorical | pl.Enum) else values
        different = plain.unique(maintain_order=True).cast(pl.String).to_list()
        self._frequent.update(zip(different, plain.unique_counts().to_list(), strict=True))
        # The library passes over empty texts, and an empty category is one too.
        self._distinct.update(clip(value) or EMPTY for value in different)

    def _new(self) -> Self:
        return type(self)(self.kind)

    def _merge_into(self, merged: Self, other: Self) -> None:
        merged._frequent = self._frequent.merge(other._frequent)
        merged._distinct = self._distinct.merge(other._distinct)

    def to_state(self) -> CategoryState:
        """All that it holds, as plain data."""
        return CategoryState(
            kind=self.kind,
            nulls=self.nulls,
            mistyped=self.mistyped,
            absent=self.absent,
            frequent=self._frequent.to_bytes(),
            distinct=self._distinct.to_bytes(),
        )

    @classmethod
    def from_state(cls, state: CategoryState) -> Self:
        """What `to_state` gave."""
        sketch = cls(state.kind)
        sketch.nulls, sketch.mistyped, sketch.absent = state.nulls, state.mistyped, state.absent
        sketch._frequent = Frequent.from_bytes(LG_CATEGORIES, state.frequent)
        sketch._distinct = Distinct.from_bytes(state.distinct)
        return sketch
