"""What goes on by itself, in words: alerts, retrainings, rollouts, and the feedback that data was made of.

These rooms are not imported: what they have put on record is read by verb.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ropeway.core.clock import from_text
from ropeway.stats.sequential.shown import e_value
from ropeway.story.account import Told
from ropeway.story.happenings import Happening, last, of_verbs
from ropeway.story.words import day, identity_of, step_name

ALERT_VERBS = ("alert-raised", "alert-resolved")
MOST_MODELS = 6


def tell_alert(read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    """What was found, in which window, and whether it is over."""
    identity = identity_of(ref)
    # An alert's events are about the version that gave cause for it.
    own = [each for each in of_verbs(read, ALERT_VERBS) if each.body["id"] == identity]
    raised, resolved = last(own, "alert-raised"), last(own, "alert-resolved")
    if raised is None:
        return Told(ref=ref, title=f"alert {identity}")
    body = raised.body
    window = f"window {day(from_text(body['start']))} to {day(from_text(body['end']))}"
    lines = [body["says"], f"{window}; figure {body['figure']:.3f}, limit {body['limit']:.3g}"]
    if resolved is not None:
        lines.append(f"over {day(resolved.at)}: {resolved.body['says']}")
    sinks = [f"{each.body['sink']} {day(each.at)}" for each in happenings if each.verb == "alert-delivered"]
    lines += [f"told {', '.join(sinks)}"] if sinks else []
    where = f"{body['name']}@{body['number']} in {body['environment']}"
    return Told(ref=ref, title=f"alert '{body['rule']}' of {where}", at=raised.at, by=raised.by, lines=lines)


def tell_retraining(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    """What triggered it, what each stage came to, how it ended."""
    triggered = last(happenings, "retraining-triggered")
    if triggered is None:
        return Told(ref=ref, title=f"retraining {identity_of(ref)}")
    body = triggered.body
    lines = [body["says"]] if body.get("says") else []
    done = [each for each in happenings if each.verb == "retraining-advanced" and each.body["says"]]
    ended = last(happenings, "retraining-ended")
    # The last stage and the end say the same where one brought the other about: the end is told.
    of_end = "" if ended is None else ended.body["says"]
    lines += [
        f"{each.body['stage']} {day(each.at)}: {each.body['says']}"
        for each in done
        if each.body["says"] != of_end
    ]
    if ended is not None:
        lines.append(f"{ended.body['outcome'].replace('-', ' ')} {day(ended.at)}: {ended.body['says']}")
    trigger = body["trigger"].replace("hand", "a person asked").replace("-", " ")
    return Told(
        ref=ref,
        title=f"retraining of {body['name']}, after: {trigger}",
        at=triggered.at,
        by=triggered.by,
        lines=lines,
    )


def tell_rollout(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    """Which steps it took, what the test found after how many entities, how it ended."""
    started = last(happenings, "rollout-started")
    if started is None:
        return Told(ref=ref, title=f"rollout {identity_of(ref)}")
    body = started.body
    steps = ", ".join(step_name(share) for share in body["steps"])
    lines = [f"steps {steps}; released by rule ({body['rule']})" if body["rule"] else f"steps {steps}"]
    lines += [line for each in happenings if (line := _move(each))]
    evaluated = last(happenings, "rollout-evaluated")
    if evaluated is not None:
        lines.append(_figures(evaluated.body["summary"], body["terms"]))
    ended = last(happenings, "rollout-ended")
    if ended is not None:
        who = f"by rule ({ended.body['rule']})" if ended.body["rule"] else f"by {ended.by}"
        lines.append(f"{ended.body['outcome'].replace('-', ' ')} {day(ended.at)} {who}: {ended.body['says']}")
    versions = f"{body['name']}@{body['number']} against {body['name']}@{body['champion']}"
    return Told(ref=ref, title=f"rollout of {versions}", at=started.at, by=started.by, lines=lines)


def _move(happening: Happening) -> str:
    body, at = happening.body, day(happening.at)
    match happening.verb:
        case "rollout-advanced":
            return f"{step_name(body['share'])} from {at}" + (f": {body['says']}" if body["says"] else "")
        case "rollout-held":
            return f"held {at}: {body['says']}"
        case "rollout-resumed":
            return f"resumed {at} by {happening.by}"
    return ""


def _figures(summary: dict[str, Any], terms: dict[str, Any]) -> str:
    saved = (
        f"saves {summary['estimate']:+.3f} ({summary['low']:+.3f} to {summary['high']:+.3f}) {terms['unit']}"
    )
    gain, limit = e_value(summary["log_e_gain"]), 1 / terms["alpha"]
    return (
        f"after {summary['entities']:,} entities {saved}; e-value of a gain {gain}, proven from {limit:,.0f}"
    )


def tell_feedback(_read: Connection, ref: str, _happenings: Sequence[Happening]) -> Told:
    """What people said of a version's answers in an environment."""
    version, _, environment = identity_of(ref).partition("/")
    where = f" in {environment}" if environment else ""
    return Told(ref=ref, title=f"feedback on the answers of {version}{where}")


def tell_segment(_read: Connection, ref: str, happenings: Sequence[Happening]) -> Told:
    """A closed part of the prediction log."""
    sealed = last(happenings, "segment-sealed")
    if sealed is None:
        return Told(ref=ref, title=f"segment {identity_of(ref)}")
    body = sealed.body
    lines = [f"{body['records']:,} records"]
    if body["models"]:
        lines[0] += f" of {', '.join(body['models'][:MOST_MODELS])}"
    if body["first_at"] and body["last_at"]:
        lines.append(f"from {day(from_text(body['first_at']))} to {day(from_text(body['last_at']))}")
    lines += ["its last record was cut off"] if body["torn"] else []
    lines += ["parts of it were damaged; what is sound was kept"] if body["damaged"] else []
    return Told(ref=ref, title=f"segment of {body['kind']} {identity_of(ref)}", at=sealed.at, lines=lines)


def collected_line(body: dict[str, Any]) -> str:
    """A `feedback-collected` event in words: what a dataset version was made of."""
    models = ", ".join(body["models"][:MOST_MODELS])
    since, until = day(from_text(body["since"])), day(from_text(body["until"]))
    beside = f"; {body['unusable']:,} were of no use" if body["unusable"] else ""
    return f"{body['rows']:,} rows from feedback on {models}, said between {since} and {until}{beside}"


def in_production_line(body: dict[str, Any]) -> str:
    """A `recent-performance-measured` event in words."""
    if body["value"] is None:
        return ""
    span = f" ({body['low']:.3f} to {body['high']:.3f})" if body["low"] is not None else ""
    known = f"{body['labelled']:,} labelled of {body['rows']:,} answers"
    return f"in {body['environment']}: {body['metric']} {body['value']:.3f}{span} on {known}"
