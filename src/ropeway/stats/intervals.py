"""Confidence bounds of a metric, and of the difference between two models.

Here live the bootstrap over rows or over clusters of rows, and the paired bootstrap of a
difference in cost. What a metric is and which way is better lives in `stats.metrics`.

Every bound is a percentile bootstrap (Efron & Tibshirani, *An Introduction to the Bootstrap*,
1993, chapters 8 and 13): draw B samples with replacement, take the statistic of each, and read
the bound off the sorted B values. Rows which are copies of one another carry no information of their own,
so whole clusters are drawn (chapter 8.3): near-duplicates stay together or stay out.

Most metrics are a function of sums over rows (a confusion table, a sum of squares). Those are summed once
per cluster, and all B samples follow from one matrix product of draw counts and sums.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ropeway.stats.metrics import Aligned, Metric
from ropeway.stats.proportion import lower_bound, upper_bound

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Statistic = Callable[[Integers], float]

BLOCK_CELLS = 4_000_000
"""Draw counts held at once: 32 MB, however many rows and resamples there are."""


class Draws(TypedDict):
    """How samples are drawn: what every bound takes."""

    groups: Sequence[object] | None
    confidence: float
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its one-sided bounds: each holds with the stated confidence by itself."""

    estimate: float
    lower: float
    upper: float
    confidence: float
    resamples: int


def clusters_of(rows: int, groups: Sequence[object] | None) -> Integers:
    """Number the cluster of each row from 0; without groups each row is its own."""
    if groups is None:
        return np.arange(rows, dtype=np.int64)
    if len(groups) != rows:
        raise AssertionError(f"{len(groups)} group ids for {rows} rows")
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)


def draw_counts(clusters: int, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of draw counts, shape (resamples in the block, clusters); same seed, same draws."""
    generator = np.random.default_rng(seed)
    per_block = max(1, BLOCK_CELLS // max(1, clusters))
    for start in range(0, resamples, per_block):
        size = min(per_block, resamples - start)
        drawn = generator.integers(0, clusters, size=(size, clusters))
        drawn += np.arange(size)[:, None] * clusters
        counts = np.bincount(drawn.ravel(), minlength=size * clusters)
        yield counts.reshape(size, clusters).astype(np.float64)


def sums_interval(
    sums: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    groups: Sequence[object] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bound a statistic that follows from column sums over rows.

    Args:
        sums: What each row adds, shape (rows, terms).
        statistic: Maps sums of shape (samples, terms) to values of shape (samples,).
        groups: Cluster id of each row; None when rows are independent.
        confidence: Of each bound by itself.
        resamples: B, the number of bootstrap samples.
        seed: Of the draws.

    Example:
        >>> rows = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])   # hits and counts
        >>> sums_interval(rows, lambda s: s[:, 0] / s[:, 1]).estimate
        0.75
    """
    clusters = clusters_of(len(sums), groups)
    size = int(clusters.max()) + 1 if len(clusters) else 0
    per_cluster = np.zeros((size, sums.shape[1]))
    np.add.at(per_cluster, clusters, sums)
    samples = [
        statistic(counts @ per_cluster) for counts in draw_counts(size, resamples=resamples, seed=seed)
    ]
    estimate = statistic(per_cluster.sum(axis=0, keepdims=True))[0]
    return _percentiles(float(estimate), np.concatenate(samples), confidence)


def rows_interval(
    rows: int,
    statistic: Statistic,
    *,
    groups: Sequence[object] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bound any statistic of a list of row positions, by calling it once a sample.

    A sample on which the statistic is not a number (a class missing, say) is left out of the percentiles.
    """
    clusters = clusters_of(rows, groups)
    size = int(clusters.max()) + 1 if rows else 0
    positions = np.arange(rows)
    samples = [
        statistic(np.repeat(positions, count[clusters].astype(np.int64)))
        for counts in draw_counts(size, resamples=resamples, seed=seed)
        for count in counts
    ]
    return _percentiles(float(statistic(positions)), np.array(samples, dtype=np.float64), confidence)


def metric_interval(
    metric: Metric,
    aligned: Aligned,
    *,
    groups: Sequence[object] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bound a metric of aligned truth and predictions.

    A class that a sample does not hold is left out of that sample's mean, as scikit-learn leaves it out.

    Example:
        >>> import polars as pl
        >>> from ropeway.stats.metrics import METRICS, align
        >>> rows = align(["a", "b", "b"], pl.DataFrame({"a": [0.9, 0.2, 0.6], "b": [0.1, 0.8, 0.4]}))
        >>> round(metric_interval(METRICS["accuracy"], rows).estimate, 3)
        0.667
    """
    draws: Draws = {"groups": groups, "confidence": confidence, "resamples": resamples, "seed": seed}
    found = bootstrap_interval(metric, aligned, draws)
    return _widened(found, aligned, groups) if metric.name in RATES else found


def bootstrap_interval(metric: Metric, aligned: Aligned, draws: Draws) -> Interval:
    """What the bootstrap alone says of a metric."""
    if metric.name in LABEL_STATISTICS:
        found = sums_interval(_label_sums(aligned), LABEL_STATISTICS[metric.name], **draws)
    elif metric.name in VALUE_STATISTICS:
        found = sums_interval(_value_sums(aligned), VALUE_STATISTICS[metric.name], **draws)
    elif metric.name in ROW_MEANS:
        losses = [metric.of(aligned.take(np.array([row]))) for row in range(len(aligned.truth))]
        found = sums_interval(np.column_stack([losses, np.ones(len(losses))]), _ratio, **draws)
    else:
        found = rows_interval(len(aligned.truth), lambda rows: metric.of(aligned.take(rows)), **draws)
    # The metric itself has the last word on the estimate, also where a convention decides (R² of a constant).
    return dataclasses.replace(found, estimate=metric.of(aligned))


def _widened(found: Interval, aligned: Aligned, groups: Sequence[object] | None) -> Interval:
    """Never narrower than what the number of errors allows to say, by the exact binomial bound.

    Samples of a sample without an error have none either: the bootstrap alone would be sure of perfection
    from four rows. So a bound lies at least as far from the estimate as the exact bound of the error rate
    does from the error rate.
    """
    clusters = clusters_of(len(aligned.truth), groups)
    rows = np.bincount(clusters)
    wrong = np.bincount(clusters, weights=(aligned.truth != aligned.chosen).astype(np.float64))
    # A cluster counts once, as wrong as its rows are.
    errors, trials = round(float(np.sum(wrong / rows))), len(rows)
    rate = errors / trials
    below = upper_bound(errors, trials, found.confidence) - rate
    above = rate - lower_bound(errors, trials, found.confidence)
    return dataclasses.replace(
        found,
        lower=max(0.0, float(np.fmin(found.lower, found.estimate - below))),
        upper=min(1.0, float(np.fmax(found.upper, found.estimate + above))),
    )


def _label_sums(aligned: Aligned) -> Floats:
    """What each row adds to hits, predicted and true counts: (rows, 3 x classes)."""
    codes = np.eye(len(aligned.classes))
    is_, said = codes[aligned.truth], codes[aligned.chosen]
    return np.hstack([is_ * said, said, is_])


def _value_sums(aligned: Aligned) -> Floats:
    """What each row adds to: rows, |error|, error², value, value²."""
    # Sums of squares lose digits far from zero, and R² is the same wherever zero lies.
    shifted = aligned.truth - aligned.truth.mean()
    error = aligned.truth - aligned.chosen
    return np.column_stack([np.ones(len(error)), np.abs(error), error**2, shifted, shifted**2])


def difference_interval(
    left: Floats,
    right: Floats,
    *,
    groups: Sequence[object] | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bound the mean of `left - right`, paired: row i of both is the same row of the world.

    Pairing removes what is hard for both models, so that a small true difference shows on few rows
    (Efron & Tibshirani 1993, chapter 16).

    Example:
        >>> difference_interval(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])).estimate
        0.3333333333333333
    """
    gains = np.column_stack([left - right, np.ones(len(left))])
    return sums_interval(gains, _ratio, groups=groups, confidence=confidence, resamples=resamples, seed=seed)


def costs(
    truth: Sequence[object], predicted: Sequence[object], matrix: Mapping[str, Mapping[str, float]]
) -> Floats:
    """Price each row: `matrix[truth][predicted]`; with an empty matrix a mistake costs 1.

    A pair that the matrix does not name costs 0 when right and 1 when wrong.
    """
    pairs = zip(truth, predicted, strict=True)
    return np.array(
        [
            matrix.get(str(is_), {}).get(str(said), 0.0 if str(is_) == str(said) else 1.0)
            for is_, said in pairs
        ],
        dtype=np.float64,
    )


def _thirds(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Split label sums into hits, predicted and true counts, each (samples, classes)."""
    hits, said, is_ = np.split(sums, 3, axis=1)
    return hits, said, is_


def _accuracy(sums: Floats) -> Floats:
    hits, said, _ = _thirds(sums)
    return np.asarray(hits.sum(axis=1) / said.sum(axis=1), dtype=np.float64)


def _macro_f1(sums: Floats) -> Floats:
    hits, said, is_ = _thirds(sums)
    return _mean_over_classes(2 * hits, said + is_)


def _balanced_accuracy(sums: Floats) -> Floats:
    hits, _, is_ = _thirds(sums)
    return _mean_over_classes(hits, is_)


def _mean_over_classes(above: Floats, below: Floats) -> Floats:
    """Average the quotient over the classes that a sample holds."""
    held = below > 0
    quotient = np.divide(above, below, out=np.zeros_like(above), where=held)
    return np.asarray(quotient.sum(axis=1) / held.sum(axis=1), dtype=np.float64)


def _mae(sums: Floats) -> Floats:
    return np.asarray(sums[:, 1] / sums[:, 0], dtype=np.float64)


def _rmse(sums: Floats) -> Floats:
    return np.asarray(np.sqrt(sums[:, 2] / sums[:, 0]), dtype=np.float64)


def _r2(sums: Floats) -> Floats:
    spread = sums[:, 4] - sums[:, 3] ** 2 / sums[:, 0]
    explained = np.divide(sums[:, 2], spread, out=np.full(len(sums), np.nan), where=spread > 0)
    return np.asarray(1 - explained, dtype=np.float64)


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[:, 0] / sums[:, 1], dtype=np.float64)


def _percentiles(estimate: float, samples: Floats, confidence: float) -> Interval:
    known = samples[~np.isnan(samples)]
    lower, upper = np.quantile(known, [1 - confidence, confidence]) if len(known) else (np.nan, np.nan)
    return Interval(estimate, float(lower), float(upper), confidence, len(samples))


LABEL_STATISTICS: Mapping[str, Callable[[Floats], Floats]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
}
VALUE_STATISTICS: Mapping[str, Callable[[Floats], Floats]] = {"mae": _mae, "r2": _r2, "rmse": _rmse}
RATES = frozenset({"accuracy", "balanced_accuracy", "macro_f1", "roc_auc"})
"""Metrics of classes that end at 1, where the bootstrap of few or faultless rows is too sure of itself."""
ROW_MEANS = frozenset({"log_loss", "brier"})
"""Metrics that are the mean of what they are on each row alone."""
