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

from ropeway.core.hashing import digest_json
from ropeway.core.ids import DatasetName, Digest
from ropeway.data.assign import split_frame
from ropeway.data.key_text import key_text
from ropeway.data.load import load
from ropeway.models.exam import LEARNT_PARTS, Side, open_side
from ropeway.models.reference_operations import find_reference, profile_reference
from ropeway.models.registry import ModelVersion
from ropeway.stats.answers import answer_kinds, answers_of
from ropeway.stats.profile import Kind, Profile, ProfileUnreadable, Vocabulary, kinds_of, profile
from ropeway.workspace import Context, Workspace

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


@dataclass(frozen=True, slots=True)
class Measured:
    """A reference, and the digests of the keys of the rows that it is of."""

    reference: Reference
    learnt_part: Digest
    judged_part: Digest


def get_reference(workspace: Workspace, ref: str) -> Reference | None:
    """A version's reference as it is on record; None while there is none."""
    found = find_reference(workspace, ref=ref)
    return None if found is None else Reference.from_bytes(workspace.store.read(found.profile))


def build_reference(workspace: Workspace, ref: str) -> Reference:
    """Make a version's reference, where it has none yet, and put it on record.

    Raises:
        PackageDiffers: the version is not what its run made, or its run is not of this workspace.
        ModelDamaged, SourceNotApproved: it cannot be loaded.
        StepFailed: its code failed on rows that it was tuned on.
    """
    made = profile_reference(workspace, ref=ref)
    return Reference.from_bytes(workspace.store.read(made.profile))


def measure(context: Context, version: ModelVersion) -> Measured:
    """Profile the rows of a version's learnt parts, and its answers on those it was tuned on.

    Raises:
        as `build_reference`.
    """
    side = open_side(context, version)
    try:
        return _measure(side)
    finally:
        side.model.close()


def _measure(side: Side) -> Measured:
    dataset = side.dataset()
    frame = load(side.workspace, dataset)
    parts = split_frame(side.workspace, dataset, side.split, frame)
    keys = key_text(parts["key"])
    is_train, is_tune = parts["part"] == TRAIN, parts["part"] == TUNE
    columns = [name for name in side.manifest.columns if name in frame.columns]
    inputs = _profile_inputs(frame.filter(is_train).select(columns), frame.filter(is_tune).select(columns))
    answers = Profile.empty({})
    if is_tune.any():
        target = side.manifest.target
        rows = frame.filter(is_tune)
        said = answers_of(side.predict(rows if target is None else rows.drop(target)))
        answers = profile(said, answer_kinds(said))
    return Measured(
        reference=Reference(inputs, answers),
        learnt_part=_part(dataset.name, keys.filter(is_train | is_tune)),
        judged_part=_part(dataset.name, keys.filter(is_tune)),
    )


def _profile_inputs(train: pl.DataFrame, tune: pl.DataFrame) -> Profile:
    kinds: dict[str, Kind] = kinds_of(pl.concat([train, tune]))
    known = {name: Vocabulary.of(train[name]) for name, kind in kinds.items() if kind == "text"}
    # Held against no vocabulary, the rows that it is made of do not dilute the share of unknown tokens.
    return profile(train, kinds).merge(profile(tune, kinds, known))


def _part(dataset: DatasetName, keys: pl.Series) -> Digest:
    """The digest of exactly these rows' keys, as a gate's evidence names the test part."""
    return digest_json({"dataset": dataset, "keys": sorted(keys)})
