"""`why`: the way back from a thing to the data and the people, and the way forward to what came of it."""

from typing import Any

import msgspec

from ropeway.predictions.record import Prediction, feedback_in, find_in
from ropeway.story.account import Account, Link, Told
from ropeway.story.find import find
from ropeway.story.raters import raters_of
from ropeway.story.tell import tell
from ropeway.story.trace import Forward, back
from ropeway.story.usage import Usage, usage_by_version
from ropeway.story.words import day
from ropeway.workspace import Context, operation

SHOWN_TEXT = 160
SHOWN_INPUTS = 6


@operation("story.why", kind="query", permission="story:read")
def why(context: Context, *, ref: str) -> Account:
    """Where a prediction, model version, run or dataset version came from, and what came of it.

    Args:
        context: the call.
        ref: a prediction's id, `sentiment@2`, `sentiment@production`, a run's id or its beginning, `tweets`,
            `tweets@v2`.

    Raises:
        UnknownReference: nothing answers to it.
        AmbiguousReference: it fits several things.
        UnknownPrediction: it has the form of a prediction's id, and no prediction has it.
    """
    found = find(context, ref)
    if found.startswith("prediction:"):
        return _of_prediction(context, ref, found.removeprefix("prediction:"))
    forward = Forward(context.read)
    ahead, usage = forward.walk(found), usage_by_version(context.home)
    return Account(
        asked=ref,
        thing=tell(context.read, found),
        back=back(context.read, found),
        forward=[*_in_use(found, usage), *_with_use(ahead, usage)],
        left_out=forward.left_out,
    )


def _of_prediction(context: Context, asked: str, identity: str) -> Account:
    prediction = find_in(context.home, identity)
    model = f"model:{prediction.model}"
    way = [Link(thing=tell(context.read, model), relation="answered", links=back(context.read, model))]
    return Account(
        asked=asked,
        thing=_tell_prediction(prediction),
        prediction=prediction,
        back=[*raters_of(context, prediction, model), *way],
        forward=[Link(thing=said, relation="judged") for said in _feedback(context, identity)],
    )


def _tell_prediction(prediction: Prediction) -> Told:
    lines = [f"asked     {line}" for line in _asked(prediction)]
    sure = prediction.probabilities or {}
    confidence = f" ({sure[str(prediction.prediction)]:.2f})" if str(prediction.prediction) in sure else ""
    lines.append(f"answered  {_shown(prediction.prediction)}{confidence}")
    where = f" in {prediction.environment}" if prediction.environment else ""
    lines.append(f"served    {day(prediction.at)}{where}, in {prediction.latency_us / 1000:.1f} ms")
    return Told(
        ref=f"prediction:{prediction.id}", title=f"prediction {prediction.id}", at=prediction.at, lines=lines
    )


def _asked(prediction: Prediction) -> list[str]:
    """Texts each on a line of its own, other values together; the first of many."""
    texts = [
        f"{name}: {_shown(value)}" for name, value in prediction.inputs.items() if isinstance(value, str)
    ]
    others = [f"{name} {value}" for name, value in prediction.inputs.items() if not isinstance(value, str)]
    lines = texts[:SHOWN_INPUTS]
    if others:
        lines.append(", ".join(others[:SHOWN_INPUTS]))
    left_out = max(len(texts) - SHOWN_INPUTS, 0) + max(len(others) - SHOWN_INPUTS, 0)
    if left_out:
        lines.append(f"and {left_out} more (--json shows all)")
    return [*lines, *(f"{name}: not kept in the log" for name in prediction.dropped)]


def _feedback(context: Context, identity: str) -> list[Told]:
    return [
        Told(
            ref=f"feedback:{identity}",
            title=f"feedback: {_shown(record.value)}",
            at=record.at,
            by=record.by,
            lines=[record.note] if record.note else [],
        )
        for record in feedback_in(context.home, identity)
    ]


def _with_use(links: list[Link], usage: dict[str, Usage]) -> list[Link]:
    """The same way, with what each model version on it answered."""
    return [
        msgspec.structs.replace(link, links=[*_in_use(link.thing.ref, usage), *_with_use(link.links, usage)])
        for link in links
    ]


def _in_use(ref: str, usage: dict[str, Usage]) -> list[Link]:
    """What a model version answered, as an end of the way forward."""
    kind, _, identity = ref.partition(":")
    if kind != "model" or identity not in usage:
        return []
    used = usage[identity]
    many = "prediction" if used.predictions == 1 else "predictions"
    title = f"{used.predictions:,} {many}, {used.in_words}"
    return [Link(thing=Told(ref=f"predictions:{identity}", title=title), relation="answered")]


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_TEXT else text[: SHOWN_TEXT - 1] + "…"
