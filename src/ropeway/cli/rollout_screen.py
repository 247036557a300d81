"""How rollouts look: the ladder of steps, the test as calm bars, the guards, what happened."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from ropeway.cli.draw import Cell
    from ropeway.continuous.rollouts.events import Summary, Terms
    from ropeway.continuous.rollouts.guards import Guarded
    from ropeway.continuous.rollouts.operations import Budget, Released, RolledBack
    from ropeway.continuous.rollouts.reading import RolloutState

SHORT = 10
METER_CELLS = 28
OUTCOMES = {"promoted": "live", "rolled-back": "failed", "undecided": "warn", "held": "warn"}
"""How an outcome looks, in the words of `draw.LOOKS`; the others are quiet."""
VERDICTS = {
    "gain": "better: the gain is proven",
    "harm": "worse: the harm is proven",
    "futile": "not worth it: the gain is too small at best",
    "continue": "not decided yet",
    "undecided": "undecided",
}


def draw_rollouts(out: "Console", rollouts: "Sequence[RolloutState]") -> None:
    """Rollouts as a table: how each ended, by whom or which rule, on which evidence."""
    from ropeway.cli import draw

    rows: list[list[Cell]] = []
    for each in rollouts:
        outcome = each.outcome or each.state
        rows.append(
            [
                each.ended_at or each.started_at,
                each.ref,
                draw.badge(OUTCOMES.get(outcome, "running" if each.is_active else "skipped"), outcome),
                f"{each.champion} in {each.environment}",
                each.summary.entities if each.summary else None,
                _estimate(each.summary) if each.summary else None,
                _decided_by(each),
                each.evidence[:SHORT] if each.evidence else None,
            ]
        )
    columns: list[draw.Column | str] = [
        "when (UTC)",
        "version",
        "rollout",
        "beside",
        draw.Column("entities", right=True, rank=2),
        draw.Column("saves", right=True),
        draw.Column("decided by", grow=True),
        draw.Column("evidence", rank=1),
    ]
    draw.table(out, columns, rows)


def _decided_by(rollout: "RolloutState") -> str:
    if rollout.is_active:
        return f"held: {rollout.reason}" if rollout.state == "held" else f"on its way, at {_step(rollout)}"
    return f"rule: {rollout.ended_rule}" if rollout.ended_rule else rollout.ended_by or ""


def draw_none(out: "Console") -> None:
    """There is no rollout; what begins one."""
    from ropeway.cli import draw

    out.print("No version has been released by a rollout yet.")
    draw.next_step(out, "ropeway release MODEL@VERSION", why="lets an approved version prove itself")


def draw_released(out: "Console", released: "Released") -> None:
    """What a release began, and by what it will be decided."""
    from ropeway.cli import draw

    began = released.rollout
    if began is None:
        out.print(draw.badge("live", f"{released.version.ref} is live") + f"   {released.says}")
        draw.next_step(out, f"ropeway serve {released.version.name}@{released.environment}")
        return
    out.print(draw.badge("running", f"{began.ref} is on its way to {began.environment}") + f"   {began.id}")
    out.print()
    draw.facts(
        out,
        [
            ("beside", began.champion),
            ("steps", _ladder(began)),
            ("each until", f"the truth about {draw.count(began.terms.min_entities, 'entity', 'entities')}"),
            ("decided by", f"{began.terms.unit}, at alpha = {began.alpha_spent:.3g}"),
            ("alpha left", f"{began.budget_left:.3g} for {began.year}"),
            ("deadline", f"{draw.when(began.deadline_at)} UTC"),
        ],
    )
    draw.next_step(out, "ropeway controller", f"ropeway rollout {began.name}")


def draw_back(out: "Console", back: "RolledBack") -> None:
    """What is live after a going back."""
    from ropeway.cli import draw

    out.print(draw.badge("live", f"{back.live} is live in {back.environment}") + f"   {back.says}")
    draw.next_step(out, f"ropeway model history {back.name}")


def draw_moved(out: "Console", rollout: "RolloutState") -> None:
    """Where a rollout stands after a move by hand."""
    from ropeway.cli import draw

    out.print(_headline(rollout) + (f"   {rollout.says}" if rollout.says else ""))
    out.print()
    draw.facts(out, [("steps", _ladder(rollout))])
    if rollout.state == "held":
        draw.next_step(out, f"ropeway rollout resume {rollout.name}", f"ropeway rollout end {rollout.name}")


def draw_rollout(
    out: "Console",
    rollout: "RolloutState",
    summary: "Summary | None",
    guarded: "Guarded | None",
    budget: "Budget",
) -> None:
    """One rollout, whole: where it stands, what was heard, what stops it, what happened."""
    from ropeway.cli import draw

    out.print(_headline(rollout))
    if rollout.says:
        out.print(rollout.says)
    out.print()
    began = f"{draw.when(rollout.started_at)} UTC by {rollout.rule or rollout.started_by}"
    draw.facts(
        out,
        [
            ("beside", rollout.champion),
            ("steps", _ladder(rollout)),
            ("began", began),
            ("deadline", f"{draw.when(rollout.deadline_at)} UTC" if rollout.is_active else None),
            ("note", rollout.note),
            ("evidence", rollout.evidence[:SHORT] if rollout.evidence else None),
        ],
    )
    if summary is not None:
        _draw_test(out, rollout, summary, budget)
    if guarded is not None:
        _draw_guards(out, rollout.terms, guarded, is_shadow=rollout.share == 0)
    if len(rollout.moves) > 1:
        _draw_moves(out, rollout)
    _draw_next(out, rollout)


def _draw_test(out: "Console", rollout: "RolloutState", summary: "Summary", budget: "Budget") -> None:

    from ropeway.cli import draw

    terms = rollout.terms
    here = f"{summary.in_step:,} at {_step(rollout)}, where {terms.min_entities:,} are needed"
    heard = f"{draw.count(summary.entities, 'entity', 'entities')} in all; {here}"
    left = f"{budget.left:.3g} of {budget.alpha:g}"
    draw.heading(out, "The test")
    draw.facts(
        out,
        [
            ("heard of", heard),
            (
                "saves",
                f"{_estimate(summary)} ({_figure(summary.low)} to {_figure(summary.high)}) {terms.unit}",
            ),
            ("", _span(summary, terms)),
            ("gain", _evidence_bar(summary.log_e_gain, terms.alpha)),
            ("harm", _evidence_bar(summary.log_e_harm, terms.harm_alpha)),
            ("alpha", f"{rollout.alpha_spent:.3g} taken; {left} left for {budget.year}"),
            ("verdict", VERDICTS[summary.verdict]),
        ],
    )


def _span(summary: "Summary", terms: "Terms") -> "Text":
    """The interval on a line with 0 and the estimate marked: `────│━━━●━━━────`."""
    from rich.text import Text

    # As wide as it must be, and a little more, so that both ends are seen.
    reach = min(terms.scale, 1.25 * max(-summary.low, summary.high, abs(summary.estimate)))

    def cell(value: float) -> int:
        share = (value / reach + 1) / 2
        return round(max(0.0, min(1.0, share)) * (METER_CELLS - 1))

    low, high = cell(summary.low), cell(summary.high)
    line = Text()
    for index in range(METER_CELLS):
        if index == cell(summary.estimate):
            line.append("●", style="cyan")
        elif index == cell(0.0):
            line.append("│", style="bold")
        elif low <= index <= high:
            line.append("━", style="cyan")
        else:
            line.append("─", style="dim")
    return line.append(f"  {_figure(-reach)} to {_figure(reach)}, │ is 0", style="dim")


def _evidence_bar(log_e: float, alpha: float) -> "Text":
    """How far the evidence has come to what proves it, on a logarithmic bar."""
    from rich.text import Text

    from ropeway.cli import draw
    from ropeway.stats.sequential.shown import e_value

    needed = -math.log(alpha)
    bar = draw.meter(max(0.0, log_e) / needed, cells=METER_CELLS)
    return Text() + bar + Text(f"  e = {e_value(log_e)} of the {1 / alpha:,.0f} needed")


def _draw_guards(out: "Console", terms: "Terms", guarded: "Guarded", *, is_shadow: bool) -> None:
    from ropeway.cli import draw

    live, own, limits = guarded.live, guarded.candidate, terms.guards
    draw.heading(out, "The guards")
    rows: list[list[Cell]] = [
        [
            "errors",
            _share(own.error_rate),
            _share(live.error_rate),
            f"{limits.error_rate:.1%} more",
            _verdict(guarded, "errors"),
        ],
        [
            "p99 latency",
            _ms(own.p99_us),
            _ms(live.p99_us),
            f"{limits.latency_ratio:g} times",
            _verdict(guarded, "latency"),
        ],
    ]
    if not is_shadow:
        waits = draw.badge("warn", "nothing is decided") if guarded.waits else draw.badge("ok")
        gap = f"{limits.coverage_gap:.0%} apart"
        rows.append(["truth known", _share(own.coverage), _share(live.coverage), gap, waits])
    columns: list[draw.Column | str] = [
        "guard",
        draw.Column("candidate", right=True),
        draw.Column("live", right=True),
        "allowed",
        "",
    ]
    draw.table(out, columns, rows)
    if guarded.waits:
        out.print(f"  {guarded.waits}")


def _verdict(guarded: "Guarded", name: str) -> "Text":
    from ropeway.cli import draw

    return draw.badge("broken") if name in guarded.broken else draw.badge("ok")


def _draw_moves(out: "Console", rollout: "RolloutState") -> None:
    from ropeway.cli import draw

    draw.heading(out, "What happened")
    rows: list[list[Cell]] = [
        [
            move.at,
            f"rule: {move.rule}" if move.rule else move.by,
            move.move,
            move.step,
            move.note or move.says or None,
        ]
        for move in rollout.moves
    ]
    columns: list[draw.Column | str] = ["when (UTC)", "by", "move", "at", draw.Column("about", grow=True)]
    draw.table(out, columns, rows)


def _draw_next(out: "Console", rollout: "RolloutState") -> None:
    from ropeway.cli import draw

    name = rollout.name
    match rollout.state:
        case "running":
            draw.next_step(out, "ropeway controller --once", why="takes the next step when it is due")
        case "held":
            draw.next_step(out, f"ropeway rollout resume {name}", f"ropeway rollout end {name}")
        case "ended":
            draw.next_step(out, f"ropeway model history {name}")


def _headline(rollout: "RolloutState") -> "Text":
    from rich.text import Text

    from ropeway.cli import draw

    where = f"{rollout.ref} to {rollout.environment}"
    if rollout.is_active:
        look = "warn" if rollout.state == "held" else "running"
        word = f"{'held' if rollout.state == 'held' else 'on its way'} at {_step(rollout)}"
    else:
        look, word = OUTCOMES.get(rollout.outcome, "skipped"), rollout.outcome.replace("-", " ")
    line = Text().append(where, style="bold").append("   ").append_text(draw.badge(look, word))
    return line.append(f"   {rollout.id}", style="dim")


def _ladder(rollout: "RolloutState") -> "Text":
    """The steps with where it stands: `✓ shadow  ● 10 %  ○ 50 %  ○ live`."""
    from rich.text import Text

    from ropeway.cli import draw

    is_live = rollout.outcome == "promoted"
    parts = []
    for index, name in enumerate([*rollout.steps, "live"]):
        done = is_live or index < rollout.step
        here = index == rollout.step and rollout.is_active
        # Where it ended without being promoted, the step that it had come to is where it stopped.
        stopped = index == rollout.step and not rollout.is_active and not is_live
        state = "passed" if done else "running" if here else "retired" if stopped else "open"
        parts.append(draw.badge(state, name))
    return Text("   ").join(parts)


def _step(rollout: "RolloutState") -> str:
    return rollout.steps[rollout.step]


def _estimate(summary: "Summary") -> str:
    return _figure(summary.estimate)


def _figure(value: float) -> str:
    """Three digits, more only where they stand before the point."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "0" if text == "-0" else text


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _ms(value_us: float | None) -> str | None:
    return None if value_us is None else f"{value_us / 1000:,.1f} ms"
