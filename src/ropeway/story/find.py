"""Which thing a reference means: a prediction's id, a model version, a run, a dataset version."""

import re

from sqlalchemy import Connection, select

from ropeway.data.operations import resolve_version as resolve_dataset
from ropeway.ledger import edge
from ropeway.models.registry import resolve as resolve_model
from ropeway.predictions.identity import parse_id
from ropeway.story.errors import AmbiguousReference, UnknownReference
from ropeway.story.happenings import about, subjects
from ropeway.workspace import Context

LATEST = "latest"
OF_THE_LOOP = ("alert", "retraining", "rollout")
"""Kinds whose ids say what they are."""
_ORDINAL = re.compile(r"v[1-9][0-9]{0,8}")


def find(context: Context, asked: str) -> str:
    """The `kind:id` reference that is meant.

    Args:
        context: the call.
        asked: `p-…`, `sentiment@2`, `sentiment@production`, `run_4k2`, `tweets`, `tweets@v2`, a digest's
            beginning after the `@`, the id of an alert, retraining or rollout, or a whole reference such as
            `dataset:tweets@DIGEST`.

    Raises:
        UnknownReference: nothing answers to it; the nearest names are said.
        AmbiguousReference: a beginning fits several.
        UnknownVersion, UnknownEnvironment, NothingLive, DatasetNotFound: the name is known, the rest is not.
    """
    if parse_id(asked) is not None:
        return f"prediction:{asked}"
    if ":" in asked and _is_known(context.read, asked):
        return asked
    for kind in OF_THE_LOOP:
        if asked.startswith(f"{kind}_") and _is_known(context.read, f"{kind}:{asked}"):
            return f"{kind}:{asked}"
    runs = subjects(context.read, "run")
    if asked == LATEST and runs:
        return f"run:{runs[-1]}"
    if asked.startswith("run_"):
        return f"run:{_only(asked, [run for run in runs if run.startswith(asked)], runs)}"
    return _find_named(context, asked, runs)


def _find_named(context: Context, asked: str, runs: list[str]) -> str:
    name, _, which = asked.partition("@")
    models = {identity.rpartition("@")[0] for identity in subjects(context.read, "model")}
    datasets = {identity.rpartition("@")[0] for identity in subjects(context.read, "dataset")}
    # `v2` is how a dataset's versions are called; anything else that a model answers to is the model.
    if name in datasets and (name not in models or _ORDINAL.fullmatch(which)):
        version = resolve_dataset.function(context, reference=asked)
        return f"dataset:{version.name}@{version.version}"
    if name in models:
        return f"model:{resolve_model(context.read, context.project, asked).ref}"
    raise UnknownReference(asked, [*models, *datasets, *runs[-6:]])


def _only(asked: str, matches: list[str], known: list[str]) -> str:
    if asked in matches:
        return asked
    if len(matches) > 1:
        raise AmbiguousReference(asked, matches)
    if not matches:
        raise UnknownReference(asked, known)
    return matches[0]


def _is_known(read: Connection, ref: str) -> bool:
    touches = select(edge.c.seq).where((edge.c.upstream == ref) | (edge.c.downstream == ref))
    return bool(about(read, ref)) or read.execute(touches).first() is not None
