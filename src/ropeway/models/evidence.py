"""What a gate has seen, kept as one object: predictions, figures with intervals, settings.

From it a model card is written, and the verdict can be computed again.
"""

import math

import msgspec
import numpy as np

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam
from ropeway.models.judgement import Settings, settings_of
from ropeway.models.labelling import Labelling
from ropeway.stats.intervals import costs
from ropeway.stats.metrics import METRICS
from ropeway.store import Store

FORMAT = 1
DEAR_METRICS = frozenset({"roc_auc"})
"""Metrics whose bound takes a call for each resample; bounded only when the charter asks for them."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric on the test part. Bounds are each one-sided; None where not computed or not defined."""

    name: str
    estimate: float | None
    lower: float | None = None
    upper: float | None = None


class ClassFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One class: how many rows have it, and how well they are found."""

    name: str
    rows: int
    precision: float | None
    recall: float | None
    f1: float | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that one gate has seen. `confusion`: a row for each true class, a column for each predicted one."""

    format: int
    ref: str
    content: Digest
    dataset: str
    dataset_label: str
    split: Digest
    parts: dict[str, int]
    test_part: Digest
    test_set: Digest
    earlier_looks: int
    champion: str | None
    labelling: Labelling | None
    settings: Settings
    checks: list[GateCheck]
    rows: int
    clusters: int
    figures: list[Figure]
    classes: list[ClassFigures]
    confusion: list[list[int]]
    cost_per_row: float | None
    keys: list[str]
    truth: list[str | float]
    predictions: dict[str, list[float]]


def put_evidence(store: Store, exam: Exam, checks: list[GateCheck]) -> Digest:
    """Keep what this gate has seen; gives its digest."""
    aligned = exam.aligned
    evidence = Evidence(
        format=FORMAT,
        ref=exam.version.ref,
        content=exam.version.content,
        dataset=exam.dataset_ref,
        dataset_label=exam.dataset.shown,
        split=exam.split_record.digest,
        parts=exam.parts,
        test_part=exam.test_part,
        test_set=exam.test_set,
        earlier_looks=exam.earlier_looks,
        champion=exam.champion.version.ref if exam.champion else None,
        labelling=exam.labelling,
        settings=settings_of(exam.project),
        checks=checks,
        rows=exam.height,
        clusters=exam.groups.n_unique(),
        figures=_figures(exam),
        classes=[] if aligned.is_regression else _classes(exam),
        confusion=[] if aligned.is_regression else _confusion(exam).tolist(),
        cost_per_row=None if aligned.is_regression else _cost(exam),
        keys=[str(key) for key in exam.keys],
        truth=aligned.truth.tolist()
        if aligned.is_regression
        else [aligned.classes[code] for code in aligned.truth],
        predictions={name: exam.predictions[name].to_list() for name in exam.predictions.columns},
    )
    return store.put(canonical(evidence))


def read_evidence(store: Store, digest: Digest) -> Evidence:
    """The evidence of an earlier gate, verified."""
    return msgspec.json.decode(store.read(digest), type=Evidence)


def _figures(exam: Exam) -> list[Figure]:
    """Every metric that applies, the charter's first."""
    wanted = exam.project.charter.metric
    applicable = [each for each in METRICS.values() if each.is_applicable(exam.aligned)]
    applicable.sort(key=lambda each: each.name != wanted)
    figures = []
    for each in applicable:
        if each.name in DEAR_METRICS and each.name != wanted:
            figures.append(Figure(name=each.name, estimate=_finite(each.of(exam.aligned))))
            continue
        found = exam.interval(each)
        figures.append(
            Figure(
                name=each.name,
                estimate=_finite(found.estimate),
                lower=_finite(found.lower),
                upper=_finite(found.upper),
            )
        )
    return figures


def _confusion(exam: Exam) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    size = len(exam.aligned.classes)
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (exam.aligned.truth, exam.aligned.chosen), 1)
    return table


def _classes(exam: Exam) -> list[ClassFigures]:
    table = _confusion(exam)
    hits, true, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    return [
        ClassFigures(
            name=name,
            rows=int(true[code]),
            precision=_share(hits[code], said[code]),
            recall=_share(hits[code], true[code]),
            f1=_share(2 * hits[code], said[code] + true[code]),
        )
        for code, name in enumerate(exam.aligned.classes)
    ]


def _cost(exam: Exam) -> float:
    names = exam.aligned.classes
    truth = [names[code] for code in exam.aligned.truth]
    chosen = [names[code] for code in exam.aligned.chosen]
    return float(costs(truth, chosen, exam.project.charter.cost).mean())


def _share(above: float, below: float) -> float | None:
    return float(above / below) if below else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
