"""One column of two sets of rows, compared part by part: what was found, and in which words."""

import numpy as np
from numpy.typing import NDArray

from ropeway.stats.drift.cells import cells
from ropeway.stats.drift.chi2 import chi2
from ropeway.stats.drift.ecdf import Ecdf, merged_steps
from ropeway.stats.drift.facts import CategoryFacts, Facts, NumberFacts, Rows, TextFacts
from ropeway.stats.drift.jensen_shannon import effect
from ropeway.stats.drift.ks import ks_of_gaps
from ropeway.stats.drift.psi import BINS, psi, quantile_edges
from ropeway.stats.drift.report import PartDrift
from ropeway.stats.drift.shapes import count_shapes, number_shapes, share_shapes
from ropeway.stats.drift.two_shares import two_shares
from ropeway.stats.drift.wasserstein import area_between
from ropeway.stats.sketches.category import OTHER

WORDS = 100
"""The words that are tested one by one: those that the most texts of both hold."""


def compare(reference: Facts, current: Facts) -> list[PartDrift]:
    """Every part of a column that both sides allow to compare; none of another kind than the reference's.

    Times are not compared as numbers: they move on by themselves, and every window would be drift.
    """
    parts = missing_part(reference.rows, current.rows)
    if not reference.rows.present or not current.rows.present:
        return parts
    match reference, current:
        case NumberFacts(kind="number"), NumberFacts(kind="number"):
            parts.append(number_part("values", reference, current))
        case CategoryFacts(), CategoryFacts():
            parts.append(category_part(reference, current))
        case TextFacts(), TextFacts():
            parts += text_parts(reference, current)
        case _:
            pass
    return parts


def missing_part(reference: Rows, current: Rows) -> list[PartDrift]:
    """Rows without a value; nothing where neither side has one, or one has no rows."""
    if not reference.all or not current.all or not reference.missing + current.missing:
        return []
    left = [reference.missing, reference.present]
    right = [current.missing, current.present]
    before, now = reference.missing / reference.all, current.missing / current.all
    shapes = share_shapes(["missing", "present"], [before, 1 - before], [now, 1 - now], (reference, current))
    return [
        PartDrift(
            part="missing",
            detector="two-shares",
            statistic=abs(now - before),
            p_value=two_shares(reference.missing, reference.all, current.missing, current.all),
            effect=effect(left, right),
            psi=psi(left, right),
            says=_missing_says(reference, current),
            reference=shapes[0],
            current=shapes[1],
        )
    ]


def number_part(part: str, reference: NumberFacts, current: NumberFacts) -> PartDrift:
    """Numbers that both sides have."""
    one, other = reference.numbers, current.numbers
    points, gaps = merged_steps(one, other)
    test = ks_of_gaps(one, other, gaps)
    tenths = one.quantiles(np.arange(1, BINS) / BINS)
    inner, outer = quantile_edges(tenths), _closed_edges(one, tenths)
    shapes = number_shapes(reference, current)
    return PartDrift(
        part=part,
        detector="ks",
        statistic=test.statistic,
        p_value=test.p_value,
        effect=effect(one.counts(outer), other.counts(outer)),
        psi=psi(one.counts(inner), other.counts(inner)),
        wasserstein=area_between(points, gaps),
        says=_number_says(reference, current),
        reference=shapes[0],
        current=shapes[1],
    )


def category_part(reference: CategoryFacts, current: CategoryFacts) -> PartDrift:
    """Categories that both sides have."""
    made = cells(reference.counts, current.counts)
    test = chi2(made, reference_error=reference.error, current_error=current.error)
    left, right = made.whole()
    shapes = share_shapes(
        made.all_labels,
        list(left / left.sum()),
        list(right / right.sum()),
        (reference.rows, current.rows),
    )
    return PartDrift(
        part="values",
        detector="chi2",
        statistic=test.statistic,
        p_value=test.p_value,
        effect=effect(left, right),
        psi=psi(left, right),
        says=_category_says(reference, current, made.all_labels, left, right),
        reference=shapes[0],
        current=shapes[1],
    )


def text_parts(reference: TextFacts, current: TextFacts) -> list[PartDrift]:
    """Length, number of tokens, words, and unknown words of texts that both sides have."""
    parts = [
        number_part("length", reference.length, current.length),
        number_part("tokens", reference.tokens, current.tokens),
    ]
    if reference.word_total and current.word_total:
        parts.append(words_part(reference, current))
    if reference.unknown is not None and current.unknown is not None:
        parts.append(unknown_part(reference, current, reference.unknown, current.unknown))
    return parts


def words_part(reference: TextFacts, current: TextFacts) -> PartDrift:
    """The share of texts that hold each of the most frequent words, one test a word, Bonferroni over them.

    A text holds a word or does not, so that texts are the cases: words of one text are not independent.
    """
    n, m = reference.rows.present, current.rows.present
    both = {
        word: reference.words.get(word, 0) / n + current.words.get(word, 0) / m
        for word in {**reference.words, **current.words}
    }
    words = sorted(both, key=lambda word: (-both[word], word))[:WORDS]
    chances = [_word_chance(reference, current, word) for word in words]
    best = int(np.argmin(chances))
    left = [reference.words.get(word, 0) for word in words]
    right = [current.words.get(word, 0) for word in words]
    shares = (left[best] / n, right[best] / m)
    counts = [np.array([*row, of.word_total - sum(row)]) for row, of in ((left, reference), (right, current))]
    order = [words[place] for place in np.argsort(chances, kind="stable")]
    shapes = count_shapes(order, reference.words, current.words, (n, m), (reference.rows, current.rows))
    return PartDrift(
        part="words",
        detector="two-shares",
        statistic=abs(shares[1] - shares[0]),
        p_value=min(1.0, len(words) * chances[best]),
        effect=effect(*counts),
        psi=psi(*counts),
        says=f"'{words[best]}' in {_percent(shares[0])} → {_percent(shares[1])} of the texts",
        reference=shapes[0],
        current=shapes[1],
    )


def unknown_part(reference: TextFacts, current: TextFacts, before: float, now: float) -> PartDrift:
    """The share of tokens that training did not know.

    Tokens of one text belong together. How far is not known, so each text counts as one case, as if all its
    tokens were alike: the p-value is larger than the truth, never smaller.
    """
    n, m = reference.checked_texts, current.checked_texts
    left, right = [before * n, (1 - before) * n], [now * m, (1 - now) * m]
    shapes = share_shapes(
        ["unknown", "known"], [before, 1 - before], [now, 1 - now], (reference.rows, current.rows)
    )
    return PartDrift(
        part="unknown words",
        detector="two-shares",
        statistic=abs(now - before),
        p_value=two_shares(left[0], n, right[0], m),
        effect=effect(left, right),
        psi=psi([before, 1 - before], [now, 1 - now]),
        says=f"words that training did not know: {_percent(before)} → {_percent(now)}",
        reference=shapes[0],
        current=shapes[1],
    )


def _word_chance(reference: TextFacts, current: TextFacts, word: str) -> float:
    n, m = reference.rows.present, current.rows.present
    x, y = reference.words.get(word, 0), current.words.get(word, 0)
    # A count that may be low is raised where that makes the difference smaller, but not past it.
    if x / n < y / m:
        x = min(max(x, int(y * n / m)), x + reference.word_error)
    else:
        y = min(max(y, int(x * m / n)), y + current.word_error)
    return two_shares(x, n, y, m)


def _closed_edges(one: Ecdf, tenths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tenths of the reference, and beyond both its ends a cell for what it never had."""
    ends = [np.nextafter(one.low, -np.inf), one.high]
    edges: NDArray[np.float64] = np.unique(np.concatenate([ends, tenths]))
    return edges


def _number_says(reference: NumberFacts, current: NumberFacts) -> str:
    one, other = reference.numbers, current.numbers
    if other.is_constant and not one.is_constant:
        return f"always {other.low:.4g}, where it went from {one.low:.4g} to {one.high:.4g}"
    if one.is_constant and not other.is_constant:
        return f"from {other.low:.4g} to {other.high:.4g}, where it was always {one.low:.4g}"
    middle = (float(one.quantiles(0.5)), float(other.quantiles(0.5)))
    return (
        f"mean {reference.mean:.4g} → {current.mean:.4g}, median {middle[0]:.4g} → {middle[1]:.4g}, "
        f"range {one.low:.4g}-{one.high:.4g} → {other.low:.4g}-{other.high:.4g}"
    )


def _category_says(
    reference: CategoryFacts,
    current: CategoryFacts,
    labels: list[str],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> str:
    held = [name for name, count in current.counts.items() if count]
    if len(held) == 1 and held[0] != OTHER and len(reference.counts) > 1:
        return f"always '{held[0]}', where it was one of {len(reference.counts)}"
    before, now = left / left.sum(), right / right.sum()
    most = int(np.abs(now - before).argmax())
    said = f"'{labels[most]}' {_percent(before[most])} → {_percent(now[most])}"
    is_exact = not reference.error
    fresh = [name for name in held if name not in reference.counts and name != OTHER] if is_exact else []
    if fresh:
        share = sum(current.counts[name] for name in fresh) / current.rows.present
        named = ", ".join(f"'{name}'" for name in fresh[:3]) + (" …" if len(fresh) > 3 else "")
        said += f"; never seen before: {named} ({_percent(share)})"
    return said


def _missing_says(reference: Rows, current: Rows) -> str:
    ways = [
        (current.nulls, reference.nulls, "null or not finite"),
        (current.mistyped, reference.mistyped, "of another type"),
        (current.absent, reference.absent, "without the column"),
    ]
    if current.missing == current.all:
        for now, _, words in ways:
            if now == current.all:
                return f"every row is {words}" if "without" not in words else "no row has the column"
        return "no row has a usable value"
    told = [
        f"{words} {_percent(before / reference.all)} → {_percent(now / current.all)}"
        for now, before, words in ways
        if now or before
    ]
    return "rows " + ", ".join(told)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.0995 else f"{share * 100:.2g} %"
