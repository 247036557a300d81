"""The people behind one answer: who had rated the very row that was asked, if the training labels hold it."""

from typing import Any

from ropeway.core.hashing import short
from ropeway.data.operations import resolve_version
from ropeway.data.records import DatasetVersion
from ropeway.labels.operations import ratings_behind
from ropeway.labels.records import RatingsBehind
from ropeway.predictions.record import Prediction
from ropeway.story.account import Link, Told
from ropeway.story.happenings import about, last, upstream
from ropeway.workspace import Context

MOST_ITEMS = 3
"""So many items of the same content are told; the content of more names no item."""


def raters_of(context: Context, prediction: Prediction, model: str) -> list[Link]:
    """The ratings of the items whose content is exactly what was asked; empty where there is none.

    Args:
        context: the call.
        prediction: its logged columns are compared; what was hashed or dropped cannot be.
        model: the `model:NAME@NUMBER` that answered.
    """
    if prediction.hashed or prediction.dropped or not prediction.inputs:
        return []
    links = []
    for version, labels in _labelled_data(context, model):
        for item in _items_like(context, version, labels, prediction.inputs):
            found = ratings_behind.function(context, reference=version.reference, item=item)
            if found is not None:
                links.append(Link(thing=_tell(found, version), relation="rated"))
    return links


def _labelled_data(context: Context, model: str) -> list[tuple[DatasetVersion, str]]:
    """The labelled dataset versions that the model's run learnt from, each with its label set."""
    runs = [near.ref for near in upstream(context.read, model) if near.ref.startswith("run:")]
    data = [
        near.ref for run in runs for near in upstream(context.read, run) if near.ref.startswith("dataset:")
    ]
    found = []
    for ref in dict.fromkeys(data):
        snapshot = last(about(context.read, ref), "labels-snapshotted")
        if snapshot is not None:
            found.append((resolve_version.function(context, reference=ref), str(snapshot.body["labels"])))
    return found


def _items_like(context: Context, version: DatasetVersion, labels: str, inputs: dict[str, Any]) -> list[str]:
    """The keys of the rows that equal the request in every column that it has."""
    settings = context.project.labels.get(labels)
    if settings is None or not inputs.keys() <= version.columns.keys():
        return []
    import polars as pl

    from ropeway.data.key_text import key_text
    from ropeway.data.load import load

    rows = load(context, version)
    if settings.item not in rows.columns:
        return []
    same = rows.filter([pl.col(name) == value for name, value in inputs.items()])
    items = key_text(same[settings.item]).to_list()
    return items if len(items) <= MOST_ITEMS else []


def _tell(found: RatingsBehind, version: DatasetVersion) -> Told:
    given = ", ".join(f"{value} by {many}" for value, many in found.values.items())
    mean = f"mean {found.mean:.2f}, " if found.mean is not None else ""
    lines = [
        f"{found.who} under guide {found.guide}@{short(found.guide_version)}: {given}",
        f'{mean}so "{found.label}" ({found.share:.0%} for the most common label)',
    ]
    decision = found.adjudication
    if decision is not None:
        lines.append(f"decided by {decision.by or 'somebody erased'}: {decision.reason or 'no reason given'}")
    return Told(
        ref=f"item:{found.labels}:{found.item}",
        title=f"these very words are item {found.item} of {version.shown}, rated by people",
        lines=lines,
    )
