"""Drift of two data frames in memory, from every value: what a batch is compared with."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ropeway.stats.drift.facts import Facts, facts_of_series
from ropeway.stats.drift.marginal import ALPHA, MIN_EFFECT, drift_of_facts
from ropeway.stats.drift.report import DriftReport
from ropeway.stats.profile import kinds_of
from ropeway.stats.sketches.column import Kind

if TYPE_CHECKING:
    import polars as pl


def drift_frames(
    reference: "pl.DataFrame",
    current: "pl.DataFrame",
    kinds: Mapping[str, Kind] | None = None,
    *,
    alpha: float = ALPHA,
    min_effect: float = MIN_EFFECT,
) -> DriftReport:
    """Compare two frames, column by column, as `drift_between` does two profiles.

    Numbers and categories are compared exactly; texts by the words that their sketches count, and without
    unknown words, since nobody trained on them.

    Args:
        reference: how it was.
        current: how it is.
        kinds: what the columns hold; `kinds_of` the reference when absent.
        alpha: of what is called drift, the share that may be false on average.
        min_effect: Jensen and Shannon's distance below which nothing is called drift.

    Example:
        >>> import polars as pl
        >>> before = pl.DataFrame({"plan": ["basic"] * 60 + ["pro"] * 40})
        >>> after = pl.DataFrame({"plan": ["basic"] * 20 + ["pro"] * 80})
        >>> drift_frames(before, after).columns[0].says
        "'pro' 40 % → 80 %"
    """
    known = kinds_of(reference) if kinds is None else kinds
    wanted = [(frame, name, kind) for frame in (reference, current) for name, kind in known.items()]

    def facts(each: "tuple[pl.DataFrame, str, Kind]") -> Facts:
        frame, name, kind = each
        series = frame[name] if name in frame.columns else None
        return facts_of_series(series, kind, frame.height)

    # Sorting, merging and counting let other threads run.
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(facts, wanted))
        before, after = found[: len(known)], found[len(known) :]
        return drift_of_facts(
            dict(zip(known, before, strict=True)),
            dict(zip(known, after, strict=True)),
            rows=(reference.height, current.height),
            alpha=alpha,
            min_effect=min_effect,
            each_of=pool.map,
        )
