"""Do people agree on the truth? Krippendorff's alpha of the ratings behind the labels, its lower bound."""

from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam


def check(exam: Exam) -> GateCheck:
    """Pass when the lower bound of alpha reaches `min_agreement`; skipped where nobody rated anything."""
    wanted, limit = exam.project.gate.agreement, exam.project.gate.min_agreement
    if exam.labelling is None:
        if wanted is None:
            says = f"{exam.dataset.shown} was not made from people's labels"
            return GateCheck(name="agreement", passed=True, skipped=True, says=says)
        says = (
            f"{exam.dataset.shown} was not made from the labels '{wanted}': ropeway labels snapshot {wanted}"
        )
        return GateCheck(name="agreement", passed=False, limit=limit, says=says, code="labels-missing")
    labels, measured = exam.labelling.labels, exam.labelling.agreement
    if measured is None or measured.alpha is None or measured.low is None:
        reason = measured.undefined if measured is not None else "it was never measured"
        return GateCheck(
            name="agreement",
            passed=False,
            limit=limit,
            says=f"no agreement is known of '{labels}', {reason}: ropeway labels agreement {labels}",
            code="agreement-unknown",
        )
    passed = measured.low >= limit
    beside = "; rows that feedback added have one judge each" if exam.labelling.is_continued else ""
    return GateCheck(
        name="agreement",
        passed=passed,
        figure=measured.low,
        limit=limit,
        says=f"alpha of '{labels}' is {measured.alpha:.3f}, {measured.confidence:.0%} interval from "
        f"{measured.low:.3f}, over {measured.units:,} items by {exam.labelling.who}{beside}",
        code="" if passed else "raters-disagree",
    )
