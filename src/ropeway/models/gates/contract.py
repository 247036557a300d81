"""Was the data as agreed? The dataset version against its contract and checks."""

from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam


def check(exam: Exam) -> GateCheck:
    """Pass when the dataset version broke nothing."""
    dataset = exam.dataset
    if dataset.is_trainable:
        return GateCheck(name="contract", passed=True, says=f"{dataset.shown} keeps its contract and checks")
    if dataset.contract_edited:
        return GateCheck(
            name="contract",
            passed=False,
            says=f"the contract of {dataset.shown} was edited since it was checked: "
            f"ropeway data check {dataset.shown}",
            code="contract-changed",
        )
    rules = "1 rule" if dataset.broken == 1 else f"{dataset.broken} rules"
    broken = [f"{rules} of its contract"] if not dataset.contract_ok else []
    broken += [f"the check '{name}'" for name in dataset.failed_checks]
    return GateCheck(
        name="contract",
        passed=False,
        figure=float(dataset.broken + len(dataset.failed_checks)),
        limit=0.0,
        says=f"{dataset.shown} breaks {' and '.join(broken)}: ropeway data check {dataset.shown}",
        code="contract-broken",
    )
