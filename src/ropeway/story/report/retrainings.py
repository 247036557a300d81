"""Retrainings as the ledger tells them: what triggered each, how far it came, how it ended."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ropeway.story.happenings import Happening, of_verbs
from ropeway.story.report.records import RetrainingStory, Stage

VERBS = ("retraining-triggered", "retraining-advanced", "retraining-ended")
POLICY_VERBS = ("policy-paused", "policy-resumed")


def retrainings_of(read: Connection, *, model: str | None = None) -> list[RetrainingStory]:
    """Every retraining, the newest first."""
    by_id: dict[str, list[Happening]] = {}
    for each in of_verbs(read, VERBS):
        if model is None or each.body["name"] == model:
            by_id.setdefault(each.body["retraining"], []).append(each)
    told = [_story(happened) for happened in by_id.values() if happened[0].verb == "retraining-triggered"]
    return sorted(told, key=lambda each: each.at, reverse=True)


def paused_policies(read: Connection, *, model: str | None = None) -> list[str]:
    """Policies that begin nothing until a person resumes them, each with its reason."""
    newest: dict[tuple[str, str], Happening] = {}
    for each in of_verbs(read, POLICY_VERBS):
        if model is None or each.body["name"] == model:
            newest[each.body["name"], each.body["environment"]] = each
    return [
        f"{name} in {environment}: {each.body.get('reason') or 'the reason was erased'}"
        for (name, environment), each in newest.items()
        if each.verb == "policy-paused"
    ]


def _story(happened: Sequence[Happening]) -> RetrainingStory:
    first, last = happened[0], happened[-1]
    body = first.body
    done = [each for each in happened if each.verb == "retraining-advanced"]
    ended = last if last.verb == "retraining-ended" else None
    return RetrainingStory(
        id=body["retraining"],
        model=body["name"],
        environment=body["environment"],
        trigger=body["trigger"],
        says=body.get("says") or "",
        at=first.at,
        by=first.by,
        stages=[_stage(each) for each in done],
        outcome=ended.body["outcome"] if ended else "",
        ended_at=ended.at if ended else None,
        ended_says=ended.body["says"] if ended else "",
        version=_filled(done, "version") or (ended.body["version"] if ended else ""),
        rollout=_filled(done, "rollout"),
    )


def _stage(happening: Happening) -> Stage:
    body = happening.body
    says = body["says"] or body["run"] or body["version"] or body["rollout"] or body["rule"]
    return Stage(name=body["stage"], at=happening.at, says=says, is_refusal=body["passed"] is False)


def _filled(done: Sequence[Happening], name: str) -> str:
    """The last value of a field that only some stages fill in."""
    found: list[str] = [each.body[name] for each in done if each.body[name]]
    return found[-1] if found else ""
