"""The gate: a version held against the project's charter, on rows that it has never learnt from.

Each check is a file in `gates/`. Whatever comes of them is recorded with its evidence, as one look at the
test set: who looks often enough finds a version that passes by luck, so looks are counted and shown.
"""

from typing import TYPE_CHECKING

import msgspec

from ropeway.core.ids import Digest
from ropeway.models import registry
from ropeway.models.events import GateCheck, GateEvaluated
from ropeway.models.exam_terms import exam_terms
from ropeway.models.projections import OWN_FORMAT
from ropeway.models.registry import ModelVersion
from ropeway.models.states import Move, State, after
from ropeway.models.within import Within
from ropeway.workspace import Context, Workspace

if TYPE_CHECKING:
    from ropeway.models.evidence import Evidence
    from ropeway.models.exam import Exam


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found.

    Attributes:
        look: how many times this test set has been looked at, this time included.
        was_approved_by: who had approved it on the former evidence, which no longer counts.
        unproven: what nothing here can prove about it, and is its maker's word; empty for a run of ours.
    """

    ref: str
    passed: bool
    state: State
    checks: list[GateCheck]
    dataset: str
    rows: int
    champion: str | None
    look: int
    evidence: Digest
    was_approved_by: str | None = None
    unproven: str = ""


UNPROVEN = "what it learnt from is not on record here: that these rows were kept from it is its maker's word"


def examine(workspace: Workspace, ref: str) -> tuple[ModelVersion, Digest]:
    """Run every check and keep what was seen; gives the version and the evidence. Records nothing.

    Raises:
        IllegalTransition: the version is live, or it is out of use.
        PackageDiffers: it, or the version in production, is not what its run made.
        ModelDamaged, SourceNotApproved: it, or the version in production, cannot be loaded.
        NoTestRows: there is nothing to judge on.
    """
    from ropeway.models.evidence import put_evidence
    from ropeway.models.exam import prepare

    terms = exam_terms(workspace, ref=ref)
    after(terms.version.ref, terms.version.state, Move.GATE)
    exam = prepare(workspace, terms)
    try:
        return terms.version, put_evidence(workspace.store, exam, run_checks(exam))
    finally:
        exam.close()


def judge(context: Context, ref: str) -> GateReport:
    """Run every check, keep the evidence, record the verdict.

    A look is counted when its verdict goes on record. A gate that is killed before that has looked and is not
    counted: looks keep honest people from fooling themselves, they do not guard the test rows.

    Raises:
        IllegalTransition, PackageDiffers, ModelDamaged, SourceNotApproved, NoTestRows: as `examine`.
    """
    from ropeway.models.evidence import read_evidence

    version, evidence = examine(Within(context), ref)
    return _record(context, version, evidence, read_evidence(context.store, evidence))


def take_verdict(context: Context, ref: str, evidence: Digest) -> GateReport:
    """Put on record what a gate has seen that ran elsewhere.

    All of it is read from its evidence, which is held against the record and the data first: see `handed_in`.

    Raises:
        EvidenceDiffers: it says something else than the record or the data.
        IllegalTransition: others have moved the version meanwhile.
    """
    from ropeway.models.handed_in import require_true

    version = registry.resolve(context.read, context.project, ref)
    return _record(context, version, evidence, require_true(context, version, evidence))


def _record(context: Context, version: ModelVersion, evidence: Digest, seen: "Evidence") -> GateReport:
    """The verdict that follows from some evidence, recorded as one look."""
    context.begin()
    # Others may have moved it while the checks ran.
    now = registry.get(context.read, version.name, version.number)
    after(version.ref, now.state, Move.GATE)
    look = registry.looks_at(context.read, seen.test_set) + 1
    passed = all(check.passed for check in seen.checks)
    context.append(
        GateEvaluated(
            name=version.name,
            number=version.number,
            passed=passed,
            checks=seen.checks,
            evidence=evidence,
            dataset=seen.dataset,
            split=seen.split,
            test_part=seen.test_part,
            test_set=seen.test_set,
            look=look,
            champion=seen.champion,
        )
    )
    return GateReport(
        ref=version.ref,
        passed=passed,
        state=registry.get(context.read, version.name, version.number).state,
        checks=seen.checks,
        dataset=seen.dataset_label,
        rows=seen.rows,
        champion=seen.champion,
        look=look,
        evidence=evidence,
        was_approved_by=now.approved_by if now.state is State.APPROVED else None,
        unproven="" if now.format == OWN_FORMAT else UNPROVEN,
    )


def run_checks(exam: "Exam") -> list[GateCheck]:
    """Every check, in the order in which they are read: the promise first, then what it rests on."""
    from ropeway.models.gates import agreement, bar, champion, contract, signature, skew

    return [gate.check(exam) for gate in (bar, champion, agreement, contract, skew, signature)]
