"""What is said of a version where others find it: one canonical file, named by its digest.

It holds what the version is, the objects that it needs, and the events that tell of it as they stand in the
ledger that it came from, byte for byte, so that they can be held against an export of that ledger. Values
that a ledger keeps apart to be erased (the checks' examples, notes, people's names) do not travel, but for
the dataset's source and bringer. It says the same however often it is written, so a second push finds the
first.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from sqlalchemy import select

from ropeway.core.canonical import canonical
from ropeway.core.clock import from_text
from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.ledger.record import Record, fact_of
from ropeway.ledger.tables import event
from ropeway.models.registry import ModelVersion
from ropeway.remotes.errors import CannotTravel
from ropeway.store import Store
from ropeway.workspace import Context
from ropeway.workspace.settings import LARGEST

FORMAT = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
Kind = Literal["dataset", "model"]
Count = Annotated[int, msgspec.Meta(ge=0, lt=LARGEST)]
"""A number that canonical JSON can say."""
PULLED = "version-pulled"
ENTERED = ("dataset-arrived", "model-registered")
TOLD = (
    "dataset-arrived",
    "source-pulled",
    "contract-checked",
    "model-registered",
    "gate-evaluated",
    "model-approved",
    "approved-by-rule",
    "model-rejected",
    "model-retired",
    "model-recalled",
    PULLED,
)
"""The events that travel: what a version is and how it was judged. Where it served is its home's business."""


class OriginalEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event where it happened; `record` is its canonical form, whose bytes are a leaf of that ledger."""

    seq: Count
    id: str
    at: str
    verb: str
    record: str


class DatasetPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset's version is besides its bytes."""

    format: str
    rows: Count
    columns: list[tuple[str, str]]
    label_columns: list[str]
    contract: Digest
    source: str | None
    bringer: str | None


class ModelPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's version is besides its bytes; `datasets` are what it learnt from."""

    package: Digest
    state: str
    datasets: list[str]


class VersionManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole manifest.

    Attributes:
        format: 1.
        kind: what it is of.
        name: the dataset's or model's.
        version: its identity: the digest of the data, or of the model's content.
        number: which one it was where it came from.
        project: from where.
        ledger: the id of the first event there.
        size_bytes: what its objects have, before anything is shared or compressed.
        objects: what it needs; of trees, not what they hold.
        trees: those of the objects that are folders.
        events: what happened to it, oldest first.
        dataset: for one.
        model: for one.
    """

    format: int
    kind: Kind
    name: str
    version: Digest
    number: Count
    project: str
    ledger: str
    size_bytes: Count
    objects: list[Digest]
    trees: list[Digest]
    events: list[OriginalEvent]
    dataset: DatasetPart | None = None
    model: ModelPart | None = None

    @property
    def ref(self) -> str:
        """How people name it: `dataset:tweets@v2`, `model:mood@3`."""
        return f"{self.kind}:{self.name}@{'v' if self.kind == 'dataset' else ''}{self.number}"

    @property
    def state(self) -> str:
        """Of a model, its state when it was pushed."""
        return self.model.state if self.model is not None else ""

    @property
    def is_mere_copy(self) -> bool:
        """Whether it was pulled, and nothing happened to it since."""
        verbs = {each.verb for each in self.events}
        return PULLED in verbs and verbs <= {PULLED, *ENTERED}

    @property
    def last_seq(self) -> int:
        """The newest event that it tells of: of two manifests of one version, the later one counts."""
        return self.events[-1].seq if self.events else 0


def of_dataset(context: Context, version: DatasetVersion) -> VersionManifest:
    """The manifest of a dataset's version.

    Raises:
        CannotTravel: its bytes are not here.
    """
    if not version.is_kept:
        raise CannotTravel(version.shown)
    events, needed = _told(context, version.reference)
    trees = [version.version] if version.format == FOLDER else []
    objects = _sorted([version.version, version.contract, version.profile], needed, context.store)
    return VersionManifest(
        format=FORMAT,
        kind="dataset",
        name=version.name,
        version=version.version,
        number=version.ordinal,
        project=context.project.project.name,
        ledger=_ledger(context),
        size_bytes=_size(context.store, objects, trees),
        objects=objects,
        trees=trees,
        events=events,
        dataset=DatasetPart(
            format=version.format,
            rows=version.rows,
            columns=list(version.columns.items()),
            label_columns=version.label_columns,
            contract=version.contract,
            source=version.source,
            bringer=version.bringer,
        ),
    )


def of_model(context: Context, version: ModelVersion, datasets: list[str]) -> VersionManifest:
    """The manifest of a model's version, which learnt from `datasets`."""
    events, needed = _told(context, f"model:{version.ref}")
    trees = sorted({version.package, version.code})
    objects = _sorted(trees, needed, context.store)
    return VersionManifest(
        format=FORMAT,
        kind="model",
        name=version.name,
        version=version.content,
        number=version.number,
        project=context.project.project.name,
        ledger=_ledger(context),
        size_bytes=_size(context.store, objects, trees),
        objects=objects,
        trees=trees,
        events=events,
        # Where it is live is not told: a state that needs an environment is that of an approved one.
        model=ModelPart(
            package=version.package,
            state="approved" if version.state == "live" else str(version.state),
            datasets=datasets,
        ),
    )


def manifest_bytes(manifest: VersionManifest) -> bytes:
    """As it is stored."""
    return canonical(manifest)


def manifest_from(data: bytes, digest: str) -> VersionManifest | str:
    """The manifest that some bytes are, or why they are none."""
    if digest_bytes(data) != digest:
        return "its bytes are not what they were"
    try:
        manifest = msgspec.json.decode(data, type=VersionManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"it does not read as one ({error})"
    if manifest.format != FORMAT:
        return f"it has the format {manifest.format}, which this version does not read"
    return manifest if _fits(manifest) else "its parts do not fit together"


def closure(store: Store, manifests: Iterable[VersionManifest]) -> list[Digest]:
    """All objects that versions need, what trees hold before the trees."""
    found: dict[Digest, None] = {}
    for manifest in manifests:
        for tree in manifest.trees:
            found |= dict.fromkeys(store.read_tree(tree).values())
        found |= dict.fromkeys(manifest.objects)
    return list(found)


def is_whole(store: Store, manifest: VersionManifest) -> bool:
    """Whether all objects of a version are here. Does not verify them."""
    try:
        return all(store.has(digest) for digest in manifest.objects) and all(
            store.has(member) for tree in manifest.trees for member in store.read_tree(tree).values()
        )
    except Damaged:
        return False


def _fits(manifest: VersionManifest) -> bool:
    """Whether it names its objects by digests, has the part of its kind, and that names no others."""
    named: set[str] = set()
    if manifest.kind == "dataset" and manifest.dataset is not None and manifest.model is None:
        named = {manifest.version, manifest.dataset.contract}
        if manifest.trees != ([manifest.version] if manifest.dataset.format == FOLDER else []):
            return False
    elif manifest.kind == "model" and manifest.model is not None and manifest.dataset is None:
        named = {manifest.model.package, *manifest.trees}
    if not named or not manifest.events:
        return False
    try:
        for each in manifest.events:
            if from_text(each.at).tzinfo is None:
                return False
    except ValueError:
        return False
    every = {manifest.version, *manifest.objects, *manifest.trees}
    return all(_DIGEST.fullmatch(each) for each in every) and named <= {*manifest.objects}


def _told(context: Context, subject: str) -> tuple[list[OriginalEvent], list[Digest]]:
    """What happened to a version, and the objects that this needs."""
    query = select(event).where(event.c.subject == subject, event.c.verb.in_(TOLD)).order_by(event.c.seq)
    told: list[OriginalEvent] = []
    needed: list[Digest] = []
    for row in context.read.execute(query):
        record = msgspec.json.decode(row.record, type=Record)
        needed += fact_of(record, TYPES_BY_VERB[record.verb, record.v], None).event.objects()
        told.append(
            OriginalEvent(seq=row.seq, id=row.id, at=row.at, verb=row.verb, record=bytes(row.record).decode())
        )
    return told, needed


def _sorted(must: Iterable[Digest], needed: Iterable[Digest], store: Store) -> list[Digest]:
    """What must travel, and of what the events need besides what is still here."""
    return sorted({*must, *(digest for digest in needed if store.has(digest))})


def _ledger(context: Context) -> str:
    found = context.read.execute(select(event.c.id).where(event.c.seq == 1)).scalar()
    return str(found or "")


def _size(store: Store, objects: Iterable[Digest], trees: Iterable[Digest]) -> int:
    every = {*objects, *(each for tree in trees for each in store.read_tree(tree).values())}
    total = 0
    for digest in every:
        try:
            total += store.size(digest)
        except Damaged:
            continue  # a push of it says what is missing
    return total
