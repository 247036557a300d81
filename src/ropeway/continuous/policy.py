"""The policy in words, and what in it contradicts itself, the project or the calendar.

What each setting alone may be is checked where the project file is read; here is what only shows when
settings are seen together, or beside what is on record.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from ropeway.continuous.quiet import covers_the_day, is_quiet
from ropeway.continuous.retraining.errors import NoPolicy, PolicyInvalid
from ropeway.continuous.schedule import broken_field, count_due, due_times, zone_of
from ropeway.core.duration import parse_duration
from ropeway.core.errors import RopewayError, did_you_mean
from ropeway.models.operations import get_model, list_models
from ropeway.models.registry import usual_name
from ropeway.monitoring.rules import rules_of
from ropeway.workspace import Project, Workspace
from ropeway.workspace.tables.policy import Policy

ROWS = "rows"
MANY = 10_000
LOOKED_AT = 400
"""How many due times are held against the quiet hours: more than a year of days."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that cannot be meant: the setting, what is wrong with it, what would be right."""

    setting: str
    what: str
    expected: str = ""
    is_warning: bool = False


def require_policy(project: Project) -> Policy:
    """The policy of a project.

    Raises:
        NoPolicy: it has none.
    """
    if project.policy is None:
        raise NoPolicy
    return project.policy


def require_sound(workspace: Workspace) -> Policy:
    """The policy, if nothing in it contradicts anything.

    Raises:
        NoPolicy: the project has none.
        PolicyInvalid: it cannot be meant as it stands.
    """
    policy = require_policy(workspace.project)
    problems = [each for each in check_policy(workspace) if not each.is_warning]
    if problems:
        raise PolicyInvalid([(each.setting, each.what, each.expected) for each in problems])
    return policy


def model_of(workspace: Workspace) -> str:
    """The model that the policy is about: the one that it names, else the live one."""
    policy = require_policy(workspace.project)
    return policy.model or usual_name(list_models(workspace, limit=MANY), workspace.project)


def check_policy(workspace: Workspace, *, with_code: bool = False) -> list[Problem]:
    """Everything in the policy that cannot be meant, and what should at least be known.

    Args:
        workspace: where.
        with_code: load the pipeline too, to see whether it takes the policy's parameters.

    Raises:
        NoPolicy: the project has none.
    """
    project = workspace.project
    policy = require_policy(project)
    found = [
        *_calendar(policy, workspace.clock.now()),
        *_triggers(project, policy),
        *_approval(project, policy),
        *_model(workspace, policy),
        *_budget(policy, workspace.clock.now()),
    ]
    if with_code:
        found += _parameters(workspace, policy)
    return sorted(found, key=lambda each: each.is_warning)


def next_times(policy: Policy, now: datetime, count: int = 3) -> list[datetime]:
    """The next due times of the schedule, in its time zone; none where there is no sound schedule."""
    zone = zone_of(policy.time_zone)
    if zone is None or not policy.schedule or broken_field(policy.schedule) is not None:
        return []
    times = due_times(policy.schedule, zone, after=now)
    return list(islice(times, count))


def _calendar(policy: Policy, now: datetime) -> Iterator[Problem]:
    zone = zone_of(policy.time_zone)
    if zone is None:
        hint = did_you_mean(policy.time_zone, available_timezones())
        yield Problem(
            setting="time_zone",
            what=f"there is no time zone '{policy.time_zone}'{'.' + hint if hint else ''}".rstrip("?"),
            expected="a name such as UTC or Europe/Paris",
        )
    broken = broken_field(policy.schedule) if policy.schedule else None
    if broken is not None:
        yield Problem(
            setting="schedule",
            what=f"'{policy.schedule}' is no schedule: {broken[0]}",
            expected=f'{broken[1]}; "0 3 * * 1" is Monday at three',
        )
    if covers_the_day(policy.quiet):
        yield Problem(
            setting="quiet",
            what="the quiet hours cover the whole day, so nothing could ever begin",
            expected="some hours of the day that are not quiet",
        )
    elif zone is not None and policy.schedule and broken is None:
        yield from _only_quiet(policy, policy.schedule, zone, now)


def _only_quiet(policy: Policy, schedule: str, zone: ZoneInfo, now: datetime) -> Iterator[Problem]:
    times = list(islice(due_times(schedule, zone, after=now), LOOKED_AT))
    if policy.quiet and times and all(is_quiet(moment, policy.quiet, zone) for moment in times):
        yield Problem(
            setting="schedule",
            what=f"each time of '{schedule}' falls into the quiet hours {', '.join(policy.quiet)}: it would "
            "never begin at its time",
            expected="a schedule with times outside of the quiet hours",
        )


def _triggers(project: Project, policy: Policy) -> Iterator[Problem]:
    declared = project.inputs.get(ROWS)
    if not policy.triggers:
        yield Problem(
            setting="triggers",
            what="there is none, so only a person begins a retraining (ropeway retrain)",
            is_warning=True,
        )
    if declared is None:
        yield Problem(
            setting="triggers",
            what="the project has no [inputs.rows]: there is nothing to train with",
            expected="[inputs.rows] with `dataset`, `key` and `target`",
        )
        return
    for kind in ("drift", "degradation"):
        if kind in policy.triggers and all(rule.when != kind for rule in rules_of(project).values()):
            yield Problem(
                setting="triggers",
                what=f'"{kind}" can never fire: no alert rule is about it',
                expected=f'a rule such as [alerts.{kind}] with when = "{kind}"',
            )
    if "degradation" in policy.triggers:
        yield from _degradation(project)
    is_pinned = declared.dataset.partition("@")[2] not in ("", "latest")
    if "new-data" in policy.triggers and is_pinned:
        yield Problem(
            setting="triggers",
            what=f'"new-data" can never fire: [inputs.rows] dataset = "{declared.dataset}" names one version',
            expected=f'dataset = "{declared.dataset.partition("@")[0]}"',
        )
    if policy.data.feedback and is_pinned:
        yield Problem(
            setting="data.feedback",
            what=f"feedback would make new versions, and training would go on with '{declared.dataset}'",
            expected=f'[inputs.rows] dataset = "{declared.dataset.partition("@")[0]}", or feedback = false',
        )
    if policy.data.feedback and declared.target is None:
        yield Problem(
            setting="data.feedback",
            what="[inputs.rows] has no `target`: there is no column that feedback could fill",
            expected="`target` in [inputs.rows], or feedback = false in [policy.data]",
        )


def _degradation(project: Project) -> Iterator[Problem]:
    declared, charter = project.inputs[ROWS], project.charter
    limits = [rule for rule in rules_of(project).values() if rule.when == "degradation"]
    has_limit = charter.bar is not None or any(
        rule.above is not None or rule.below is not None for rule in limits
    )
    if declared.target is None:
        yield Problem(
            setting="triggers",
            what='"degradation" can never fire: [inputs.rows] has no `target`, so no answer is ever judged',
            expected="`target` in [inputs.rows]",
        )
    elif not has_limit:
        yield Problem(
            setting="triggers",
            what='"degradation" can never fire: neither [charter] bar nor its alert rule says how good is '
            "good enough",
            expected="`bar` in [charter]",
        )


def _approval(project: Project, policy: Policy) -> Iterator[Problem]:
    declared = project.inputs.get(ROWS)
    if policy.approval == "self" and project.project.approval != "self":
        yield Problem(
            setting="approval",
            what="the policy lets the controller approve what it trained, and [project] approval = "
            '"two-person" does not',
            expected='approval = "two-person" or "by-rule" here, or "self" in both places',
        )
    if policy.approval == "by-rule" and declared is not None and declared.target is None:
        yield Problem(
            setting="approval",
            what='"by-rule" leaves the decision to the gate and to the test on production, and without a '
            "`target` in [inputs.rows] neither can judge",
            expected='`target` in [inputs.rows], or approval = "two-person"',
        )
    if policy.approval == "by-rule" and project.charter.bar is None:
        yield Problem(
            setting="approval",
            what='"by-rule" lets a version out that passed the gate, and without [charter] bar none passes',
            expected="`bar` in [charter]",
        )


def _model(workspace: Workspace, policy: Policy) -> Iterator[Problem]:
    versions = list_models(workspace, limit=MANY)
    names = {str(version.name) for version in versions}
    if not names:
        yield Problem(setting="model", what="no model is registered yet", is_warning=True)
        return
    if policy.model is not None and policy.model not in names:
        hint = did_you_mean(policy.model, names)
        yield Problem(
            setting="model",
            what=f"the project has no model '{policy.model}'{'.' + hint if hint else ''}".rstrip("?"),
            expected="one of " + ", ".join(sorted(names)),
        )
        return
    name = model_of(workspace)
    if not any(version.name == name and policy.environment in version.environments for version in versions):
        yield Problem(
            setting="environment",
            what=f"nothing of '{name}' is live in {policy.environment}: until then only a person begins",
            is_warning=True,
        )
    declared = workspace.project.inputs.get(ROWS)
    if policy.data.feedback and declared is not None:
        read = set(get_model(workspace, ref=name).manifest.columns)
        yield from _not_kept(workspace.project, {*read, declared.key})


def _not_kept(project: Project, wanted: Iterable[str]) -> Iterator[Problem]:
    lost = {name: way for name in sorted(wanted) if (way := project.log.columns.get(name, "kept")) != "kept"}
    if lost:
        named = ", ".join(f"'{name}' is {way}" for name, way in lost.items())
        yield Problem(
            setting="data.feedback",
            what=f"rows to learn from cannot be made of the log of predictions: by [log] columns {named}",
            expected="these columns kept, or feedback = false in [policy.data]",
        )


def _budget(policy: Policy, now: datetime) -> Iterator[Problem]:
    per, cooldown, last = (parse_duration(text) for text in (policy.per, policy.cooldown, policy.data.last))
    if policy.max_runs > 1 and cooldown * (policy.max_runs - 1) >= per:
        most = int(per / cooldown) + 1
        yield Problem(
            setting="max_runs",
            what=f'with cooldown = "{policy.cooldown}" at most {most} can begin in {policy.per}, not '
            f"{policy.max_runs}",
            is_warning=True,
        )
    if policy.data.feedback and last < cooldown:
        yield Problem(
            setting="data.last",
            what=f"feedback older than {policy.data.last} is passed over, and after a retraining the next "
            f"waits {policy.cooldown}: what comes in between is lost to learning",
            is_warning=True,
        )
    zone = zone_of(policy.time_zone)
    if zone is None or not policy.schedule or broken_field(policy.schedule) is not None:
        return
    asked = count_due(policy.schedule, zone, after=now, within=per, most=policy.max_runs + 1)
    if asked > policy.max_runs:
        yield Problem(
            setting="max_runs",
            what=f"the schedule asks for more than {policy.max_runs} retrainings in {policy.per}, which is "
            "all that there may be",
            is_warning=True,
        )
    gap = _shortest_gap(policy.schedule, zone, now)
    if gap is not None and gap < cooldown:
        yield Problem(
            setting="cooldown",
            what=f'the schedule is due again before "{policy.cooldown}" is over: such times are kept waiting',
            is_warning=True,
        )


def _shortest_gap(schedule: str, zone: ZoneInfo, now: datetime) -> timedelta | None:
    times = islice(due_times(schedule, zone, after=now), 10)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return min(gaps, default=None)


def _parameters(workspace: Workspace, policy: Policy) -> list[Problem]:
    """Whether the pipeline takes the policy's parameters; loads the project's code."""
    from ropeway.pipelines.prepare import prepare

    try:
        with prepare(workspace, policy.params):
            return []
    except RopewayError as error:
        return [
            Problem(
                setting="params",
                what=f"the pipeline would not run: {error.what.rstrip('.')}",
                expected=error.expected,
            )
        ]
