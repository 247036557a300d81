"""Which thing a reference means: a prediction's id, a model version, a run, a dataset version."""

import re

from sqlalchemy import Connection, select

from ropeway.ledger import edge
from ropeway.models.registry import resolve as resolve_model
from ropeway.serving.identity import parse_id
from ropeway.story.errors import AmbiguousReference, UnknownReference
from ropeway.story.happenings import about, subjects
from ropeway.workspace import Project

LATEST = "latest"
_ORDINAL = re.compile(r"v([1-9][0-9]{0,8})")


def find(read: Connection, project: Project, asked: str) -> str:
    """The `kind:id` reference that is meant.

    Args:
        read: the ledger.
        project: its environments may stand after an `@`.
        asked: `p-…`, `sentiment@2`, `sentiment@production`, `run_4k2`, `tweets`, `tweets@v2`, a digest's
            beginning after the `@`, or a whole reference such as `dataset:tweets@DIGEST`.

    Raises:
        UnknownReference: nothing answers to it; the nearest names are said.
        AmbiguousReference: a beginning fits several.
        UnknownVersion, UnknownEnvironment, NothingLive: the model is known, the rest is not.
    """
    if parse_id(asked) is not None:
        return f"prediction:{asked}"
    if ":" in asked and _is_known(read, asked):
        return asked
    runs = subjects(read, "run")
    if asked == LATEST and runs:
        return f"run:{runs[-1]}"
    if asked.startswith("run_"):
        return f"run:{_only(asked, [run for run in runs if run.startswith(asked)], runs)}"
    return _find_named(read, project, asked, runs)


def _find_named(read: Connection, project: Project, asked: str, runs: list[str]) -> str:
    name, _, which = asked.partition("@")
    models = [identity.rpartition("@")[0] for identity in subjects(read, "model")]
    datasets = _dataset_versions(read)
    # `v2` is how a dataset's versions are called; anything else that a model answers to is the model.
    is_dataset = name in datasets and (name not in models or _ORDINAL.fullmatch(which))
    if is_dataset:
        return f"dataset:{name}@{_dataset_version(asked, which, datasets[name])}"
    if name in models:
        return f"model:{resolve_model(read, project, asked).ref}"
    raise UnknownReference(asked, [*models, *datasets, *runs[-6:]])


def _dataset_versions(read: Connection) -> dict[str, list[str]]:
    """Each dataset's versions by digest, in the order of their first arrival."""
    found: dict[str, list[str]] = {}
    for identity in subjects(read, "dataset"):
        name, _, digest = identity.rpartition("@")
        found.setdefault(name, []).append(digest)
    return found


def _dataset_version(asked: str, which: str, digests: list[str]) -> str:
    if which in ("", LATEST):
        return digests[-1]
    ordinal = _ORDINAL.fullmatch(which)
    if ordinal:
        number = int(ordinal[1])
        if number <= len(digests):
            return digests[number - 1]
    name = asked.partition("@")[0]
    matches = [digest for digest in digests if digest.startswith(which)]
    known = [f"{name}@v{number}" for number in range(1, len(digests) + 1)]
    return _only(asked, matches, known)


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
