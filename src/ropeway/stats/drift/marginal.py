"""Drift of each column of two profiles, and which of it may be believed.

A column is called drifted when both hold: its q-value after Benjamini and Hochberg is at most alpha, so that
it is no chance; and its effect is at least min_effect, so that it matters. Each column is looked at by
itself: a change in how columns go together is not seen.

A column with several parts (a text's length, words …) is judged by the one that tells most, and its p-value
counts once for each part. What cannot be compared is told in words, never an error: a column that is empty,
of another type, or not there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from ropeway.stats.drift.benjamini_hochberg import benjamini_hochberg
from ropeway.stats.drift.compare import compare
from ropeway.stats.drift.facts import Facts, TextFacts, facts_of
from ropeway.stats.drift.report import ColumnDrift, DriftReport
from ropeway.stats.drift.shapes import bare_shape
from ropeway.stats.drift.tokens import TellingToken, telling_tokens

if TYPE_CHECKING:
    from ropeway.stats.profile import Profile

ALPHA = 0.01
MIN_EFFECT = 0.1

EachOf = Callable[[Callable[[str], ColumnDrift], Iterable[str]], Iterable[ColumnDrift]]


def drift_between(
    reference: "Profile", current: "Profile", *, alpha: float = ALPHA, min_effect: float = MIN_EFFECT
) -> DriftReport:
    """Compare two profiles, column by column.

    A column that only the current profile has is passed over: there is nothing to hold it against.

    Args:
        reference: how it was.
        current: how it is.
        alpha: of what is called drift, the share that may be false on average.
        min_effect: Jensen and Shannon's distance below which nothing is called drift.

    Example:
        >>> import numpy as np, polars as pl
        >>> from ropeway.stats.profile import profile
        >>> generator = np.random.default_rng(7)
        >>> before = pl.DataFrame({"age": generator.normal(40, 9, 1000), "paid": generator.random(1000)})
        >>> after = pl.DataFrame({"age": generator.normal(46, 9, 300), "paid": generator.random(300)})
        >>> found = drift_between(profile(before), profile(after))
        >>> found.drifted, round(found.columns[0].effect, 3), found.columns[0].p_value < 1e-9
        (['age'], 0.307, True)
    """
    left = {name: facts_of(sketch) for name, sketch in reference.columns.items()}
    right = {name: facts_of(current.columns[name]) for name in left if name in current.columns}
    return drift_of_facts(
        left, right, rows=(reference.rows, current.rows), alpha=alpha, min_effect=min_effect
    )


def drift_of_facts(
    reference: Mapping[str, Facts],
    current: Mapping[str, Facts],
    *,
    rows: tuple[int, int],
    alpha: float,
    min_effect: float,
    each_of: EachOf = map,
) -> DriftReport:
    """The same where what is compared is at hand; `each_of` is `map`, or a pool's."""

    def column(name: str) -> ColumnDrift:
        return _column(name, reference[name], current.get(name), rows, min_effect)

    judged = _judged(list(each_of(column, reference)), alpha, min_effect)
    tokens = {}
    for name, before in reference.items():
        now = current.get(name)
        if isinstance(before, TextFacts) and isinstance(now, TextFacts):
            tokens[name] = _tokens(before, now)
    judged.sort(key=lambda each: (not each.drifted, -each.effect, each.name))
    return DriftReport(
        reference_rows=rows[0],
        current_rows=rows[1],
        alpha=alpha,
        min_effect=min_effect,
        columns=judged,
        drifted=[each.name for each in judged if each.drifted],
        tokens=tokens,
    )


def _column(
    name: str, before: Facts, now: Facts | None, rows: tuple[int, int], min_effect: float
) -> ColumnDrift:
    if now is None:
        return _bare(name, before, before, "the current rows do not have this column", is_broken=True)
    if before.kind != now.kind:
        says = f"of another type: kind '{now.kind}', where it was '{before.kind}'"
        return _bare(name, before, now, says, is_broken=True)
    if not all(rows):
        which = "reference" if not rows[0] else "current"
        return _bare(name, before, now, f"not compared: there are no {which} rows", is_broken=False)
    parts = compare(before, now)
    if not parts:
        says = (
            "not compared: times move on by themselves"
            if before.kind == "time"
            else "no values on either side"
        )
        return _bare(name, before, now, says, is_broken=False)
    lead = min(parts, key=lambda each: (each.effect < min_effect, each.p_value, -each.effect))
    return ColumnDrift(
        name=name,
        kind=before.kind,
        part=lead.part,
        detector=lead.detector,
        statistic=lead.statistic,
        p_value=min(1.0, lead.p_value * len(parts)),
        q_value=None,
        effect=lead.effect,
        psi=lead.psi,
        wasserstein=lead.wasserstein,
        drifted=False,
        says=lead.says if lead.part == "values" else f"{lead.part}: {lead.says}",
        reference=lead.reference,
        current=lead.current,
        parts=parts,
    )


def _bare(name: str, before: Facts, now: Facts, says: str, *, is_broken: bool) -> ColumnDrift:
    """A column that was not tested. One that is broken has nothing in common with what it was."""
    return ColumnDrift(
        name=name,
        kind=before.kind,
        part="",
        detector="",
        statistic=0.0,
        p_value=None,
        q_value=None,
        effect=1.0 if is_broken else 0.0,
        psi=None,
        wasserstein=None,
        drifted=is_broken,
        says=says,
        reference=bare_shape(before.rows),
        current=bare_shape(now.rows),
    )


def _judged(columns: list[ColumnDrift], alpha: float, min_effect: float) -> list[ColumnDrift]:
    tested = [each for each in columns if each.p_value is not None]
    q_values = benjamini_hochberg([each.p_value for each in tested if each.p_value is not None])
    judged = [each for each in columns if each.p_value is None]
    for each, q_value in zip(tested, q_values, strict=True):
        drifted = q_value <= alpha and each.effect >= min_effect
        says = each.says if drifted else _no_drift(each, q_value, alpha)
        judged.append(msgspec.structs.replace(each, q_value=q_value, drifted=drifted, says=says))
    return judged


def _no_drift(column: ColumnDrift, q_value: float, alpha: float) -> str:
    """Why it is not called drift."""
    if q_value > alpha:
        return "no more than chance"
    return f"significant, but small (effect {column.effect:.2g}): {column.says}"


def _tokens(before: TextFacts, now: TextFacts) -> list[TellingToken]:
    return telling_tokens(
        before.words,
        now.words,
        texts=(before.rows.present, now.rows.present),
        totals=(before.word_total, now.word_total),
        errors=(before.word_error, now.word_error),
    )
