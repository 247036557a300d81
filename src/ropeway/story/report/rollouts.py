"""Rollouts as the ledger tells them: read by verb, not through their own room."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.story.happenings import Happening, of_verbs
from ropeway.story.report.records import AlphaBudget, Look, RolloutStory, Share, Step
from ropeway.story.words import step_name

VERBS = (
    "rollout-started",
    "rollout-evaluated",
    "rollout-advanced",
    "rollout-held",
    "rollout-resumed",
    "rollout-ended",
)


class _Path(msgspec.Struct):
    """What is read of an evidence object: the test's path."""

    trajectory: list[Look] = []


def rollouts_of(read: Connection, store: Store | None, *, model: str | None = None) -> list[RolloutStory]:
    """Every rollout, the newest first; with a store, each with the path of its test."""
    by_id: dict[str, list[Happening]] = {}
    for each in of_verbs(read, VERBS):
        if model is None or each.body["name"] == model:
            by_id.setdefault(each.body["rollout"], []).append(each)
    told = [_story(store, happened) for happened in by_id.values() if happened[0].verb == "rollout-started"]
    return sorted(told, key=lambda each: each.started_at, reverse=True)


def budgets_of(rollouts: Iterable[RolloutStory], alpha: float) -> list[AlphaBudget]:
    """What each model's rollouts took of each year's budget, the newest year first."""
    taken: dict[tuple[int, str], list[Share]] = {}
    for each in sorted(rollouts, key=lambda each: each.started_at):
        share = Share(
            rollout=each.id, ref=each.ref, alpha=each.alpha_spent, outcome=each.outcome or each.state
        )
        taken.setdefault((each.year, each.model), []).append(share)
    return [
        AlphaBudget(model=model, year=year, alpha=alpha, taken=shares)
        for (year, model), shares in sorted(taken.items(), reverse=True)
    ]


def _story(store: Store | None, happened: Sequence[Happening]) -> RolloutStory:
    started = happened[0]
    body, terms = started.body, started.body["terms"]
    summary, looks = _test(store, happened)
    state, says = _state(happened)
    ended = happened[-1] if happened[-1].verb == "rollout-ended" else None
    return RolloutStory(
        id=body["rollout"],
        model=body["name"],
        environment=body["environment"],
        ref=f"{body['name']}@{body['number']}",
        champion=f"{body['name']}@{body['champion']}",
        state=state,
        outcome=ended.body["outcome"] if ended else "",
        says=says,
        started_at=started.at,
        started_by=started.by,
        rule=body["rule"],
        note=body.get("note") or "",
        retraining=body["retraining"],
        planned=[step_name(share) for share in body["steps"]],
        steps=_steps(happened, looks),
        looks=looks,
        entities=summary.get("entities", 0),
        gain=summary.get("estimate"),
        low=summary.get("low"),
        high=summary.get("high"),
        unit=terms["unit"],
        scale=terms["scale"],
        min_gain=terms["min_gain"],
        min_entities=terms["min_entities"],
        alpha=terms["alpha"],
        harm_alpha=terms["harm_alpha"],
        alpha_spent=body["alpha_spent"],
        year=body["year"],
        ended_at=ended.at if ended else None,
        ended_by=ended.by if ended else "",
        ended_rule=ended.body["rule"] if ended else "",
    )


def _state(happened: Sequence[Happening]) -> tuple[str, str]:
    """Whether it runs, is held or has ended, and why."""
    for each in reversed(happened):
        match each.verb:
            case "rollout-ended":
                return "ended", each.body["says"]
            case "rollout-held":
                return "held", each.body["says"]
            case "rollout-resumed":
                return "running", ""
    return "running", ""


def _test(store: Store | None, happened: Sequence[Happening]) -> tuple[dict[str, Any], list[Look]]:
    """The newest figures, and the path that led to them; no path where its object is gone."""
    evaluated = [each for each in happened if each.verb == "rollout-evaluated"]
    if not evaluated:
        return {}, []
    newest = evaluated[-1].body
    if store is None:
        return newest["summary"], []
    try:
        path = msgspec.json.decode(store.read(Digest(newest["evidence"])), type=_Path).trajectory
    except (ObjectMissing, ObjectDamaged, msgspec.DecodeError):
        path = []
    return newest["summary"], path


def _steps(happened: Sequence[Happening], looks: Sequence[Look]) -> list[Step]:
    steps = []
    for each in happened:
        if each.verb in ("rollout-started", "rollout-advanced"):
            share = each.body["steps"][0] if each.verb == "rollout-started" else each.body["share"]
            says = each.body.get("says", "")
            steps.append(
                Step(
                    name=step_name(share), at=each.at, entities=_heard(looks, each.at), by=each.by, says=says
                )
            )
    return steps


def _heard(looks: Sequence[Look], moment: datetime) -> int:
    """How many entities had settled by then."""
    return max((look.entities for look in looks if look.at <= moment), default=0)
