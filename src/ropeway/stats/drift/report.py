"""What a comparison of two sets of rows found: plain data, without NaN, that encodes as JSON."""

import msgspec

from ropeway.stats.drift.tokens import TellingToken
from ropeway.stats.sketches.column import Kind


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution to be drawn: two shapes of one comparison have the same bins or labels.

    Attributes:
        edges: of the bins, one more than there are shares; numbers beyond the ends are in the end bins.
            Empty where there are labels.
        labels: one for each share; empty where there are edges.
        shares: of the rows that had a value. Of words, the share of texts that hold each: they overlap.
        rows: how many rows there were.
        missing: how many of them had no value of the column's kind.
    """

    rows: int
    missing: int
    shares: list[float] = []
    edges: list[float] = []
    labels: list[str] = []


class PartDrift(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about a column that was compared.

    Attributes:
        part: `values`, `length`, `tokens`, `words`, `unknown words` or `missing`.
        detector: `ks`, `chi2` or `two-shares`.
        statistic: the detector's: a gap, a chi-square, a difference of shares.
        p_value: of this part alone.
        effect: Jensen and Shannon's distance, less what chance gives.
        psi: as its users know it; None where it has no meaning.
        wasserstein: in the column's unit; None but for numbers.
        says: the change in words.
        reference: to be drawn; so is `current`.
    """

    part: str
    detector: str
    statistic: float
    p_value: float
    effect: float
    says: str
    reference: Shape
    current: Shape
    psi: float | None = None
    wasserstein: float | None = None


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """One column. What is not said of `parts` is that of the part that tells most.

    Attributes:
        name: the column.
        kind: what it holds in the reference.
        part: which part tells most; so `detector`, `statistic`, `effect`, `psi`, `wasserstein`; "" if none.
        p_value: of the column: the part's, times the number of parts (Bonferroni). None if nothing could be
            tested.
        q_value: after Benjamini and Hochberg over the columns.
        drifted: significant and large enough, or broken: of another type, or not there at all.
        says: a sentence on what changed, or that nothing did.
        reference: to be drawn; so is `current`.
        parts: each by itself.
    """

    name: str
    kind: Kind
    part: str
    detector: str
    statistic: float
    p_value: float | None
    q_value: float | None
    effect: float
    psi: float | None
    wasserstein: float | None
    drifted: bool
    says: str
    reference: Shape
    current: Shape
    parts: list[PartDrift] = []


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """All columns.

    Attributes:
        alpha: of what is called drift, the share that may be false on average.
        min_effect: below this effect nothing is called drift.
        columns: those that drifted first, each group by effect.
        drifted: their names, in the same order.
        tokens: by column of texts, the tokens that tell the two apart.
    """

    reference_rows: int
    current_rows: int
    alpha: float
    min_effect: float
    columns: list[ColumnDrift]
    drifted: list[str]
    tokens: dict[str, list[TellingToken]]

    @property
    def effect(self) -> float:
        """The largest effect of a column that drifted; 0 where none did."""
        return max((each.effect for each in self.columns if each.drifted), default=0.0)

    def column(self, name: str) -> ColumnDrift | None:
        """The column of this name."""
        return next((each for each in self.columns if each.name == name), None)
