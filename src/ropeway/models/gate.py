"""The gate: a version held against the project's charter, on rows that it has never learnt from.

Each check is a file in `gates/`. Whatever comes of them is recorded with its evidence, as one look at the
test set: who looks often enough finds a version that passes by luck, so looks are counted and shown.
"""

from typing import TYPE_CHECKING

import msgspec

from ropeway.core.ids import Digest
from ropeway.models import registry
from ropeway.models.events import GateCheck, GateEvaluated
from ropeway.models.states import Move, State, after
from ropeway.workspace import Context

if TYPE_CHECKING:
    from ropeway.models.exam import Exam


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found.

    Attributes:
        look: how many times this test set has been looked at, this time included.
        was_approved_by: who had approved it on the former evidence, which no longer counts.
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


def judge(context: Context, ref: str) -> GateReport:
    """Run every check, keep the evidence, record the verdict.

    A look is counted when its verdict goes on record. A gate that is killed before that has looked and is not
    counted: looks keep honest people from fooling themselves, they do not guard the test rows.

    Raises:
        IllegalTransition: the version is live, or it is out of use.
        PackageDiffers: it, or the version in production, is not what its run made.
        ModelDamaged, SourceNotApproved: it, or the version in production, cannot be loaded.
        NoTestRows: there is nothing to judge on.
    """
    version = registry.resolve(context.read, context.project, ref)
    after(version.ref, version.state, Move.GATE)
    from ropeway.models.evidence import put_evidence
    from ropeway.models.exam import prepare

    exam = prepare(context, version)
    try:
        checks = run_checks(exam)
        evidence = put_evidence(context.store, exam, checks)
    finally:
        exam.close()
    passed = all(check.passed for check in checks)
    champion = exam.champion.version.ref if exam.champion else None
    context.begin()
    # Others may have moved it while the checks ran.
    now = registry.get(context.read, version.name, version.number)
    after(version.ref, now.state, Move.GATE)
    look = registry.looks_at(context.read, exam.test_set) + 1
    context.append(
        GateEvaluated(
            name=version.name,
            number=version.number,
            passed=passed,
            checks=checks,
            evidence=evidence,
            dataset=exam.dataset_ref,
            split=exam.split_record.digest,
            test_part=exam.test_part,
            test_set=exam.test_set,
            look=look,
            champion=champion,
        )
    )
    return GateReport(
        ref=version.ref,
        passed=passed,
        state=registry.get(context.read, version.name, version.number).state,
        checks=checks,
        dataset=exam.dataset.shown,
        rows=exam.height,
        champion=champion,
        look=look,
        evidence=evidence,
        was_approved_by=now.approved_by if now.state is State.APPROVED else None,
    )


def run_checks(exam: "Exam") -> list[GateCheck]:
    """Every check, in the order in which they are read: the promise first, then what it rests on."""
    from ropeway.models.gates import agreement, bar, champion, contract, signature, skew

    return [gate.check(exam) for gate in (bar, champion, agreement, contract, skew, signature)]
