"""What the full profile of a version says: plain data. No polars here; `full_profile` finds it out."""

import msgspec

from ropeway.data.records import DatasetVersion, TopValue

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles that are told."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of numbers.

    Attributes:
        count: how many there were.
        sd: the standard deviation over n.
        quantiles: those of `SHARES`, in that order.
        bins: counts of equally wide ranges from `low` to `high`; numbers beyond are in the end bins.
        is_exact: whether quantiles and bins are of every number, not of a sketch of them.
    """

    count: int
    min: float
    max: float
    mean: float
    sd: float
    quantiles: list[float]
    low: float
    high: float
    bins: list[int]
    is_exact: bool


class FullColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    Attributes:
        kind: `integer`, `text`, `list[number]`, …
        nulls: rows without a value.
        nans: rows with NaN, and `infinite` with an infinity; of numbers only.
        distinct: how many different values, exact while they are few, within 1.6 % (one standard error) of
            many; None where values are not told apart.
        values: of numbers, and of a list's items where they are numbers.
        lengths: of texts in characters, of lists in items.
        top: the most frequent values, where any came more than once.
        first: the earliest of dates and times; `middle` the median, `last` the latest.
    """

    name: str
    kind: str
    nulls: int
    nans: int = 0
    infinite: int = 0
    distinct: int | None = None
    values: Figures | None = None
    lengths: Figures | None = None
    top: list[TopValue] = []
    first: str | None = None
    middle: str | None = None
    last: str | None = None


class FullProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Every column of a version, from every row."""

    version: DatasetVersion
    rows: int
    columns: list[FullColumn]
