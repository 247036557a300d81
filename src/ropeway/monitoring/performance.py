"""How good answers were, by the truth that came for them: the charter's metric and the cost, with intervals.

Computed as the gate computes them on the test part, with the project's own confidence, resamples and seed, so
that the two can be held against each other. Answers about one entity are not independent: whole entities are
drawn where there are any.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import blake3
import numpy as np
import polars as pl

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.monitoring.judge import decoded
from ropeway.stats.answers import PREDICTION
from ropeway.stats.intervals import Floats, Interval, costs, difference_interval, metric_interval
from ropeway.stats.metrics import Aligned, BadPredictions, BadTruth, align, metric
from ropeway.workspace import Project

DEAR_METRICS = frozenset({"roc_auc"})
DEAR_RESAMPLES = 200
"""A metric that takes a call for each resample is bounded by fewer of them, window after window."""


NO_LABELS = digest_bytes(b"")
"""What `labels_digest` gives of nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of some labelled answers. Each is None where it is not defined on them."""

    labelled: int
    labels: Digest
    value: float | None = None
    low: float | None = None
    high: float | None = None
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None


def labels_digest(rows: pl.DataFrame) -> Digest:
    """A digest of which answers have which truth, in whatever order they stand."""
    hasher = blake3.blake3()
    for identity, truth in rows.sort("id").select("id", "truth").iter_rows():
        hasher.update(f"{identity}\0{truth}\n".encode())
    return Digest(hasher.hexdigest())


def measure_rows(rows: pl.DataFrame, project: Project) -> Measured:
    """Hold labelled answers against their truth.

    Args:
        rows: answers with `truth`, as `predictions.history` gives them; at least one.
        project: names the metric, the costs, and how intervals are drawn.
    """
    labels = labels_digest(rows)
    usable, aligned = _aligned(rows)
    if aligned is None:
        return Measured(labelled=0, labels=labels)
    groups = _groups(usable)
    value = _interval(aligned, groups, project)
    cost = _cost(aligned, groups, project)
    return Measured(
        labelled=usable.height,
        labels=labels,
        value=_finite(value, "estimate"),
        low=_finite(value, "lower"),
        high=_finite(value, "upper"),
        cost=_finite(cost, "estimate"),
        cost_low=_finite(cost, "lower"),
        cost_high=_finite(cost, "upper"),
    )


def _aligned(rows: pl.DataFrame) -> tuple[pl.DataFrame, Aligned | None]:
    """Truth and answers in one form, without the rows of which the truth says nothing."""
    truths, said = decoded(rows["truth"]), decoded(rows[PREDICTION])
    given = decoded(rows["probabilities"])
    is_number = all(not isinstance(each, str | bool) for each in said) and not any(given)
    usable = [_is_usable(truth, is_number=is_number) for truth in truths]
    keep = [position for position, fine in enumerate(usable) if fine]
    if not keep:
        return rows.clear(), None
    answers = (
        pl.DataFrame({PREDICTION: pl.Series([said[each] for each in keep], dtype=pl.Float64)})
        if is_number
        else _scores([said[each] for each in keep], [given[each] for each in keep])
    )
    truth = [truths[each] if is_number else _name_of(truths[each], answers.columns) for each in keep]
    try:
        return rows[keep], align(truth, answers)
    except (BadTruth, BadPredictions):
        # A model with one class, or a log of something else: nothing can be measured, and nothing breaks.
        return rows.clear(), None


def _is_usable(truth: object, *, is_number: bool) -> bool:
    if truth is None or isinstance(truth, list | dict):
        return False
    return not is_number or (isinstance(truth, int | float) and not isinstance(truth, bool))


def _scores(said: Sequence[object], given: Sequence[object]) -> pl.DataFrame:
    """A column for each class: its probability, or 1 for what was said where none were given."""
    maps = [each if isinstance(each, dict) else None for each in given]
    classes = list(dict.fromkeys(name for each in maps if each is not None for name in each))
    if not classes:
        texts = [_name_of(each, []) for each in said]
        # Two at least, for a choice to be one.
        classes = [*sorted(set(texts)), *([""] if len(set(texts)) == 1 else [])]
        return pl.DataFrame({name: [float(text == name) for text in texts] for name in classes})
    filled = [
        each if each is not None else {_name_of(one, classes): 1.0}
        for each, one in zip(maps, said, strict=True)
    ]
    return pl.DataFrame({name: [float(each.get(name) or 0.0) for each in filled] for name in classes})


def _name_of(value: object, classes: Sequence[str]) -> str:
    """A class as the columns name it: JSON's true, 1 and 1.0 are written in more than one way."""
    if isinstance(value, bool):
        ways = [str(value), str(value).lower(), str(int(value))]
    elif isinstance(value, int | float):
        ways = [str(value), f"{value:g}", f"{float(value)}"]
    else:
        ways = [str(value)]
    return next((way for way in ways if way in classes), ways[0])


def _groups(rows: pl.DataFrame) -> list[str] | None:
    """Which answers are about one entity; None where no entity is declared."""
    if not (rows["entity"] != "").any():
        return None
    pairs = zip(rows["entity"], rows["id"], strict=True)
    return [entity or identity for entity, identity in pairs]


def _interval(aligned: Aligned, groups: list[str] | None, project: Project) -> Interval | None:
    wanted = metric(project.charter.metric)
    if not wanted.is_applicable(aligned):
        return None
    resamples = project.gate.bootstrap
    return metric_interval(
        wanted,
        aligned,
        groups=groups,
        confidence=project.charter.confidence,
        resamples=min(resamples, DEAR_RESAMPLES) if wanted.name in DEAR_METRICS else resamples,
        seed=project.gate.seed,
    )


def _cost(aligned: Aligned, groups: list[str] | None, project: Project) -> Interval:
    paid = costs_of(aligned, project)
    return difference_interval(
        paid,
        np.zeros(len(paid)),
        groups=groups,
        confidence=project.charter.confidence,
        resamples=project.gate.bootstrap,
        seed=project.gate.seed,
    )


def costs_of(aligned: Aligned, project: Project) -> Floats:
    """What each answer cost: by the charter's matrix; of numbers the absolute (`mae`) or squared error."""
    if aligned.is_regression:
        error = aligned.truth - aligned.chosen
        is_absolute = project.charter.metric == "mae"
        return np.asarray(np.abs(error) if is_absolute else error**2, dtype=np.float64)
    names = aligned.classes
    truth, chosen = ([names[code] for code in codes] for codes in (aligned.truth, aligned.chosen))
    return costs(truth, chosen, project.charter.cost)


def _finite(found: Interval | None, name: str) -> float | None:
    value = None if found is None else float(getattr(found, name))
    return value if value is not None and math.isfinite(value) else None
