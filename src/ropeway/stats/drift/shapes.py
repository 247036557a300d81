"""Distributions as they are drawn: both of a comparison over the same bins or labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from ropeway.stats.drift.ecdf import Ecdf
from ropeway.stats.drift.facts import NumberFacts, Rows
from ropeway.stats.drift.report import Shape

BINS = 24
SHOWN = 12
"""Categories that are drawn by themselves."""

TAIL = 0.005
"""The share at either end that does not widen the picture."""

DIGITS = 6


def number_shapes(reference: NumberFacts, current: NumberFacts) -> tuple[Shape, Shape]:
    """Both as histograms with bins of one width."""
    edges = _edges([each.numbers for each in (reference, current) if each.numbers.count])
    return _histogram(reference, edges), _histogram(current, edges)


def share_shapes(
    labels: Sequence[str], reference: Sequence[float], current: Sequence[float], rows: tuple[Rows, Rows]
) -> tuple[Shape, Shape]:
    """Both as bars, from shares; of many labels the first are shown and the rest are one."""
    shown = list(labels)
    bars = [list(reference), list(current)]
    if len(shown) > SHOWN + 1:
        shown = [*shown[:SHOWN], "(others)"]
        bars = [[*each[:SHOWN], sum(each[SHOWN:])] for each in bars]
    return _bars(shown, bars[0], rows[0]), _bars(shown, bars[1], rows[1])


def count_shapes(
    labels: Sequence[str],
    reference: Mapping[str, int],
    current: Mapping[str, int],
    of: tuple[int, int],
    rows: tuple[Rows, Rows],
) -> tuple[Shape, Shape]:
    """Both as bars of these labels alone, each the share that its count is of all."""
    some = list(labels)[:SHOWN]
    left = [min(1.0, reference.get(name, 0) / max(1, of[0])) for name in some]
    right = [min(1.0, current.get(name, 0) / max(1, of[1])) for name in some]
    return _bars(some, left, rows[0]), _bars(some, right, rows[1])


def bare_shape(rows: Rows) -> Shape:
    """How many rows there were, and nothing to draw."""
    return Shape(rows=rows.all, missing=rows.missing)


def _bars(labels: list[str], shares: Sequence[float], rows: Rows) -> Shape:
    rounded = [round(float(share), DIGITS) for share in shares]
    return Shape(rows=rows.all, missing=rows.missing, shares=rounded, labels=labels)


def _edges(both: Sequence[Ecdf]) -> list[float]:
    if not both:
        return []
    ends = np.array([each.quantiles([TAIL, 1 - TAIL]) for each in both])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if low == high:
        room = max(0.5, abs(low) * 0.01)
        return [low - room, low + room]
    # Halved first: the range of numbers near the largest float is beyond it.
    return [float(edge) for edge in np.linspace(low / 2, high / 2, BINS + 1) * 2]


def _histogram(facts: NumberFacts, edges: list[float]) -> Shape:
    if not facts.numbers.count or not edges:
        return Shape(rows=facts.rows.all, missing=facts.rows.missing, shares=[], edges=edges)
    counts = facts.numbers.counts(edges[1:-1])
    shares = [round(float(share), DIGITS) for share in counts / facts.numbers.count]
    return Shape(rows=facts.rows.all, missing=facts.rows.missing, shares=shares, edges=edges)
