"""What asks for a retraining now, and what holds it back. Nothing here writes, and nothing is remembered.

A trigger is read off what is on record, so one that is held back is not lost: it is found again at the next
look, until a retraining has answered it or its reason is gone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ropeway.continuous.quiet import is_quiet, quiet_until
from ropeway.continuous.retraining.events import Cause
from ropeway.continuous.retraining.operations import (
    PolicyState,
    Retraining,
    active_rollout,
    checked_since,
    count_begun,
    list_retrainings,
    live_version,
    open_retrainings,
    policy_standing,
)
from ropeway.continuous.rollouts.moves import PROMOTED
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.continuous.schedule import last_due, zone_of
from ropeway.core.clock import to_text
from ropeway.core.duration import duration_text, parse_duration
from ropeway.core.errors import RopewayError
from ropeway.data.operations import list_versions
from ropeway.models.registry import ModelVersion
from ropeway.monitoring.operations import list_alerts
from ropeway.monitoring.records import Alert
from ropeway.workspace import Workspace
from ropeway.workspace.tables.policy import Policy

FAR_AHEAD = timedelta(days=1)
"""What is recorded for later than this was recorded under a clock that stood wrong."""
PAST = 200
"""How many retrainings back causes are looked for that were answered already."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Something that asks for a retraining; `held` says why it does not begin yet, empty when it may."""

    trigger: Cause
    cause: str
    says: str
    held: list[str] = []


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy is held against at one moment."""

    at: datetime
    policy: Policy
    name: str
    live: ModelVersion | None
    state: PolicyState
    past: list[Retraining]
    """Newest first, those that are open among them."""


class NewRows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows feedback could add to the data; `problem` says why it can add none.

    Attributes:
        left_out: how many judged predictions cannot be used, and why, in words.
        outside: the same, where too many break the data's contract.
        until: when the latest of them was judged.
    """

    count: int
    left_out: str = ""
    outside: str = ""
    until: datetime | None = None
    problem: str = ""


class Feed:
    """Counts what there is to learn from feedback, anew only when the log, data or settings have changed.

    Args:
        workspace: where.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._seen: object = None
        self._found = NewRows(count=0)

    def new_rows(self, policy: Policy, name: str) -> NewRows:
        """The rows that a retraining would add now."""
        stamp = self._stamp(policy, name)
        if stamp != self._seen:
            self._found = self._count(policy, name)
            self._seen = stamp
        return self._found

    def _count(self, policy: Policy, name: str) -> NewRows:
        from ropeway.continuous.retraining.collect import gather

        try:
            found = gather(self._workspace, policy, name)
        except RopewayError as error:
            return NewRows(count=0, problem=error.what)
        return NewRows(count=found.fresh, left_out=found.left_out, outside=found.outside, until=found.until)

    def _stamp(self, policy: Policy, name: str) -> object:
        from ropeway.predictions.record import FEEDBACK, PREDICTIONS

        home, project = self._workspace.home, self._workspace.project
        sizes = [
            (path.name, _size_bytes(path))
            for folder in (FEEDBACK, PREDICTIONS)
            for path in sorted((home / folder).glob("*.seg"))
        ]
        versions = list_versions(self._workspace, name=project.inputs["rows"].dataset.partition("@")[0])
        data = [(version.version, version.contract, version.is_trainable) for version in versions]
        # What has become too old leaves by the day: rows are not counted anew each second for that.
        return (policy, project.inputs, project.log, name, sizes, data, self._workspace.clock.now().date())


def _size_bytes(path: Path) -> int:
    """How long a file is; one that was sealed and removed a moment ago has nothing more."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def look(workspace: Workspace, policy: Policy, name: str) -> Look:
    """Everything that triggers are read off, but feedback."""
    return Look(
        at=workspace.clock.now(),
        policy=policy,
        name=name,
        live=live_version(workspace, name=name, environment=policy.environment),
        state=policy_standing(workspace, name=name, environment=policy.environment),
        past=list_retrainings(workspace, name=name, environment=policy.environment, limit=PAST),
    )


def pending(workspace: Workspace, policy: Policy, name: str, feed: Feed) -> list[Pending]:
    """What asks for a retraining now, the most pressing first, each with what holds it back."""
    seen = look(workspace, policy, name)
    wanted = list(_wanted(workspace, seen, feed))
    if not wanted:
        return []
    held = list(_holds(workspace, seen))
    lacking = _lacking(workspace, seen, feed)
    # A due time is answered even when there is nothing to learn: that is then what its retraining says.
    return [
        msgspec.structs.replace(each, held=held + (lacking if each.trigger != "schedule" else []))
        for each in wanted
    ]


def _wanted(workspace: Workspace, seen: Look, feed: Feed) -> Iterator[Pending]:
    triggers = seen.policy.triggers
    answered = {each.cause for each in seen.past}
    if "degradation" in triggers or "drift" in triggers:
        alerts = _alerts(workspace, seen)
        for kind in ("degradation", "drift"):
            for alert in alerts:
                if kind in triggers and alert.when == kind:
                    yield Pending(trigger=kind, cause=f"alert:{alert.id}", says=alert.says)
    if "new-data" in triggers:
        yield from _new_data(workspace, seen, feed, answered)
    if "schedule" in triggers:
        yield from _schedule(seen, answered)


def _alerts(workspace: Workspace, seen: Look) -> list[Alert]:
    """Open alerts on the live version that no retraining has answered."""
    if seen.live is None:
        return []
    found = [
        alert
        for alert in list_alerts(workspace, open_only=True, model=seen.live.ref)
        if alert.environment == seen.policy.environment
    ]
    answered = _answered(workspace, seen) if found else 0
    return sorted((alert for alert in found if alert.seq > answered), key=lambda alert: alert.seq)


def _answered(workspace: Workspace, seen: Look) -> int:
    """Where on record the last retraining began that is, or was, an answer to what came up before it.

    It is one while it goes on, and when its version was let through to the end. Where the gate refused it, it
    failed, or its rollout went back, production is as bad as before: the alert asks again, as soon as there
    is something new to learn from.
    """
    rollouts = list_rollouts(workspace, name=seen.name, environment=seen.policy.environment, limit=PAST)
    in_vain = {each.id for each in rollouts if not each.is_active and each.outcome != PROMOTED}
    for each in seen.past:
        if each.outcome is None or (each.outcome == "released" and each.rollout not in in_vain):
            return each.seq
    return 0


def _new_data(workspace: Workspace, seen: Look, feed: Feed, answered: set[str]) -> Iterator[Pending]:
    declared = workspace.project.inputs.get("rows")
    if declared is None or seen.live is None:
        return
    newest = list_versions(workspace, name=declared.dataset.partition("@")[0])[-1]
    learnt = {each.dataset for each in seen.past} | {f"dataset:{seen.live.dataset}"}
    if newest.reference not in learnt | answered and newest.is_trainable:
        says = f"{newest.shown} came, and {seen.live.ref} has not learnt from it"
        yield Pending(trigger="new-data", cause=newest.reference, says=says)
    if not seen.policy.data.feedback:
        return
    new = feed.new_rows(seen.policy, seen.name).count
    if new >= seen.policy.data.min_rows:
        says = f"{new:,} predictions were judged that the data does not have; {_least(seen)} are new data"
        yield Pending(
            trigger="new-data", cause=f"feedback:{seen.live.ref}/{seen.policy.environment}", says=says
        )


def _schedule(seen: Look, answered: set[str]) -> Iterator[Pending]:
    zone = zone_of(seen.policy.time_zone)
    since = seen.state.scheduled_since
    if zone is None or since is None or not seen.policy.schedule:
        return
    if since > seen.at + FAR_AHEAD:
        since = seen.at - FAR_AHEAD
    # However many were missed, it is one.
    due = last_due(seen.policy.schedule, zone, after=since, until=seen.at)
    if due is None:
        return
    cause = f"time:{to_text(due)}"
    begun = (each.triggered_at for each in seen.past if each.trigger == "schedule")
    last = next((moment for moment in begun if moment <= seen.at + FAR_AHEAD), None)
    if cause in answered or (last is not None and due <= last):
        return
    shown = due.astimezone(zone)
    yield Pending(
        trigger="schedule", cause=cause, says=f"due {shown:%a %Y-%m-%d %H:%M} {seen.policy.time_zone}"
    )


def _holds(workspace: Workspace, seen: Look) -> Iterator[str]:
    """What holds back whatever asks."""
    policy = seen.policy
    if seen.state.paused_at is not None:
        yield f"the policy is paused: {seen.state.reason or 'the reason was erased'}"
    if seen.live is None:
        yield f"nothing of '{seen.name}' is live in {policy.environment}"
    yield from (
        f"{each.id} is not over: it stands at '{each.stage}'"
        for each in open_retrainings(workspace)
        if (each.name, each.environment) == (seen.name, policy.environment)
    )
    rollout = active_rollout(workspace, name=seen.name, environment=policy.environment)
    if rollout:
        yield f"a version is on its way to {policy.environment}: {rollout}"
    yield from _calendar(workspace, seen)


def _calendar(workspace: Workspace, seen: Look) -> Iterator[str]:
    """Quiet hours, cool-down and budget."""
    policy = seen.policy
    zone = zone_of(policy.time_zone)
    if zone is not None and is_quiet(seen.at, policy.quiet, zone):
        until = quiet_until(seen.at, policy.quiet, zone).astimezone(zone)
        yield f"quiet hours until {until:%H:%M}"
    cool = cool_until(seen)
    if cool is not None and cool > seen.at:
        yield f"the last retraining ended less than {policy.cooldown} ago: until {_shown(cool, seen)}"
    per = parse_duration(policy.per)
    begun = count_begun(
        workspace, name=seen.name, environment=policy.environment, within_s=per.total_seconds()
    )
    if begun >= policy.max_runs:
        yield f"{begun} of {policy.max_runs} retrainings in {duration_text(per)} are used up"


def cool_until(seen: Look) -> datetime | None:
    """When the next one may begin; None when none has ended. One that found nothing to learn is none."""
    cooldown = parse_duration(seen.policy.cooldown)
    ended = [
        each.ended_at
        for each in seen.past
        # As `reading` says, of clocks that stood ahead.
        if each.ended_at and each.ended_at < seen.at + cooldown and each.outcome != "no-new-data"
    ]
    return max(ended) + cooldown if ended else None


def _lacking(workspace: Workspace, seen: Look, feed: Feed) -> list[str]:
    """Why there is nothing to learn from yet; empty when there is."""
    declared = workspace.project.inputs.get("rows")
    if declared is None or seen.live is None:
        return []
    newest = list_versions(workspace, name=declared.dataset.partition("@")[0])[-1]
    learnt = {each.dataset for each in seen.past} | {f"dataset:{seen.live.dataset}"}
    if newest.is_trainable and newest.reference not in learnt:
        return []
    if not seen.policy.data.feedback:
        return [f"there is nothing new to learn from: {newest.shown} is the newest data"]
    new = feed.new_rows(seen.policy, seen.name)
    if new.problem:
        return [new.problem.rstrip(".")]
    if new.count < seen.policy.data.min_rows and not new.outside:
        said = f"there is too little to learn from: {new.count:,} new judged predictions of {_least(seen)}"
        return [said + (f"; {new.left_out}" if new.left_out else "")]
    refused = _refused(workspace, seen, newest.name, new)
    if refused is not None:
        what = new.outside or f"the data of {refused.id} was refused"
        review = f"edit contracts/{newest.name}.toml, then ropeway data check {newest.name}"
        return [f"{what}; nothing was judged since, nor was the contract reviewed: {review}"]
    return []


def _refused(workspace: Workspace, seen: Look, dataset: str, new: NewRows) -> Retraining | None:
    """The retraining that was refused the very same rows under the very same contract, if there is one."""
    refused = next((each for each in seen.past if each.outcome == "data-refused"), None)
    if refused is None or (new.until is not None and new.until > refused.triggered_at):
        return None
    seq = max(refused.seq, refused.stage_seq)
    return None if checked_since(workspace, dataset=dataset, seq=seq) else refused


def _least(seen: Look) -> str:
    return f"{seen.policy.data.min_rows:,}"


def _shown(moment: datetime, seen: Look) -> str:
    zone = zone_of(seen.policy.time_zone)
    return f"{moment.astimezone(zone) if zone else moment:%Y-%m-%d %H:%M}"
