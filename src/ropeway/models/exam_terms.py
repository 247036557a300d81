"""On what terms a version is judged: its split, its rival, earlier looks, the labels behind its rows.

All of it is on record, and is asked for in one question, so that whoever judges sees one state of the ledger.
"""

from collections.abc import Iterable

import msgspec

from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.data.records import SplitRecord
from ropeway.models import registry
from ropeway.models.labelling import Labelling, find_labelling
from ropeway.models.manifest import read_manifest
from ropeway.models.prompts import require_model
from ropeway.models.provenance import require_split
from ropeway.models.registry import ModelVersion
from ropeway.workspace import Context, operation


class ExamTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an exam rests on. `champion`: the version of the same model in production, with its own split."""

    version: ModelVersion
    split: SplitRecord
    dataset: str
    champion: ModelVersion | None
    champion_split: SplitRecord | None
    earlier_looks: int
    labelling: Labelling | None


@operation("models.exam-terms", kind="query", permission="models:read")
def exam_terms(context: Context, *, ref: str) -> ExamTerms:
    """On what terms a version would be judged now.

    Raises:
        PackageDiffers: it, or the version in production, is not what its run made.
    """
    version = registry.resolve(context.read, context.project, ref)
    require_model(context.read, version.name)
    manifest = read_manifest(context.store, version.package, version.ref)
    split = require_split(context.read, context.store, version.ref, manifest)
    name, _, digest = manifest.datasets[0].partition("@")
    champion = _champion(context, version)
    return ExamTerms(
        version=version,
        split=split,
        dataset=manifest.datasets[0],
        champion=champion,
        champion_split=None if champion is None else _split_of(context, champion),
        earlier_looks=registry.looks_at(context.read, test_set_of(split)),
        labelling=find_labelling(context.read, split.dataset, Digest(digest), context.project.gate.agreement)
        if name == split.dataset
        else None,
    )


def test_set_of(split: SplitRecord) -> Digest:
    """The identity of a dataset's test part through all its versions."""
    settings = msgspec.to_builtins(split.settings)
    # More near-duplicates may be looked for later; which keys test is not changed by that.
    del settings["near_duplicates"]
    return digest_json({"dataset": split.dataset, "settings": settings})


def rows_digest(dataset: str, keys: Iterable[str]) -> Digest:
    """The digest of exactly these rows, by their keys."""
    return digest_json({"dataset": dataset, "keys": sorted(keys)})


def _champion(context: Context, version: ModelVersion) -> ModelVersion | None:
    environment = registry.production_of(context.project)
    number = registry.number_in(context.read, version.name, environment)
    return None if number is None else registry.get(context.read, version.name, number)


def _split_of(context: Context, version: ModelVersion) -> SplitRecord:
    manifest = read_manifest(context.store, version.package, version.ref)
    return require_split(context.read, context.store, version.ref, manifest)
