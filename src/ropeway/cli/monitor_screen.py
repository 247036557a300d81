"""How `ropeway monitor` and `ropeway alerts` are drawn: calm, aligned, a fact a line."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli import draw

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ropeway.cli.monitor import DriftedColumn, Screen, Seen
    from ropeway.continuous.rollouts.reading import RolloutState
    from ropeway.monitoring.records import DeploymentHealth, Performance
    from ropeway.stats.drift.tokens import TellingToken
    from ropeway.story.alerts import AlertTold, Words
    from ropeway.story.report.records import ReportData

SPARKS = "▁▂▃▄▅▆▇█"
SHOWN_COLUMNS = 4
ROLES = {"live": "live", "arm": "canary", "shadow": "shadow", "former": "former"}
STATES = {"well": "ok", "alert": "warn", "silent": "warn", "unjudged": "open", "former": "retired"}
PROBLEMS = {
    "missing": "a column missing",
    "null": "a column empty",
    "mistyped": "another type",
    "unseen": "an unseen category",
    "contract": "outside the contract",
    "skewed": "other than in training",
}
Fact = tuple[str, "Text | str | None"]


def draw_screen(out: "Console", screen: "Screen") -> None:
    """The health of each deployment, what is on its way, and what to do next."""
    from rich.text import Text

    if screen.observed is not None:
        for note in [*screen.observed.errors, *screen.observed.notes]:
            out.print(Text(f"{draw.INDENT}! {note}", style="yellow"))
    if not screen.deployments:
        out.print("Nothing is live here yet, so there is nothing to watch.")
        draw.next_step(out, "ropeway status", why="says what is missing")
        return
    for index, seen in enumerate(screen.deployments):
        if index:
            out.print()
        _draw_deployment(out, seen, screen)
    for rollout in screen.rollouts:
        out.print()
        _draw_rollout(out, rollout)
    draw.next_step(out, *_next_steps(screen))


def _draw_deployment(out: "Console", seen: "Seen", screen: "Screen") -> None:
    from rich.text import Text

    health = seen.health
    share = f", {health.share:.0%} of the traffic" if health.role in ("live", "arm") else ""
    share += ", mirrored" if health.is_mirrored else ""
    role = f"  {ROLES[health.role]} in {health.environment}{share}   "
    out.print(
        _line(Text(health.ref, style="bold"), role, draw.badge(STATES[health.state], _state_words(health)))
    )
    facts = [*_traffic(seen, screen.at), *_drift(seen, screen.min_effect), *_quality(health)]
    facts += [*_performance(health), *_alerts(seen)]
    draw.facts(out, facts)


def _line(*parts: "Text | str") -> "Text":
    """Parts one after the other, each in its own style: `+` would give all of them the first one's."""
    from rich.text import Text

    return Text.assemble(*parts)


def _state_words(health: "DeploymentHealth") -> str:
    if health.alerts:
        return f"{draw.count(len(health.alerts), 'alert')} open"
    return {"well": "well", "unjudged": "not judged yet"}.get(health.state, health.says or health.state)


def _traffic(seen: "Seen", now: datetime) -> Iterator[Fact]:
    line = seen.health.window
    if line is None:
        yield "answers", "no window is over yet"
        return
    rows = [each.rows for each in seen.windows]
    answers = f"{draw.count(line.rows, 'row')} in the last window, {window_words(line.start, line.end, now)}"
    yield "answers", answers
    if len(rows) > 1:
        span = f"  {draw.count(len(rows), 'window')}, {min(rows):,} to {max(rows):,} rows"
        yield "", _line(sparkline(rows, width=28), span)
    failed = f"{line.errors:,} of {line.rows:,} ({line.error_rate:.1%})" if line.errors else "none"
    times = f"p50 {milliseconds(line.latency_p50_us)}, p99 {milliseconds(line.latency_p99_us)}"
    yield "failed", _line(draw.badge("warn", failed), f"   {times}") if line.errors else f"{failed}   {times}"


def _drift(seen: "Seen", least: float) -> Iterator[Fact]:
    line = seen.health.judged
    if line is None:
        yield "drift", "not judged yet: too few rows in a window"
        return
    drifted = [each for each in seen.columns if each.drifted]
    furthest = max((each.effect for each in seen.columns), default=line.effect or 0.0)
    if not drifted:
        yield "drift", draw.badge("ok", f"none; the furthest effect is {furthest:.2f}")
    else:
        yield "drift", draw.badge("warn", columns_in_words(drifted))
    effects = [each.effect for each in seen.windows if each.effect is not None]
    if effects:
        words = f"  effect by window, up to {max(effects):.2f}; limit {least:g}"
        yield "", _line(sparkline(effects, width=28, top=max(*effects, least)), words)


def columns_in_words(columns: "Sequence[DriftedColumn]") -> str:
    """The columns that moved, with how far: `text 0.42, prediction 0.18 and 2 more`."""
    shown = ", ".join(f"{each.name} {each.effect:.2f}" for each in columns[:SHOWN_COLUMNS])
    more = len(columns) - SHOWN_COLUMNS
    return shown + (f" and {more} more" if more > 0 else "")


def _quality(health: "DeploymentHealth") -> Iterator[Fact]:
    line = health.window
    if line is None:
        return
    if not line.quality:
        yield "quality", draw.badge("ok", "nothing wrong with the requests")
        return
    found = ", ".join(
        f"{PROBLEMS.get(problem, problem)} in {draw.count(rows, 'row')}"
        for problem, rows in sorted(line.quality.items(), key=lambda item: -item[1])
    )
    columns = ", ".join(line.faulty_columns[:SHOWN_COLUMNS])
    yield "quality", draw.badge("warn", f"{found}   ({columns})" if columns else found)


def _performance(health: "DeploymentHealth") -> Iterator[Fact]:
    measured = health.performance or (health.window.performance if health.window else None)
    if measured is None:
        yield "truth", "nobody has said yet what answers should have been"
        return
    if measured.value is not None:
        yield measured.metric, _figure(measured, health)
    over = "" if measured.windows == 1 else f" of {draw.count(measured.windows, 'window')}"
    known = f"{measured.coverage:.0%} of {draw.count(measured.rows, 'answer')}{over} labelled"
    yield ("" if measured.value is not None else "truth"), known
    if measured.estimated is not None:
        span = _span(measured.estimated, measured.estimated_low, measured.estimated_high)
        yield "expected", f"{measured.metric} {span}, by the model's own confidence"
    if measured.cost is not None:
        yield "cost", f"{_span(measured.cost, measured.cost_low, measured.cost_high)} per labelled answer"


def _figure(measured: "Performance", health: "DeploymentHealth") -> "Text | str":
    span = _span(measured.value, measured.low, measured.high)
    bar = health.baseline.bar if health.baseline else None
    against = "" if bar is None else f"; bar {bar:g}"
    if measured.value is not None and 0 <= measured.value <= 1 and (bar is None or 0 <= bar <= 1):
        return _line(draw.meter(measured.value, bar, cells=20), f" {span}{against}")
    return f"{span}{against}"


def _span(value: float | None, low: float | None, high: float | None) -> str:
    between = f" ({draw.number(low)} to {draw.number(high)})" if low is not None and high is not None else ""
    return f"{draw.number(value)}{between}"


def _alerts(seen: "Seen") -> Iterator[Fact]:
    from rich.text import Text

    for alert in seen.alerts:
        style = "red" if alert.severity == "page" else "yellow"
        now = "" if alert.now is None else f"; {figure_words(alert.when, alert.now)} now"
        yield "alert", _line(Text(f"! {alert.rule}", style=style), f"  {alert.says}{now}")


def _draw_rollout(out: "Console", rollout: "RolloutState") -> None:
    from rich.text import Text

    against = f"  against {rollout.champion} in {rollout.environment}   "
    state = draw.badge("warn" if rollout.state == "held" else "running", f"rollout {rollout.state}")
    out.print(_line(Text(rollout.ref, style="bold"), against, state))
    draw.facts(out, _rollout_facts(rollout))


def _rollout_facts(rollout: "RolloutState") -> Iterator[Fact]:
    from rich.text import Text

    from ropeway.stats.sequential.shown import e_value

    steps = [*rollout.steps, "live"]
    signs = ["✓" if at < rollout.step else "●" if at == rollout.step else "○" for at in range(len(steps))]
    yield (
        "steps",
        Text("  ").join(
            Text(f"{sign} {step}", style="cyan" if sign == "●" else "")
            for sign, step in zip(signs, steps, strict=True)
        ),
    )
    summary = rollout.summary
    if summary is None:
        yield "test", f"no entity heard of yet; each step needs {rollout.terms.min_entities:,}"
        return
    heard = f"{draw.count(summary.entities, 'entity', 'entities')}, {summary.in_step:,} in this step"
    yield "test", f"{heard} (each needs {rollout.terms.min_entities:,})"
    saves = f"{summary.estimate:+.3f} ({summary.low:+.3f} to {summary.high:+.3f}) {rollout.terms.unit}"
    yield "saves", saves
    gain, harm = e_value(summary.log_e_gain), e_value(summary.log_e_harm)
    limits = (
        f"proven from {1 / rollout.terms.alpha:,.0f}; harm {harm}, from {1 / rollout.terms.harm_alpha:,.0f}"
    )
    yield "e-value", f"{gain}, {limits}"
    if rollout.state == "held":
        yield "held", rollout.says


def draw_alerts(out: "Console", alerts: "Sequence[AlertTold]", *, every: bool) -> None:
    """Alerts, each with figure, limit, window, version and next step."""
    from rich.text import Text

    if not alerts:
        out.print("No alert was ever raised." if every else "No alert is open.")
        if not every:
            draw.next_step(out, "ropeway alerts --all", why="shows those that are over")
        return
    for index, alert in enumerate(alerts):
        if index:
            out.print()
        badge = draw.badge("warn", alert.severity) if alert.is_open else draw.badge("ok", "resolved")
        where = f"  {alert.model} in {alert.environment}   "
        out.print(_line(Text(alert.rule, style="bold"), where, badge))
        draw.facts(out, _alert_facts(alert))
    steps = [alert.next_step for alert in alerts if alert.is_open and alert.next_step]
    draw.next_step(out, *list(dict.fromkeys(steps))[:3])


def _alert_facts(alert: "AlertTold") -> Iterator[Fact]:
    yield "found", alert.says
    if alert.columns:
        yield "columns", ", ".join(alert.columns[:8]) + (" …" if len(alert.columns) > 8 else "")
    yield from _words("words", alert.words)
    yield "figure", f"{figure_words(alert.when, alert.figure)}, limit {figure_words(alert.when, alert.limit)}"
    yield "window", f"{draw.when(alert.start)} to {draw.when(alert.end)} UTC"
    yield "raised", draw.when(alert.raised_at)
    for line in alert.not_told:
        yield "not told", line
    if alert.now is not None and alert.now_at is not None:
        yield "now", f"{figure_words(alert.when, alert.now)} in the window to {draw.when(alert.now_at)} UTC"
        yield from _words("", alert.words_now)
    if alert.resolved_at is not None:
        yield "over", f"{draw.when(alert.resolved_at)}: {alert.resolution}"
    elif alert.next_step:
        yield "next", alert.next_step


def _words(head: str, words: "Words") -> Iterator[Fact]:
    for column, moved in words.items():
        of = f"{column}: " if len(words) > 1 else ""
        for side, tokens in (("more", moved.more), ("less", moved.less)):
            if tokens:
                yield head, f"{of}{side} of {tokens_in_words(tokens)}"
                head = ""


def tokens_in_words(tokens: "Sequence[TellingToken]") -> str:
    """Words, each with the share of texts that held it and that holds it now: `player (2%→9%)`."""
    # Without a space within, so that no line ends between the two shares.
    return ", ".join(f"{each.token} ({each.reference_share:.0%}→{each.current_share:.0%})" for each in tokens)


def draw_written(out: "Console", path: Path, size: int, data: "ReportData") -> None:
    """Where the page is, and what it holds."""
    held = [
        draw.count(sum(len(place.deployments) for place in data.places), "deployment"),
        draw.count(len(data.rollouts), "rollout"),
        draw.count(len(data.alerts), "alert"),
        draw.count(len(data.retrainings), "retraining"),
    ]
    out.print(f"{path}  {draw.size(size)}: {', '.join(held)}. Open it in a browser.")


def figure_words(when: str, figure: float) -> str:
    """An alert's figure in the unit of what its rule looks at."""
    match when:
        case "quality" | "errors" | "coverage":
            return f"{figure:.1%}"
        case "latency":
            return f"{figure:,.0f} ms"
        case "drift":
            return f"{figure:.2f}"
        case "silence":
            return draw.count(round(figure), "window")
        case _:
            return f"{figure:.3f}"


def milliseconds(microseconds: int) -> str:
    """A latency: `1.2 ms`, `48 ms`, `1.4 s`."""
    value = microseconds / 1000
    return (
        f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
    )


def window_words(start: datetime, end: datetime, now: datetime) -> str:
    """A window's time, shortened where it is whole days."""
    length = end - start
    if length.total_seconds() % 86_400 == 0:
        days = length.days
        return f"{start:%d %b}" if days == 1 else f"{start:%d %b} to {end:%d %b}"
    return f"{start:%d %b %H:%M} to {end:%H:%M}" if start.date() == now.date() else f"{start:%d %b %H:%M}"


def sparkline(values: "Sequence[float]", *, width: int, top: float | None = None) -> "Text":
    """A row of small bars, the newest last; at most `width`, from 0 up to the highest value or `top`."""
    from rich.text import Text

    shown = list(values)[-width:]
    highest = max([*shown, 0.0]) if top is None else top
    steps = len(SPARKS) - 1
    drawn = "".join(
        SPARKS[min(steps, round(value / highest * steps))] if highest > 0 else SPARKS[0] for value in shown
    )
    return Text(drawn, style="cyan")


def _next_steps(screen: "Screen") -> list[str]:
    """What to type next: what the alerts and the health ask for, at most two."""
    alerts = [alert.next_step for seen in screen.deployments for alert in seen.health.alerts]
    healths = [seen.health.next_step for seen in screen.deployments]
    held = [f"ropeway rollout show {each.id}" for each in screen.rollouts if each.state == "held"]
    wanted = [step for step in (*held, *alerts, *healths) if step]
    return list(dict.fromkeys(wanted))[:2]
