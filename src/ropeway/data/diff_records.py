"""What changed between two versions: plain data. No polars here; `diff` finds it out."""

from typing import Any

import msgspec

from ropeway.data.records import DatasetVersion

Row = dict[str, Any]


class Retyped(msgspec.Struct, frozen=True, kw_only=True):
    """A column whose kind changed."""

    column: str
    before: str
    after: str


class SchemaDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What changed of the columns.

    Attributes:
        added: columns that only the later version has, with their kinds; `removed` the other way round.
        reordered: whether the columns of both stand in another order.
    """

    added: dict[str, str]
    removed: dict[str, str]
    retyped: list[Retyped]
    reordered: bool

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.removed or self.retyped or self.reordered)


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that both versions have by its key, with other values."""

    key: Row
    before: Row
    after: Row


class RowsDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What changed of the rows.

    Attributes:
        key: the columns by which rows were matched; empty where whole rows were counted.
        same: rows that are in both as they were, wherever they stand.
        changed: rows whose key is in both with other values; always 0 without a key.
        columns: for each column that changed, in how many of the changed rows.
        added_rows: some of them, and so on.
    """

    key: list[str]
    same: int
    added: int
    removed: int
    changed: int
    columns: dict[str, int] = {}
    added_rows: list[Row] = []
    removed_rows: list[Row] = []
    changed_rows: list[ChangedRow] = []


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How the distribution of a column changed.

    Attributes:
        effect: Jensen and Shannon's distance, base 2, less what chance gives.
        drifted: whether the change is significant over all columns, and large enough.
        says: in words.
        labels: of the bars; empty where they are ranges of numbers, from `low` to `high`.
        before: the shares of each bar, and `after`.
    """

    column: str
    kind: str
    effect: float
    psi: float | None
    drifted: bool
    says: str
    labels: list[str] = []
    low: float | None = None
    high: float | None = None
    before: list[float] = []
    after: list[float] = []


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of a dataset, held against each other."""

    before: DatasetVersion
    after: DatasetVersion
    columns: SchemaDiff
    rows: RowsDiff
    distributions: list[Moved]

    @property
    def is_same(self) -> bool:
        """Whether both say the same, in whatever order of rows."""
        rows = self.rows
        return self.columns.is_same and not (rows.added or rows.removed or rows.changed)
