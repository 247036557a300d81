"""Will those who call it notice? The request and answer columns, beside the version in production."""

from ropeway.models.events import GateCheck
from ropeway.models.exam import Exam


def check(exam: Exam) -> GateCheck:
    """Pass when every request of today is still understood, and every answer column still comes."""
    champion = exam.champion
    if champion is None:
        return GateCheck(name="signature", passed=True, skipped=True, says="no version in production yet")
    now, then = exam.manifest.signature, champion.manifest.signature
    faults = [f"it needs the new column '{name}'" for name in now.inputs if name not in then.inputs]
    faults += [
        f"'{name}' is {kind} in requests now and was {then.inputs[name]}"
        for name, kind in now.inputs.items()
        if name in then.inputs and not _fits(then.inputs[name], kind)
    ]
    faults += [
        f"'{name}' must not be null in requests now"
        for name in now.inputs
        if name in champion.manifest.nullable and name not in exam.manifest.nullable
    ]
    faults += [f"it drops the answer column '{name}'" for name in then.outputs if name not in now.outputs]
    if faults:
        return GateCheck(
            name="signature",
            passed=False,
            says=f"callers of {champion.version.ref} would break: {'; '.join(faults)}",
            code="signature-changed",
        )
    return GateCheck(
        name="signature",
        passed=True,
        says=f"takes the requests of {champion.version.ref} and gives its answer columns",
    )


def _fits(then: str, now: str) -> bool:
    """Whether values of the former type can still be sent: an integer is a number too."""
    return then == now or ("Int" in then and now == "Float64")
