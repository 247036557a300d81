"""Alerts as a person looks at them: with the words that drifted, and with how the figure stands now.

Both are read when they are asked for, from the windows' own reports: an alert's event keeps the figure by
which it was raised, and no word of anybody's texts ever stands in an event or goes out to a sink.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ropeway.monitoring.deliver import read_attempts
from ropeway.monitoring.operations import list_alerts, list_waiting
from ropeway.monitoring.reading import lines_of, recent_of
from ropeway.monitoring.records import Alert
from ropeway.monitoring.rules import judge_windows, rules_of
from ropeway.stats.drift.tokens import TellingToken
from ropeway.story.report.drift import read_report
from ropeway.workspace import Context, operation

MOST_WORDS = 5
"""On each side; a report on production shows more."""
LEAST_SHARE = 0.005
"""Added to every share: a word that nobody used before is not infinitely many times more."""
LATEST = 30
"""So many windows back the latest ones are looked for that were judged."""


class MovedWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words that tell a window's texts from those that were learnt from."""

    more: list[TellingToken]
    less: list[TellingToken]


Words = dict[str, MovedWords]
"""By column of texts, in the order in which the columns moved."""


class AlertTold(Alert, frozen=True, kw_only=True):
    """An alert, and what is known beside it.

    Attributes:
        words: of a drift alert, in the window in which it was found: the last one, where there were several.
        now: of an open alert, the same figure as it was observed last, where that is later than `end`.
        now_at: the end of the window, or windows, that `now` is of.
        words_now: of an open drift alert, in that window.
        not_told: the sinks that have not taken what they should hear of it, each with why, in a line.
    """

    words: Words = msgspec.field(default_factory=dict)
    now: float | None = None
    now_at: datetime | None = None
    words_now: Words = msgspec.field(default_factory=dict)
    not_told: list[str] = msgspec.field(default_factory=list)


@operation("story.alerts", kind="query", permission="monitoring:read")
def tell_alerts(
    context: Context, *, open_only: bool = True, model: str | None = None, limit: int = 200
) -> list[AlertTold]:
    """Alerts in the order of `monitoring.alerts`, each with its words and its figure now.

    Args:
        context: the call.
        open_only: leave out those that are resolved.
        model: only this model's, or with `@` only this version's.
        limit: at most so many.
    """
    found = list_alerts.function(context, open_only=open_only, model=model, limit=limit)
    not_told = _not_told(context)
    return [
        msgspec.structs.replace(_told(context, each), not_told=not_told.get(each.id, [])) for each in found
    ]


def _not_told(context: Context) -> dict[str, list[str]]:
    """By alert, whom it has not reached yet."""
    tried = {(each.alert, each.sink): each.line for each in read_attempts(context.home)}
    found: dict[str, dict[str, str]] = {}
    for each in list_waiting.function(context):
        key = (each.message.alert.id, each.sink)
        found.setdefault(key[0], {})[each.sink] = tried.get(key, f"{each.sink}: it waits for its turn")
    return {identity: list(lines.values()) for identity, lines in found.items()}


def _told(context: Context, alert: Alert) -> AlertTold:
    now, now_at = _now(context, alert) if alert.is_open else (None, None)
    if now_at is None or now_at <= alert.end:
        now, now_at = None, None
    known = {name: getattr(alert, name) for name in alert.__struct_fields__}
    return AlertTold(
        **known,
        words=_words(context, alert, alert.end),
        now=now,
        now_at=now_at,
        words_now={} if now_at is None else _words(context, alert, now_at),
    )


def _now(context: Context, alert: Alert) -> tuple[float | None, datetime | None]:
    """The figure that the alert's rule looks at, by what was observed last."""
    name, _, number = alert.model.rpartition("@")
    if alert.when in ("degradation", "coverage"):
        recent = recent_of(context.read, name, int(number), alert.environment)
        if recent is None:
            return None, None
        return (recent.value if alert.when == "degradation" else recent.coverage), recent.end
    rule = rules_of(context.project).get(alert.rule)
    if rule is None or rule.when != alert.when or alert.when == "silence":
        return None, None
    lines = lines_of(
        context.read, name=name, number=int(number), environment=alert.environment, last=LATEST + rule.windows
    )
    verdict = judge_windows(rule, lines, context.project)
    return (None, None) if verdict is None else (verdict.figure, verdict.end)


def _words(context: Context, alert: Alert, end: datetime) -> Words:
    """The telling words of the window that ended then, of the columns that drifted in it."""
    if alert.when != "drift":
        return {}
    name, _, number = alert.model.rpartition("@")
    lines = lines_of(
        context.read, name=name, number=int(number), environment=alert.environment, since=alert.start
    )
    line = next((each for each in lines if each.end == end), None)
    report = None if line is None else read_report(context.store, line)
    if report is None:
        return {}
    moved = {column: moved_words(report.tokens.get(column, [])) for column in report.drifted}
    return {column: words for column, words in moved.items() if words.more or words.less}


def moved_words(tokens: Sequence[TellingToken], most: int = MOST_WORDS) -> MovedWords:
    """The words that moved, by side, those first of which there are the most times more or less.

    That they moved is certain of all of them; by certainty alone `the` and `and` would stand before `camera`.

    Args:
        tokens: those that are telling.
        most: of each side, at most so many.
    """
    ordered = sorted(tokens, key=_times, reverse=True)
    return MovedWords(
        more=[each for each in ordered if each.z > 0][:most],
        less=[each for each in ordered if each.z < 0][:most],
    )


def _times(token: TellingToken) -> float:
    """How many times more, or less, as a logarithm."""
    return abs(math.log((token.current_share + LEAST_SHARE) / (token.reference_share + LEAST_SHARE)))
