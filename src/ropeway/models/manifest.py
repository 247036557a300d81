"""What a package says of itself: one canonical file beside code, artifacts and replay rows.

    manifest.json         this, as canonical JSON
    code/PATH             the project's source files, as they were when the run executed them
    artifacts/NAME        what the fits learnt, each in a safe format
    replay.json           recorded rows and what the run answered
    files/PATH            its files as they came, where another tool packaged it; then no code

The version's identity is `content`: what it computes, not how it was stored or when.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest, RunId
from ropeway.models.errors import ForeignPackage, ModelDamaged
from ropeway.pipelines.records import Signature
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.store.objects import Tree
from ropeway.workspace.settings import Scalar

FORMAT = 1
MANIFEST = "manifest.json"
REPLAY = "replay.json"
FOREIGN_MANIFEST = "MLmodel"
UNKNOWN = Digest("")
"""Where there is no such object, for a version that another tool packaged."""

T = TypeVar("T")


class PinnedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit learnt: its bytes, their format, and the digest of what they mean."""

    digest: Digest
    format: str
    content: Digest


class ForeignFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What another tool packaged: its files, which of its flavors is loaded, and by which loader of ours.

    `runs_code`: loading it runs what is in it, so that these very files must be approved.
    """

    flavor: str
    loader: str
    files: dict[str, Digest]
    runs_code: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole manifest.

    `datasets` are `name@digest`, that of the rows first; `snapshot` is the project as it stood, a tree;
    `packages` are the library versions that it ran under; `columns` the request's columns in their order,
    which JSON's maps do not keep.
    """

    format: int
    content: Digest
    source: Digest
    snapshot: Digest
    run: RunId
    served: str
    steps: list[str]
    pipeline: str
    code: dict[str, Digest]
    artifacts: dict[str, PinnedArtifact]
    params: dict[str, Scalar]
    signature: Signature
    columns: list[str]
    datasets: list[str]
    split: Digest
    target: str | None
    replay: Digest
    packages: dict[str, str]
    nullable: list[str] = []
    """The request's columns that may be null, since the data has nulls there."""
    foreign: ForeignFiles | msgspec.UnsetType = msgspec.UNSET
    """Not there for what we packaged, so that its manifest is as it always was."""

    def ordered_inputs(self) -> dict[str, str]:
        """The request's columns with their types, in order."""
        return {name: self.signature.inputs[name] for name in self.columns}


def foreign_of(manifest: Manifest) -> ForeignFiles | None:
    """What another tool packaged; None for a package of ours."""
    return None if isinstance(manifest.foreign, msgspec.UnsetType) else manifest.foreign


def source_digest(code: dict[str, Digest]) -> Digest:
    """The digest under which source files are approved: that of their tree, paths and contents."""
    return digest_json(Tree(dict(sorted(code.items()))))


def content_digest(
    *,
    code: dict[str, Digest],
    artifacts: dict[str, PinnedArtifact],
    params: dict[str, Scalar],
    signature: Signature,
    columns: list[str],
    served: str,
    nullable: list[str],
    foreign: ForeignFiles | msgspec.UnsetType = msgspec.UNSET,
) -> Digest:
    """A version's identity: two packages with the same one answer alike."""
    parts: dict[str, Any] = {
        "code": code,
        "artifacts": {name: artifact.content for name, artifact in artifacts.items()},
        "params": params,
        "signature": signature,
        "columns": columns,
        "served": served,
    }
    # Left out where they say nothing, as it was before there were such things.
    if nullable:
        parts["nullable"] = nullable
    if not isinstance(foreign, msgspec.UnsetType):
        parts["foreign"] = foreign
    return digest_json(parts)


def put_manifest(store: Store, manifest: Manifest) -> Digest:
    """Keep a package whose parts are kept already; gives the digest of its tree."""
    entries = {MANIFEST: store.put(canonical(manifest)), REPLAY: manifest.replay}
    entries |= {f"code/{path}": digest for path, digest in manifest.code.items()}
    entries |= {f"artifacts/{name}": artifact.digest for name, artifact in manifest.artifacts.items()}
    entries |= _foreign_entries(manifest)
    return store.put_tree(entries)


def read_manifest(store: Store, package: Digest, ref: str) -> Manifest:
    """The manifest of a package, verified: it and the tree tell of the same objects.

    Raises:
        ForeignPackage: another tool packaged it, or its files are not here.
        ModelDamaged: an object is missing or changed, or the parts do not fit together.
    """
    if not package:
        raise ForeignPackage(ref)
    tree = _sound(ref, "package", package, lambda: store.read_tree(package))
    if MANIFEST not in tree and FOREIGN_MANIFEST in tree:
        raise ForeignPackage(ref, is_here=True)
    digest = tree.get(MANIFEST, package)
    raw = read_part(store, digest, ref, MANIFEST)
    manifest = _sound(ref, MANIFEST, digest, lambda: msgspec.json.decode(raw, type=Manifest))
    told = {f"code/{path}": each for path, each in manifest.code.items()}
    told |= {f"artifacts/{name}": each.digest for name, each in manifest.artifacts.items()}
    told |= {REPLAY: manifest.replay, MANIFEST: digest, **_foreign_entries(manifest)}
    foreign = foreign_of(manifest)
    source = source_digest(manifest.code if foreign is None else foreign.files)
    identity = content_digest(
        code=manifest.code,
        artifacts=manifest.artifacts,
        params=manifest.params,
        signature=manifest.signature,
        columns=manifest.columns,
        served=manifest.served,
        nullable=manifest.nullable,
        foreign=manifest.foreign,
    )
    if not set(manifest.nullable) <= set(manifest.columns):
        raise ModelDamaged(ref, MANIFEST, digest)
    if sorted(manifest.columns) != sorted(manifest.signature.inputs):
        raise ModelDamaged(ref, MANIFEST, digest)
    if told != tree or identity != manifest.content or source != manifest.source:
        raise ModelDamaged(ref, MANIFEST, digest)
    return manifest


def _foreign_entries(manifest: Manifest) -> dict[str, Digest]:
    foreign = foreign_of(manifest)
    return {} if foreign is None else {f"files/{path}": each for path, each in foreign.files.items()}


def read_part(store: Store, digest: Digest, ref: str, part: str) -> bytes:
    """An object of a package, verified.

    Raises:
        ModelDamaged: it is missing, or its bytes are not what they were.
    """
    return _sound(ref, part, digest, lambda: store.read(digest))


def _sound(ref: str, part: str, digest: Digest, read: Callable[[], T]) -> T:
    """What `read` gives, with its failures told of the model they concern."""
    try:
        return read()
    except (ObjectMissing, ObjectDamaged, msgspec.DecodeError) as error:
        raise ModelDamaged(ref, part, digest) from error
