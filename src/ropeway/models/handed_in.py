"""Evidence of a gate, handed in by whoever ran it: held against the record and the data before it counts.

A gate runs the project's code, so it runs at the caller; what it found comes as an object. From the record
are taken: the version, its split, its labels. From the data: which rows test, and their truth. The bar is
computed again from the predictions. What nobody can check without running the code is what it predicted, and
how those predictions compare beside the champion's; the evidence holds every prediction, so that it can be
run again.
"""

import math
from typing import Any

import msgspec

from ropeway.core.ids import Digest
from ropeway.data.assign import split_frame
from ropeway.data.key_text import key_text
from ropeway.data.load import load, resolve
from ropeway.models.errors import EvidenceDiffers
from ropeway.models.evidence import FORMAT, Evidence
from ropeway.models.exam_terms import ExamTerms, exam_terms, rows_digest, test_set_of
from ropeway.models.gates import bar
from ropeway.models.judgement import settings_of
from ropeway.models.manifest import read_manifest
from ropeway.models.registry import ModelVersion
from ropeway.models.within import Within
from ropeway.stats.intervals import metric_interval
from ropeway.stats.metrics import Aligned, align, metric
from ropeway.workspace import Context

CHECKS = ["bar", "champion", "agreement", "contract", "skew", "signature"]
LARGEST_BYTES = 1 << 30
SAME = 1e-9
"""Relative: two machines may add in another order."""


def require_true(context: Context, version: ModelVersion, digest: Digest) -> Evidence:
    """The evidence, once what can be checked of it is so.

    Raises:
        EvidenceDiffers: names what is not so.
        ObjectMissing: it was not put first.
    """
    seen = _read(context, version, digest)
    terms = exam_terms.function(context, ref=version.ref)
    _refuse(version, _against_record(context, terms, seen))
    truth, groups = _against_data(context, version, terms, seen)
    _refuse(version, _against_arithmetic(context, seen, truth, groups))
    return seen


def _read(context: Context, version: ModelVersion, digest: Digest) -> Evidence:
    if context.store.size(digest) > LARGEST_BYTES:
        raise EvidenceDiffers(version.ref, ["it is larger than any evidence"])
    try:
        return msgspec.json.decode(context.store.read(digest), type=Evidence)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceDiffers(version.ref, [f"it cannot be read as evidence: {error}"]) from error


def _refuse(version: ModelVersion, differences: list[str]) -> None:
    if differences:
        raise EvidenceDiffers(version.ref, differences)


def _against_record(context: Context, terms: ExamTerms, seen: Evidence) -> list[str]:
    """What of it the record says otherwise. A rival that changed meanwhile is found when it is approved."""
    told: dict[str, tuple[Any, Any]] = {
        "format": (seen.format, FORMAT),
        "version": (seen.ref, terms.version.ref),
        "content": (seen.content, terms.version.content),
        "dataset": (seen.dataset, terms.dataset),
        "split": (seen.split, terms.split.digest),
        "test set": (seen.test_set, test_set_of(terms.split)),
        "labelling": (seen.labelling, terms.labelling),
        "settings": (seen.settings, settings_of(context.project)),
        "list of checks": ([check.name for check in seen.checks], CHECKS),
    }
    return [f"its {name} is another than the record's" for name, (one, other) in told.items() if one != other]


def _against_data(
    context: Context, version: ModelVersion, terms: ExamTerms, seen: Evidence
) -> tuple[Aligned, list[str]]:
    """The truth of the test rows beside its predictions, and the rows' groups, both from the data."""
    import polars as pl

    workspace = Within(context)
    dataset = resolve(workspace, terms.dataset)
    frame = load(workspace, dataset)
    parts = split_frame(workspace, dataset, terms.split, frame)
    is_test = parts["part"] == "test"
    keys = key_text(parts["key"]).filter(is_test).to_list()
    manifest = read_manifest(context.store, version.package, version.ref)
    target, outputs = manifest.target, list(manifest.signature.outputs)
    if target is None or keys != seen.keys or seen.test_part != rows_digest(dataset.name, keys):
        raise EvidenceDiffers(version.ref, ["its rows are not the test rows"])
    if (
        set(outputs) != set(seen.predictions)
        or any(len(values) != len(keys) for values in seen.predictions.values())
        or seen.rows != len(keys)
    ):
        raise EvidenceDiffers(version.ref, ["it does not answer each test row once"])
    # In the package's order: of two that are equally probable the first is the answer.
    answers = pl.DataFrame({name: seen.predictions[name] for name in outputs}, strict=False)
    aligned = align(frame[target].filter(is_test), answers)
    return aligned, parts["group"].filter(is_test).to_list()


def _against_arithmetic(context: Context, seen: Evidence, aligned: Aligned, groups: list[str]) -> list[str]:
    """What of it does not follow from the data and its own predictions."""
    truth = (
        aligned.truth.tolist() if aligned.is_regression else [aligned.classes[code] for code in aligned.truth]
    )
    if truth != seen.truth:
        return ["its truth is not that of the test rows"]
    project = context.project
    found = metric_interval(
        metric(project.charter.metric),
        aligned,
        groups=groups,
        confidence=project.charter.confidence,
        resamples=project.gate.bootstrap,
        seed=project.gate.seed,
    )
    wanted = bar.held_against(project, found, rows=len(truth), clusters=len(set(groups)))
    told = seen.checks[CHECKS.index("bar")]
    if (told.passed, told.code) != (wanted.passed, wanted.code) or not _same(told.figure, wanted.figure):
        return [f"by its own predictions the bar's check says: {wanted.says}"]
    return []


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None or math.isnan(other):
        return one is other or (one is None and other is not None and math.isnan(other))
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)
