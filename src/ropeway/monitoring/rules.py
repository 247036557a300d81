"""When somebody is to be told: rules held against what was observed. Pure; `alerts` puts it on record.

What a rule looks at, and its limit where `above` and `below` say none:

    drift        the largest Jensen-Shannon distance of a drifted column          any column that drifted
    degradation  the metric over the latest windows that together have labels       the bar, the gate's bound
    quality      the share of rows that the worst problem of a column touches     above 0.05
    errors       the share of requests that the version failed on                 above 0.01
    latency      the 99th percentile of the answering time, in milliseconds       above 1000
    coverage     the share of the latest answers of which the truth is known      below 0.1
    silence      whole windows on end without a request to the live version       above 0

`windows` is how many windows on end must break the limit; of degradation and coverage, how many are put
together at least; of silence, how many must pass.

Degradation is told when the whole interval of the metric lies on the wrong side: of the charter's bar, or of
the bound that the gate found on the test rows. Both intervals are the charter's confidence each way, so that
two that do not touch differ by more than chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ropeway.monitoring.reading import PROBLEMS, shown
from ropeway.monitoring.records import Baseline, Performance, WindowLine
from ropeway.workspace.project import Project
from ropeway.workspace.tables.monitor import AlertRule

DEFAULT_RULES: Mapping[str, AlertRule] = {
    "drift": AlertRule(when="drift"),
    "degradation": AlertRule(when="degradation", severity="page"),
    "quality": AlertRule(when="quality"),
    "errors": AlertRule(when="errors", severity="page"),
}
"""What holds in a project without [alerts]: seen by `ropeway alerts` and by policies, sent nowhere."""

QUALITY_ABOVE = 0.05
ERRORS_ABOVE = 0.01
LATENCY_ABOVE_MS = 1000.0
COVERAGE_BELOW = 0.1
FEWEST_ROWS = 20
"""Of fewer rows in a window a share says nothing."""
FEWEST_LABELS = 30
"""Of fewer labelled rows an interval may be too sure of itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a deployment: whether it is broken, by which figure, in which time."""

    is_broken: bool
    figure: float
    limit: float
    start: datetime
    end: datetime
    says: str
    columns: list[str] = field(default_factory=list)


def rules_of(project: Project) -> Mapping[str, AlertRule]:
    """The project's rules by name; those that hold without any where it declares none."""
    return project.alerts or DEFAULT_RULES


def judge_windows(rule: AlertRule, lines: Sequence[WindowLine], project: Project) -> Verdict | None:
    """What a rule on drift, quality, errors or latency says of a deployment's latest windows.

    Args:
        rule: the rule.
        lines: the windows of one deployment, oldest first.
        project: gives the least effect of drift, and how many rows are enough.

    Returns:
        None where there are not yet as many windows with enough rows as the rule asks for.
    """
    enough = min(FEWEST_ROWS, project.monitor.min_rows)
    usable = [line for line in lines if line.judged or (rule.when != "drift" and line.rows >= enough)]
    latest = usable[-rule.windows :]
    if len(latest) < rule.windows:
        return None
    limit = _limit(rule, project)
    figures = [_figure(rule, line) for line in latest]
    broken = [
        _breaks(rule, figure, limit) and (rule.when != "drift" or bool(line.drifted))
        for figure, line in zip(figures, latest, strict=True)
    ]
    newest = latest[-1]
    return Verdict(
        is_broken=all(broken),
        figure=figures[-1],
        limit=limit,
        start=latest[0].start,
        end=newest.end,
        says=_says(rule, newest, figures[-1], limit),
        columns=_columns(rule, newest),
    )


def judge_performance(
    rule: AlertRule, recent: Performance | None, baseline: Baseline, project: Project
) -> Verdict | None:
    """What a rule on degradation or coverage says of the latest windows together; None without enough."""
    if recent is None or recent.windows < rule.windows:
        return None
    if rule.when == "coverage":
        if recent.rows < project.monitor.min_rows:
            return None
        limit = COVERAGE_BELOW if rule.below is None and rule.above is None else _given(rule)
        below = rule.above is None
        broken = recent.coverage < limit if below else recent.coverage > limit
        says = (
            f"the truth is known of {recent.labelled:,} of {recent.rows:,} answers ({recent.coverage:.0%}); "
            f"the rule asks for {'at least' if below else 'at most'} {limit:.0%}"
        )
        return Verdict(broken, recent.coverage, limit, recent.start, recent.end, says)
    if recent.value is None or recent.low is None or recent.high is None:
        return None
    if recent.labelled < FEWEST_LABELS:
        return None
    return _judge_degradation(rule, recent, baseline)


def _judge_degradation(rule: AlertRule, recent: Performance, baseline: Baseline) -> Verdict | None:
    assert recent.value is not None and recent.low is not None and recent.high is not None  # noqa: PT018
    higher = baseline.higher_is_better
    best = recent.high if higher else recent.low
    gate = baseline.low if higher else baseline.high
    limits = [(baseline.bar, "the charter's bar"), (gate, "what the gate was sure of")]
    if rule.above is not None or rule.below is not None:
        limits = [(_given(rule), f"the limit of the rule ({'above' if rule.above is not None else 'below'})")]
    known = [(limit, name) for limit, name in limits if limit is not None]
    if not known:
        return None
    broken = [(limit, name) for limit, name in known if (best < limit if higher else best > limit)]
    limit, name = broken[0] if broken else known[0]
    span = f"{recent.metric} {recent.value:.3f} (between {recent.low:.3f} and {recent.high:.3f})"
    place = ("" if broken else "not for certain ") + ("under" if higher else "over")
    over = f"{recent.windows} windows" if recent.windows > 1 else "the window"
    says = (
        f"{span} on {recent.labelled:,} labelled of {recent.rows:,} answers of {over} is {place} "
        f"{limit:.3f}, {name}"
    )
    return Verdict(bool(broken), recent.value, limit, recent.start, recent.end, says)


def judge_silence(rule: AlertRule, silent: int, since: datetime, now: datetime) -> Verdict:
    """What a rule on silence says of a live version that got no request for so many whole windows."""
    limit = (rule.above or 0.0) if rule.above is not None else float(rule.windows - 1)
    says = (
        f"no request in {silent:,} whole window{'s' if silent != 1 else ''} since {since:%Y-%m-%d %H:%M} UTC"
    )
    return Verdict(silent > limit, float(silent), limit, since, now, says)


def _given(rule: AlertRule) -> float:
    limit = rule.above if rule.above is not None else rule.below
    assert limit is not None, "asked only where one is set"
    return limit


def _limit(rule: AlertRule, project: Project) -> float:
    if rule.above is not None or rule.below is not None:
        return _given(rule)
    by_kind = {"quality": QUALITY_ABOVE, "errors": ERRORS_ABOVE, "latency": LATENCY_ABOVE_MS}
    return by_kind.get(rule.when, project.monitor.min_effect)


def _figure(rule: AlertRule, line: WindowLine) -> float:
    match rule.when:
        case "drift":
            return line.effect or 0.0
        case "quality":
            return line.faulty
        case "errors":
            return line.error_rate
        case _:
            return line.latency_p99_us / 1000


def _breaks(rule: AlertRule, figure: float, limit: float) -> bool:
    if rule.when == "drift" and rule.above is None and rule.below is None:
        # Which columns drifted says it all: certain, and by at least the least effect.
        return True
    return figure < limit if rule.below is not None else figure > limit


def _columns(rule: AlertRule, line: WindowLine) -> list[str]:
    if rule.when == "drift":
        return line.drifted
    return line.faulty_columns if rule.when == "quality" else []


def _says(rule: AlertRule, line: WindowLine, figure: float, limit: float) -> str:
    match rule.when:
        case "drift":
            if not line.drifted:
                return f"no column drifted in {line.rows:,} rows"
            return f"{shown(line.drifted)} drifted, by up to {figure:.2f} (limit {limit:g})"
        case "quality":
            problem = max(line.quality, key=lambda each: line.quality[each], default="")
            where = f" of {shown(line.faulty_columns)}" if line.faulty_columns else ""
            what = f"{PROBLEMS.get(problem, 'at fault')}{where}" if problem else "nothing wrong"
            return f"{figure:.1%} of {line.rows:,} rows: {what} (limit {limit:.1%})"
        case "errors":
            return f"failed on {line.errors:,} of {line.rows:,} requests, {figure:.1%} (limit {limit:.1%})"
        case _:
            return f"the slowest 1 % of {line.rows:,} answers took over {figure:,.0f} ms (limit {limit:,.0f})"
