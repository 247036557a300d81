"""Which versions went live, when, by whom or by which rule: read from the ledger's events."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ropeway.story.happenings import Happening, of_verbs
from ropeway.story.report.records import Release

NEAR = 4
"""A promotion and the event that says why stand next to each other: one transaction made both."""
VERBS = ("model-promoted", "rollout-ended", "release-rolled-back", "model-approved", "approved-by-rule")


def releases_of(read: Connection) -> list[Release]:
    """Every promotion of every model, oldest first."""
    happened = of_verbs(read, VERBS)
    reasons = [each for each in happened if each.verb in ("rollout-ended", "release-rolled-back")]
    approvals: dict[tuple[str, int], str] = {}
    found: list[Release] = []
    for each in happened:
        body = each.body
        match each.verb:
            case "model-approved":
                approvals[body["name"], body["number"]] = f"approved by {each.by}"
            case "approved-by-rule":
                approvals[body["name"], body["number"]] = f"approved by rule ({body['rule']})"
            case "model-promoted":
                approval = approvals.get((body["name"], body["number"]), "")
                found.append(_release(each, _reason(each, reasons), approval))
    return found


def _reason(promoted: Happening, reasons: Sequence[Happening]) -> Happening | None:
    """The event beside a promotion that says why: a rollout that ended in it, or somebody going back."""
    body = promoted.body
    for each in reasons:
        is_same = (each.body["name"], each.body["number"], each.body["environment"]) == (
            body["name"],
            body["number"],
            body["environment"],
        )
        is_cause = each.verb == "release-rolled-back" or each.body["outcome"] == "promoted"
        if is_same and is_cause and abs(each.seq - promoted.seq) <= NEAR:
            return each
    return None


def _release(promoted: Happening, reason: Happening | None, approval: str) -> Release:
    body, why = promoted.body, reason.body if reason is not None else {}
    is_back = reason is not None and reason.verb == "release-rolled-back"
    says = "gone back to it" if is_back else why.get("says") or body.get("note") or ""
    return Release(
        seq=promoted.seq,
        at=promoted.at,
        model=body["name"],
        environment=body["environment"],
        ref=f"{body['name']}@{body['number']}",
        replaced=f"{body['name']}@{body['replaced']}" if body["replaced"] else "",
        by=promoted.by,
        rule=why.get("rule", ""),
        rollout=why.get("rollout", ""),
        approval=approval,
        says=says,
    )
