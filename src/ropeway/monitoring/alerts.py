"""Raising and resolving alerts, inside the caller's write transaction: one open for each rule and deployment.

An alert is raised while its version has a role in the environment, and resolved when a later judgement finds
the rule kept, when the version has left, or when the rule is gone. What cannot be judged changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import select

from ropeway.core.duration import parse_duration
from ropeway.core.ids import ModelName, new_id
from ropeway.ledger.tables import event
from ropeway.models import registry
from ropeway.monitoring.baseline import baseline_of
from ropeway.monitoring.events import AlertRaised, AlertResolved, OfDeployment
from ropeway.monitoring.projections import alert
from ropeway.monitoring.reading import alert_of, alerts_of, came_back, lines_of, recent_of, role_of, standings
from ropeway.monitoring.records import Alert
from ropeway.monitoring.rules import Verdict, judge_performance, judge_silence, judge_windows, rules_of
from ropeway.monitoring.windows import windows_between
from ropeway.workspace import Context
from ropeway.workspace.tables.monitor import AlertRule

OF_WINDOWS = frozenset({"drift", "quality", "errors", "latency"})
OF_PERFORMANCE = frozenset({"degradation", "coverage"})


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that were raised and resolved by one step."""

    raised: list[Alert] = []
    resolved: list[Alert] = []


@dataclass
class Changes:
    """What a step has changed so far."""

    context: Context
    raised: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def told(self) -> Changed:
        """The alerts as they stand now."""
        return Changed(
            raised=[_get(self.context, each) for each in self.raised],
            resolved=[_get(self.context, each) for each in self.resolved],
        )


def judge_deployment(context: Context, of: OfDeployment, kinds: frozenset[str], changes: Changes) -> None:
    """Hold the rules of some kinds against a deployment as it is on record now.

    Windows from before the version came there, or came back, say nothing of how it does now.
    """
    project = context.project
    since = _since(context, of)
    for name, rule in rules_of(project).items():
        if rule.when not in kinds:
            continue
        if rule.when in OF_WINDOWS:
            # Windows that are not judged lie between; a few more are read than the rule asks for.
            lines = lines_of(
                context.read,
                name=of.name,
                number=of.number,
                environment=of.environment,
                since=since,
                last=4 * rule.windows + 8,
            )
            verdict = judge_windows(rule, lines, project)
        else:
            version = registry.get(context.read, of.name, of.number)
            recent = recent_of(context.read, of.name, of.number, of.environment)
            if recent is not None and since is not None and recent.end <= since:
                continue
            verdict = judge_performance(rule, recent, baseline_of(context.store, project, version), project)
        if verdict is not None:
            _settle(context, of, name, rule, verdict, changes)


def settle(context: Context, last_seen: Mapping[tuple[str, str], datetime] | None, changes: Changes) -> None:
    """What time alone changes: silence, versions that have left, rules that are gone.

    Args:
        context: the call; its write transaction is begun.
        last_seen: by model and environment, when the last request came; None where that is not known.
        changes: takes what was done.
    """
    rules = rules_of(context.project)
    for open_alert in alerts_of(context.read):
        name, _, number = open_alert.model.rpartition("@")
        of = OfDeployment(name=ModelName(name), number=int(number), environment=open_alert.environment)
        rule = rules.get(open_alert.rule)
        if role_of(context.read, context.project, name, int(number), of.environment) == "former":
            _resolve(context, of, open_alert, rule, "the version answers there no more", changes)
        elif rule is None or rule.when != open_alert.when:
            _resolve(context, of, open_alert, rule, "the rule is no longer declared", changes)
        elif (since := _since(context, of)) is not None and open_alert.end <= since:
            _resolve(context, of, open_alert, rule, "the version left and came back since", changes)
    for name, rule in rules.items():
        if rule.when == "silence" and last_seen is not None:
            _judge_silence(context, name, rule, last_seen, changes)


def _since(context: Context, of: OfDeployment) -> datetime | None:
    return came_back(context.read, of.name, of.number, of.environment, now=context.clock.now())


def _judge_silence(
    context: Context,
    name: str,
    rule: AlertRule,
    last_seen: Mapping[tuple[str, str], datetime],
    changes: Changes,
) -> None:
    now = context.clock.now()
    length = parse_duration(context.project.monitor.window)
    for stands in standings(context.read, context.project):
        if stands.role != "live" or stands.since is None:
            continue
        seen = last_seen.get((stands.name, stands.environment))
        # A version that went live on Monday was not silent on Sunday.
        since = stands.since if seen is None else max(seen, stands.since)
        of = OfDeployment(name=ModelName(stands.name), number=stands.number, environment=stands.environment)
        verdict = judge_silence(rule, windows_between(since, now, length), since, max(since, now))
        _settle(context, of, name, rule, verdict, changes)


def _settle(
    context: Context, of: OfDeployment, name: str, rule: AlertRule, verdict: Verdict, changes: Changes
) -> None:
    standing = _open_alert(context, of, name)
    if verdict.is_broken and standing is None:
        role = role_of(context.read, context.project, of.name, of.number, of.environment)
        if role != "former":
            _raise(context, of, name, rule, verdict, changes)
    elif not verdict.is_broken and standing is not None:
        _resolve(context, of, standing, rule, verdict.says, changes)


def _raise(
    context: Context, of: OfDeployment, name: str, rule: AlertRule, verdict: Verdict, changes: Changes
) -> None:
    identity = new_id("alert")
    context.append(
        AlertRaised(
            id=identity,
            name=of.name,
            number=of.number,
            environment=of.environment,
            rule=name,
            when=rule.when,
            severity=rule.severity,
            start=verdict.start,
            end=verdict.end,
            figure=verdict.figure,
            limit=verdict.limit,
            columns=verdict.columns,
            says=verdict.says,
            next_step=_next_step(context, rule, of),
            sinks=rule.sinks,
        )
    )
    changes.raised.append(identity)


def _resolve(
    context: Context, of: OfDeployment, standing: Alert, rule: AlertRule | None, says: str, changes: Changes
) -> None:
    context.append(
        AlertResolved(
            id=standing.id,
            name=of.name,
            number=of.number,
            environment=of.environment,
            says=says,
            sinks=[] if rule is None else rule.sinks,
        )
    )
    changes.resolved.append(standing.id)


def _open_alert(context: Context, of: OfDeployment, rule: str) -> Alert | None:
    where = (
        alert.c.is_open
        & (alert.c.rule == rule)
        & (alert.c.name == of.name)
        & (alert.c.number == of.number)
        & (alert.c.environment == of.environment)
    )
    row = context.read.execute(select(alert).where(where)).first()
    return None if row is None else alert_of(row)


def _get(context: Context, identity: str) -> Alert:
    return alert_of(context.read.execute(select(alert).where(alert.c.id == identity)).one())


def _next_step(context: Context, rule: AlertRule, of: OfDeployment) -> str:
    """What to do first."""
    match rule.when:
        case "degradation":
            return "ropeway retrain" if _may_retrain(context, of) else "ropeway monitor report"
        case "errors":
            return f"ropeway rollback {of.name}"
        case "silence":
            return f"ropeway serve {of.name}@{of.environment}"
        case "coverage":
            return "bring the truth: POST /feedback with the predictions' ids"
        case _:
            return "ropeway monitor report"


def _may_retrain(context: Context, of: OfDeployment) -> bool:
    """Whether a policy trains this model anew, and nobody has paused it."""
    policy = context.project.policy
    if policy is None or policy.environment != of.environment or policy.model not in (None, of.name):
        return False
    # The policy's own room lies above this one; that it was paused is read from the ledger's verbs.
    subject = f"policy:{of.name}/{of.environment}"
    moves = (event.c.subject == subject) & event.c.verb.in_(("policy-paused", "policy-resumed"))
    latest = select(event.c.verb).where(moves).order_by(event.c.seq.desc()).limit(1)
    return context.read.execute(latest).scalar() != "policy-paused"
