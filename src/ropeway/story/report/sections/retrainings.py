"""Retrainings: from the trigger to the release, or to the reason why not."""

from collections.abc import Sequence

from ropeway.story.report.records import ReportData, RetrainingStory, RolloutStory, Stage
from ropeway.story.report.sections.block import badge, count, empty, paragraph, section, stamp, tag
from ropeway.story.report.svg.element import Markup, element, text

ORDER = ("data", "trained", "registered", "gated", "approved", "released")
TITLES = {
    "data": "data",
    "trained": "run",
    "registered": "version",
    "gated": "gate",
    "approved": "approval",
    "released": "release",
}
OUTCOMES = {
    "released": ("good", "released"),
    "refused-by-gate": ("bad", "refused by the gate"),
    "no-new-data": ("quiet", "no new data"),
    "data-refused": ("bad", "data refused"),
    "rejected": ("bad", "rejected"),
    "failed": ("bad", "failed"),
}


def retrainings(data: ReportData) -> Markup:
    """The section."""
    paused = [paragraph(f"! Paused: {each}", "warn") for each in data.paused]
    if not data.retrainings:
        missing = "The model has not been trained anew since it was first released."
        return section("Retrainings", missing, *paused, empty("", "ropeway retrain"))
    lead = "What made the model learn again, what it learnt from, and what came of it."
    return section(
        "Retrainings", lead, *paused, *(_retraining(each, data.rollouts) for each in data.retrainings)
    )


def _retraining(story: RetrainingStory, rollouts: Sequence[RolloutStory]) -> Markup:
    kind, words = (
        OUTCOMES.get(story.outcome, ("quiet", story.outcome)) if story.outcome else ("active", "under way")
    )
    head = element(
        "h3", text(f"{stamp(story.at)}, after {story.trigger.replace('-', ' ')}"), badge(kind, words)
    )
    first = _box("trigger", story.says or story.trigger, "done")
    done = {stage.name: stage for stage in story.stages}
    boxes = [_stage(name, done.get(name), is_over=bool(story.outcome)) for name in ORDER]
    rollout = next((each for each in rollouts if each.id == story.rollout), None)
    if rollout is not None and "released" in done:
        boxes[-1] = _box(TITLES["released"], _released(rollout), "done")
    end = (
        paragraph(story.ended_says, "quiet")
        if story.ended_says and story.outcome != "released"
        else Markup("")
    )
    return element("article", head, element("ol", first, *boxes, class_="flow"), end)


def _stage(name: str, stage: Stage | None, *, is_over: bool) -> Markup:
    if stage is None:
        return _box(TITLES[name], "not reached" if is_over else "to come", "missing")
    return _box(TITLES[name], stage.says, "refused" if stage.is_refusal else "done")


def _released(rollout: RolloutStory) -> str:
    if rollout.state != "ended":
        return f"rollout {rollout.state}, {count(rollout.entities, 'entity', 'entities')} heard of"
    return (
        f"rollout {rollout.outcome.replace('-', ' ')} after {count(rollout.entities, 'entity', 'entities')}"
    )


def _box(title: str, says: str, class_: str) -> Markup:
    sign = {"done": "\u2713 ", "refused": "\u2717 "}.get(class_, "")
    return element("li", tag("span", sign + title, "over"), tag("span", says), class_=class_)
