"""How the loop stands, in a few words: open alerts, rollouts under way, the last retraining, the policy."""

import msgspec
from sqlalchemy import Connection

from ropeway.models import registry
from ropeway.models.states import State
from ropeway.monitoring.reading import alerts_of
from ropeway.story.report.records import RetrainingStory, RolloutStory
from ropeway.story.report.retrainings import paused_policies, retrainings_of
from ropeway.story.report.rollouts import rollouts_of
from ropeway.story.words import day

SHOWN_ALERTS = 3


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` says of it. `urgent`: commands that wait for a person, the most needed first."""

    alerts: list[str]
    rollouts: list[str]
    retraining: str
    paused: list[str]
    urgent: list[str]


def loop_of(read: Connection) -> Loop:
    """How it stands."""
    alerts = alerts_of(read)
    under_way = [each for each in rollouts_of(read, None) if each.state != "ended"]
    retrainings = retrainings_of(read)
    newest = retrainings[0] if retrainings else None
    paused = paused_policies(read)
    told = [
        f"{each.rule} of {each.model} in {each.environment}: {each.says}" for each in alerts[:SHOWN_ALERTS]
    ]
    if len(alerts) > SHOWN_ALERTS:
        told.append(f"and {len(alerts) - SHOWN_ALERTS} more (ropeway alerts)")
    urgent = [f"ropeway rollout show {each.id}" for each in under_way if each.state == "held"]
    urgent += _approvals(read, newest)
    urgent += ["ropeway policy"] if paused else []
    urgent += [each.next_step for each in alerts if each.next_step]
    return Loop(
        alerts=told,
        rollouts=[_rollout_line(each) for each in under_way],
        retraining="" if newest is None else _retraining_line(newest),
        paused=paused,
        urgent=list(dict.fromkeys(urgent)),
    )


def _approvals(read: Connection, newest: RetrainingStory | None) -> list[str]:
    """A retrained version that passed its gate, and that nobody answers for yet."""
    if newest is None or newest.outcome or not newest.version:
        return []
    name, _, number = newest.version.rpartition("@")
    version = registry.get(read, name, int(number))
    waits = version.state is State.VALIDATED
    return [f"ropeway model approve {version.ref} --as SOMEONE-ELSE"] if waits else []


def _rollout_line(story: RolloutStory) -> str:
    step = story.steps[-1].name if story.steps else "not begun"
    held = f", held: {story.says}" if story.state == "held" else ""
    heard = f"{story.entities:,} entities heard of" if story.entities else "no entity heard of yet"
    return f"{story.ref} against {story.champion} in {story.environment}: {step}, {heard}{held}"


def _retraining_line(story: RetrainingStory) -> str:
    reached = story.stages[-1].name if story.stages else "triggered"
    outcome = story.outcome.replace("-", " ") or f"under way ({reached})"
    of = story.version or story.model
    return f"{of}, {day(story.at)}, after {story.trigger.replace('-', ' ')}: {outcome}"
