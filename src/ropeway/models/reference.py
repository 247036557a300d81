"""What a version learnt from and how it answered, as profiles: what production is held against.

Made when a version is registered, of the parts `train` and `tune`; the test part is the gate's alone and no
row of it is looked at. Inputs are profiled on both parts. Answers are profiled on `tune`, since on the rows
that a model was fitted to it is surer of itself than it will ever be again; and so is the share of unknown
tokens, which is nothing on the rows that the vocabulary is made of.
"""

from dataclasses import dataclass
from typing import Self

import msgspec
import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.assign import split_frame
from ropeway.data.key_text import key_text
from ropeway.data.load import load, resolve
from ropeway.models.exam import LEARNT_PARTS
from ropeway.models.exam_terms import rows_digest
from ropeway.models.load import LoadedPackage, load_version
from ropeway.models.manifest import read_manifest
from ropeway.models.operations import resolve_version
from ropeway.models.reference_operations import find_reference, learnt_split, record_reference
from ropeway.models.registry import ModelVersion
from ropeway.stats.answers import answer_kinds, answers_of
from ropeway.stats.profile import Kind, Profile, ProfileUnreadable, Vocabulary, kinds_of, profile
from ropeway.workspace import Workspace

TRAIN, TUNE = LEARNT_PARTS
MARK = b"ropeway-reference/1\n"


class _Pair(msgspec.Struct, frozen=True):
    inputs: bytes
    answers: bytes


@dataclass(frozen=True, slots=True)
class Reference:
    """Two profiles of one version.

    Attributes:
        inputs: of the request's columns, on the rows that it learnt from. Carries the kinds and vocabularies
            to profile other rows with: `reference.inputs.like()` is empty and ready for them.
        answers: of what it said of the rows it was tuned on, in the columns of `stats.answers`.
    """

    inputs: Profile
    answers: Profile

    def to_bytes(self) -> bytes:
        """Both, as one object."""
        pair = _Pair(self.inputs.to_bytes(), self.answers.to_bytes())
        return MARK + msgspec.msgpack.encode(pair)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` wrote.

        Raises:
            ProfileUnreadable: it is something else.
        """
        if not data.startswith(MARK):
            raise ProfileUnreadable("they are no reference of a version")
        try:
            pair = msgspec.msgpack.decode(data[len(MARK) :], type=_Pair)
        except msgspec.DecodeError as error:
            raise ProfileUnreadable(str(error)) from error
        return cls(Profile.from_bytes(pair.inputs), Profile.from_bytes(pair.answers))


def get_reference(workspace: Workspace, ref: str) -> Reference | None:
    """A version's reference as it is on record; None while there is none."""
    found = find_reference(workspace, ref=ref)
    return None if found is None else Reference.from_bytes(workspace.store.read(found.profile))


def build_reference(workspace: Workspace, ref: str, *, package: LoadedPackage | None = None) -> Reference:
    """A version's reference; where it has none yet, it is made and put on record.

    Args:
        workspace: where.
        ref: the version.
        package: the version's own code and data, where they are loaded already; loading is most of the work.

    Raises:
        PackageDiffers: the version is not what its run made, or its run is not of this workspace.
        ModelDamaged, SourceNotApproved: it cannot be loaded.
        StepFailed: its code failed on rows that it was tuned on.
    """
    version = resolve_version(workspace, ref=ref)
    known = get_reference(workspace, version.ref)
    if known is not None:
        return known
    rows = _learnt_rows(workspace, version)
    made = Reference(
        inputs=_profile_inputs(rows.train.select(rows.columns), rows.tune.select(rows.columns)),
        answers=_profile_answers(workspace, version, rows, package),
    )
    # Of two that are made at once one is recorded, and both answer with that.
    recorded = record_reference(
        workspace,
        ref=version.ref,
        profile=workspace.store.put(made.to_bytes()),
        rows=made.inputs.rows,
        judged_rows=made.answers.rows,
        learnt_part=rows.learnt_part,
        judged_part=rows.judged_part,
    )
    return Reference.from_bytes(workspace.store.read(recorded.profile))


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a version learnt from: its rows, the request's columns, the digests of the rows' keys."""

    train: pl.DataFrame
    tune: pl.DataFrame
    columns: list[str]
    learnt_part: Digest
    judged_part: Digest


def _learnt_rows(workspace: Workspace, version: ModelVersion) -> _Rows:
    split = learnt_split(workspace, ref=version.ref)
    manifest = read_manifest(workspace.store, version.package, version.ref)
    dataset = resolve(workspace, manifest.datasets[0])
    frame = load(workspace, dataset)
    parts = split_frame(workspace, dataset, split, frame)
    keys, part = key_text(parts["key"]), parts["part"]
    # The test rows are dropped here, and with them the target.
    frame = frame if manifest.target is None else frame.drop(manifest.target)
    return _Rows(
        train=frame.filter(part == TRAIN),
        tune=frame.filter(part == TUNE),
        columns=[name for name in manifest.columns if name in frame.columns],
        learnt_part=rows_digest(dataset.name, keys.filter(part.is_in(LEARNT_PARTS))),
        judged_part=rows_digest(dataset.name, keys.filter(part == TUNE)),
    )


def _profile_answers(
    workspace: Workspace, version: ModelVersion, rows: _Rows, package: LoadedPackage | None
) -> Profile:
    if not rows.tune.height:
        return Profile.empty({})
    if package is not None:
        said = answers_of(package.predict(rows.tune))
    else:
        with load_version(workspace, version) as model:
            said = answers_of(model.predict(rows.tune))
    return profile(said, answer_kinds(said))


def _profile_inputs(train: pl.DataFrame, tune: pl.DataFrame) -> Profile:
    kinds: dict[str, Kind] = kinds_of(pl.concat([train, tune]))
    known = {name: Vocabulary.of(train[name]) for name, kind in kinds.items() if kind == "text"}
    # Held against no vocabulary, the rows that it is made of do not dilute the share of unknown tokens.
    return profile(train, kinds).merge(profile(tune, kinds, known))
