"""Rollouts: the test as it moved, its steps and limits, its outcome in words; and the budget of alpha."""

import math
from collections.abc import Sequence

from ropeway.stats.sequential.shown import e_value
from ropeway.story.report.records import AlphaBudget, Look, ReportData, RolloutStory
from ropeway.story.report.sections.block import (
    HALF,
    badge,
    count,
    empty,
    figure,
    key,
    paragraph,
    section,
    stamp,
    tag,
)
from ropeway.story.report.svg.element import Markup, element, join, picture, text, title_of
from ropeway.story.report.svg.frame import MINUS, Frame, count_axis, grid, limit, power
from ropeway.story.report.svg.line import band, line
from ropeway.story.report.svg.scale import Linear, Log

HEIGHT = 240.0
MOST_POINTS = 90
FARTHEST = 1e8
"""E-values beyond it are drawn at the edge: they say no more than that."""
LEAST_E = 1e-300
OUTCOMES = {
    "promoted": ("good", "went live"),
    "rolled-back": ("bad", "rolled back"),
    "futile": ("quiet", "not worth it"),
    "undecided": ("quiet", "undecided"),
    "superseded": ("quiet", "overtaken"),
    "withdrawn": ("quiet", "withdrawn"),
    "ended": ("quiet", "ended by a person"),
}


def rollouts(data: ReportData) -> Markup:
    """The section."""
    if not data.rollouts:
        missing = "No version has had to prove itself on real traffic yet."
        return section("Rollouts", missing, empty("", "ropeway release NAME@NUMBER"))
    lead = (
        "A new version serves beside the live one until the evidence decides. Intervals and e-values hold "
        "whenever one looks, and however often."
    )
    return section("Rollouts", lead, *(_rollout(each) for each in data.rollouts), _budgets(data.budgets))


def _rollout(story: RolloutStory) -> Markup:
    if story.state == "ended":
        kind, words = OUTCOMES.get(story.outcome, ("quiet", story.outcome))
    else:
        kind, words = ("warn", "held") if story.state == "held" else ("active", "under way")
    head = element(
        "h3",
        tag("span", story.ref, "ref"),
        text(f" against {story.champion} in {story.environment}"),
        badge(kind, words),
    )
    drawn = [_gain(story), _evidence(story)] if len(story.looks) > 1 else []
    pictures = (
        element("div", *drawn, class_="cards")
        if drawn
        else empty("Nobody has said yet what its answers should have been.", "ropeway rollout " + story.id)
    )
    return element("article", head, _words(story), _steps(story), pictures)


def _words(story: RolloutStory) -> Markup:
    began = f"by rule ({story.rule})" if story.rule else f"by {story.started_by}"
    said = [f"Released {stamp(story.started_at)} {began}" + (f": {story.note}" if story.note else "") + "."]
    if story.ended_at is not None:
        who = f"by rule: {story.ended_rule}" if story.ended_rule else f"by {story.ended_by}"
        said.append(f"Ended {stamp(story.ended_at)}, {who}.")
    says = paragraph(story.says, "says") if story.says else Markup("")
    return join(says, paragraph(" ".join(said), "quiet"))


def _steps(story: RolloutStory) -> Markup:
    """The planned steps, those that were taken first and marked."""
    taken = len(story.steps)
    is_live = story.outcome == "promoted"
    items = []
    for at, name in enumerate([*story.planned, "live"]):
        is_done = at < taken or (is_live and at == len(story.planned))
        sign = "\u25cf" if is_done else "\u25cb"
        items.append(element("li", text(f"{sign} {name}"), class_="done" if is_done else None))
    return element("ol", *items, class_="steps")


def thinned(looks: Sequence[Look], most: int = MOST_POINTS) -> list[Look]:
    """At most so many looks, evenly, the last one always: what the eye can tell apart."""
    if len(looks) <= most:
        return list(looks)
    step = (len(looks) - 1) / (most - 1)
    return [looks[round(index * step)] for index in range(most)]


def _frame() -> Frame:
    return Frame(HALF, HEIGHT, left=46.0, right=10.0, top=22.0, bottom=36.0)


def _background(story: RolloutStory, frame: Frame, x: Linear) -> list[Markup]:
    """The steps as bands, each with its name at the top."""
    bottom, top = frame.y
    starts = [step.entities for step in story.steps]
    ends = [*starts[1:], story.looks[-1].entities]
    parts: list[Markup] = []
    for at, (step, start, end) in enumerate(zip(story.steps, starts, ends, strict=True)):
        left, right = x(start), x(end)
        if right - left < 1:
            continue
        told = title_of(f"{step.name} from {stamp(step.at)}" + (f": {step.says}" if step.says else ""))
        kind = f"step s{at % 2}"
        parts.append(
            element(
                "rect", told, class_=kind, x=left, y=top - 14, width=right - left, height=bottom - top + 14
            )
        )
        parts.append(element("text", text(step.name), class_="note start", x=left + 5, y=top - 2))
    return parts


def _gain(story: RolloutStory) -> Markup:
    looks, frame = thinned(story.looks), _frame()
    x = Linear(0.0, float(looks[-1].entities), *frame.x)
    low, high = _gain_range(story, looks)
    y = Linear(low, high, *frame.y)
    spans = [(x(look.entities), y(look.low), y(look.high)) for look in looks]
    middle = [(x(look.entities), y(look.estimate)) for look in looks]
    parts = [
        *_background(story, frame, x),
        *grid(frame, y),
        *limit(frame, y(0.0), "no difference", class_="zero", above=False),
    ]
    if story.min_gain > 0:
        parts += limit(frame, y(story.min_gain), f"least gain {story.min_gain:g}")
    parts += [band(spans), line(middle), *count_axis(frame, x, "entities heard of")]
    says = f"After {count(story.entities, 'entity', 'entities')}: {_figures(story)}"
    drawn = picture(HALF, HEIGHT, "Gain per entity", says, element("g", *parts, class_="v0"))
    return figure(f"Saved, {story.unit}", drawn, element("p", text(_figures(story)), class_="quiet"))


def _figures(story: RolloutStory) -> str:
    if story.gain is None or story.low is None or story.high is None:
        return "no figure yet"
    heard = count(story.entities, "entity", "entities")
    return f"{story.gain:+.3f} ({story.low:+.3f} to {story.high:+.3f}) after {heard}".replace("-", MINUS)


def _gain_range(story: RolloutStory, looks: Sequence[Look]) -> tuple[float, float]:
    """What the later half needs to be seen; the wide beginning of the interval may run out of the picture."""
    later = looks[len(looks) // 3 :]
    values = [value for look in later for value in (look.low, look.high)]
    low, high = min([*values, 0.0]), max([*values, 0.0, story.min_gain])
    air = max(high - low, 1e-6) * 0.1
    return max(low - air, -story.scale), min(high + air, story.scale)


def _evidence(story: RolloutStory) -> Markup:
    looks, frame = thinned(story.looks), _frame()
    x = Linear(0.0, float(looks[-1].entities), *frame.x)
    limits = (1 / story.alpha, 1 / story.harm_alpha)
    values = [value for look in looks for value in (look.e_gain, look.e_harm)]
    top = min(FARTHEST, max(10 * max(limits), 3 * max(values)))
    bottom = max(1e-3, min(0.3, *values))
    y = Log(bottom, top, *frame.y)
    gain = [(x(look.entities), y(look.e_gain)) for look in looks]
    harm = [(x(look.entities), y(look.e_harm)) for look in looks]
    # Each limit is named where the line that climbs does not pass: at the start, where it has yet to come.
    is_gain = looks[-1].e_gain >= looks[-1].e_harm
    parts = [
        *_background(story, frame, x),
        *grid(frame, y, y.ticks()),
        *limit(frame, y(limits[0]), f"gain proven: {limits[0]:,.0f}", class_="limit good", at_start=is_gain),
        *limit(
            frame,
            y(limits[1]),
            f"harm: {limits[1]:,.0f}",
            class_="limit bad",
            above=False,
            at_start=not is_gain,
        ),
        line(gain, class_="line good"),
        line(harm, class_="line bad dashed"),
        *count_axis(frame, x, "entities heard of"),
    ]
    last = looks[-1]
    says = f"The e-value of a gain is {_e(last.e_gain)}, that of harm {_e(last.e_harm)}."
    drawn = picture(HALF, HEIGHT, "Evidence for gain and for harm", says, *parts)
    aside = f", drawn up to {_e(FARTHEST)}" if max(values) > FARTHEST else ""
    return figure(
        f"Evidence, e-values{aside}",
        drawn,
        key(("line good", f"gain, {_e(last.e_gain)}"), ("dashed bad", f"harm, {_e(last.e_harm)}")),
    )


def _e(value: float) -> str:
    """An e-value as everywhere, a power of ten with its exponent raised."""
    said = e_value(math.log(max(value, LEAST_E)))
    exponent = said.removeprefix("10^")
    return said if exponent == said else power(10.0 ** int(exponent))


def _budgets(budgets: Sequence[AlphaBudget]) -> Markup:
    if not budgets:
        return Markup("")
    lead = "The chance of a wrong promotion that releases may take in a year, and what each took of it."
    return element(
        "article",
        tag("h3", "Budget of \u03b1"),
        paragraph(lead, "quiet"),
        *(_budget(each) for each in budgets),
    )


def _budget(budget: AlphaBudget) -> Markup:
    x = Linear(0.0, max(budget.alpha, budget.spent), 0.0, HALF)
    parts = [element("rect", class_="track", x=0, y=0, width=HALF, height=14, rx=3)]
    at = 0.0
    for index, share in enumerate(budget.taken):
        told = title_of(f"{share.ref} took {share.alpha:g}: {share.outcome}")
        width = max(x(at + share.alpha) - x(at) - 1.5, 0.8)
        parts.append(
            element("rect", told, class_=f"taken t{index % 2}", x=x(at), y=0, width=width, height=14)
        )
        at += share.alpha
    left = max(0.0, budget.alpha - budget.spent)
    releases = count(len(budget.taken), "release")
    words = f"{budget.spent:.3g} of {budget.alpha:g} spent on {releases}, {left:.3g} left"
    drawn = picture(
        HALF, 14.0, f"Budget of alpha of {budget.model} in {budget.year}", words, *parts, class_="budget"
    )
    return element(
        "div",
        tag("p", f"{budget.model}, {budget.year}", "over"),
        drawn,
        paragraph(words),
        class_="budget-line",
    )
