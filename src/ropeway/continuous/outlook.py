"""How the policy stands: what it says, when it may act next, what asks for it and what holds it back."""

from datetime import datetime

import msgspec

from ropeway.continuous.policy import Problem, check_policy, model_of, next_times, require_policy
from ropeway.continuous.retraining.operations import (
    PolicyState,
    Retraining,
    count_begun,
    list_retrainings,
    live_version,
    policy_standing,
)
from ropeway.continuous.retraining.triggers import Feed, Pending, cool_until, look, pending
from ropeway.continuous.schedule import broken_field, in_words
from ropeway.core.duration import parse_duration
from ropeway.models.within import Within
from ropeway.workspace import Context, Project, Workspace, operation
from ropeway.workspace.tables.policy import Policy

SHOWN = 5
"""How many former retrainings are told."""

_APPROVAL = {
    "two-person": "a person who did not train it approves",
    "self": "whoever runs the controller approves",
    "by-rule": "passing the gate approves",
}


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """How the policy of a model stands.

    Attributes:
        words: each rule as a sentence, by what it is about.
        next_times: when the schedule is due next, in the policy's time zone.
        begun: how many retrainings count against the budget now.
        cool_until: when the next may begin after the last; None when that is over, or nothing ended.
        pending: what asks for a retraining now, and what holds it back.
        retrainings: the last ones, newest first; the open one among them.
    """

    model: str
    environment: str
    live: str
    words: dict[str, str]
    next_times: list[datetime]
    begun: int
    max_runs: int
    cool_until: datetime | None
    state: PolicyState
    pending: list[Pending]
    retrainings: list[Retraining]
    problems: list[Problem]


def outlook(workspace: Workspace) -> Outlook:
    """How the policy stands now. Where it contradicts itself, what asks for it is not looked for.

    Raises:
        NoPolicy: the project has none.
    """
    policy = require_policy(workspace.project)
    name, now = model_of(workspace), workspace.clock.now()
    problems = check_policy(workspace)
    is_sound = all(each.is_warning for each in problems)
    live = live_version(workspace, name=name, environment=policy.environment)
    within = parse_duration(policy.per).total_seconds()
    cool = cool_until(look(workspace, policy, name))
    return Outlook(
        model=name,
        environment=policy.environment,
        live="" if live is None else live.ref,
        words=words(workspace.project, policy),
        next_times=next_times(policy, now),
        begun=count_begun(workspace, name=name, environment=policy.environment, within_s=within),
        max_runs=policy.max_runs,
        cool_until=cool if cool is not None and cool > now else None,
        state=policy_standing(workspace, name=name, environment=policy.environment),
        pending=pending(workspace, policy, name, Feed(workspace)) if is_sound else [],
        retrainings=list_retrainings(workspace, name=name, environment=policy.environment, limit=SHOWN),
        problems=problems,
    )


@operation("policy.outlook", kind="query", permission="retraining:read")
def show_outlook(context: Context) -> Outlook:
    """How the policy stands now: what it says, when it may act next, what asks for it, what holds it back."""
    return outlook(Within(context))


def words(project: Project, policy: Policy) -> dict[str, str]:
    """The policy's rules as sentences."""
    data, rollout = policy.data, project.rollout
    said = {
        "begins": _triggers(policy),
        "learns": "from the newest version of the data",
        "with": ", ".join(f"{name} = {value}" for name, value in policy.params.items()),
        "approval": _APPROVAL[policy.approval],
        "release": " → ".join([*(_step(step) for step in rollout.steps), "live"]),
        "quiet": f"nothing is begun {', '.join(policy.quiet)} ({policy.time_zone})" if policy.quiet else "",
        "budget": f"at most {policy.max_runs} in {policy.per}, {policy.cooldown} apart",
        "asks": f"a person, after {policy.max_rollbacks} rollbacks by rule within {policy.rollbacks_within}",
    }
    if data.feedback:
        said["learns"] += f", and from what people said of predictions of the last {data.last}"
        said["learns"] += f", when that is {data.min_rows:,} rows or more"
    return {name: text for name, text in said.items() if text}


def _triggers(policy: Policy) -> str:
    told = []
    for trigger in policy.triggers:
        if trigger == "schedule" and policy.schedule and broken_field(policy.schedule) is None:
            told.append(f"{in_words(policy.schedule)} ({policy.time_zone})")
        elif trigger == "new-data":
            told.append("when there is new data")
        elif trigger != "schedule":
            told.append(f"on an alert of {trigger}")
    return "; ".join([*told, "when a person says so"])


def _step(step: str | float) -> str:
    return step if isinstance(step, str) else f"{step * 100:g} %"
