"""Which thing a reference means: a prediction's id, a model version, a run, a dataset version."""

import re

from sqlalchemy import Connection, select

from ropeway.data.operations import resolve_version as resolve_dataset
from ropeway.ledger import edge
from ropeway.ledger.tables import event
from ropeway.models.registry import resolve as resolve_model
from ropeway.predictions.identity import parse_id
from ropeway.story.errors import AmbiguousReference, UnknownReference
from ropeway.story.happenings import about, is_any, subjects
from ropeway.workspace import Context

LATEST = "latest"
RUN_STARTED = "run-started"
NEAR, MATCHES = 6, 20
"""How many names a message tells at most of those that are near, and of those that fit."""
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
    if asked.startswith("tr-") and _is_known(context.read, f"trace:{asked}"):
        return f"trace:{asked}"
    if asked == LATEST and (newest := _newest_runs(context.read, 1)):
        return newest[0]
    if asked.startswith("run_"):
        return _find_run(context.read, asked)
    return _find_named(context, asked)


def _find_named(context: Context, asked: str) -> str:
    name, _, which = asked.partition("@")
    is_model, is_dataset = (is_any(context.read, f"{kind}:{name}@") for kind in ("model", "dataset"))
    # `v2` is how a dataset's versions are called; anything else that a model answers to is the model.
    if is_dataset and (not is_model or _ORDINAL.fullmatch(which)):
        version = resolve_dataset.function(context, reference=asked)
        return f"dataset:{version.name}@{version.version}"
    if is_model:
        return f"model:{resolve_model(context.read, context.project, asked).ref}"
    names = {
        identity.rpartition("@")[0]
        for kind in ("model", "dataset")
        for identity in _ids(subjects(context.read, f"{kind}:"))
    }
    raise UnknownReference(asked, [*sorted(names), *_ids(_newest_runs(context.read, NEAR))])


def _find_run(read: Connection, asked: str) -> str:
    matches = subjects(read, f"run:{asked}", limit=MATCHES)
    if f"run:{asked}" in matches:
        return f"run:{asked}"
    if len(matches) > 1:
        raise AmbiguousReference(asked, _ids(matches))
    if not matches:
        raise UnknownReference(asked, _ids(_newest_runs(read, NEAR)))
    return matches[0]


def _newest_runs(read: Connection, count: int) -> list[str]:
    """The last runs that began, the newest first."""
    began = select(event.c.subject).where(event.c.verb == RUN_STARTED).order_by(event.c.seq.desc())
    return list(read.execute(began.limit(count)).scalars())


def _ids(refs: list[str]) -> list[str]:
    return [ref.partition(":")[2] for ref in refs]


def _is_known(read: Connection, ref: str) -> bool:
    touches = select(edge.c.seq).where((edge.c.upstream == ref) | (edge.c.downstream == ref))
    return bool(about(read, ref)) or read.execute(touches).first() is not None
