"""What a foreign version is made of, and putting its translation on record."""

import msgspec
from sqlalchemy import select

from ropeway.core.ids import Digest, RunId
from ropeway.models import registry
from ropeway.models.adopting.errors import Quarantined
from ropeway.models.adopting.mlmodel import Packaged, read_mlmodel
from ropeway.models.afar.events import ForeignModelAdopted
from ropeway.models.afar.projections import listed_version
from ropeway.models.errors import ForeignPackage, PackageDiffers
from ropeway.models.manifest import (
    FOREIGN_MANIFEST,
    Manifest,
    foreign_of,
    read_manifest,
    read_part,
    source_digest,
)
from ropeway.models.projections import OWN_FORMAT
from ropeway.models.prompts import require_model
from ropeway.models.provenance import require_split
from ropeway.models.registry import ModelVersion
from ropeway.models.states import Move, after
from ropeway.workspace import Context, operation


class ForeignDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A version that another tool packaged, as its own files say.

    Attributes:
        source: the digest under which somebody may approve exactly these files.
        is_approved: whether somebody did.
        is_adopted: whether it was translated, so that the gate can judge it.
    """

    ref: str
    run: RunId
    packaged: Packaged
    files: dict[str, Digest]
    source: Digest
    is_approved: bool
    is_adopted: bool

    @property
    def quarantine(self) -> str:
        """Why it may not be loaded; empty where it may."""
        return "" if self.is_approved else self.packaged.runs_code

    def require_allowed(self) -> None:
        """Raise `Quarantined` where it may not be loaded."""
        if self.quarantine:
            raise Quarantined(self.ref, self.source, self.quarantine)


@operation("models.look-at-foreign", kind="query", permission="models:read")
def look_at_foreign(context: Context, *, ref: str) -> ForeignDetail:
    """What a version that another tool packaged is made of, and whether it may be loaded.

    Raises:
        ForeignPackage: its files are not here, or it is one of ours.
        PackageUnreadable: its MLmodel leads to nothing that could be loaded here.
    """
    return _detail(context, registry.resolve(context.read, context.project, ref))


@operation("models.adopt", kind="command", permission="models:write")
def adopt_package(context: Context, *, ref: str, package: Digest) -> ModelVersion:
    """Put the translation of a foreign version on record: what it takes, and the rows that it is judged on.

    The translation is held against the version's own files and this project's record; what it answers is seen
    by the gate.

    Raises:
        PackageDiffers: it is of other files, or says what the record does not.
        Quarantined: nobody here has approved files that run when they are loaded.
    """
    manifest = read_manifest(context.store, package, ref)
    context.begin()
    version = registry.resolve(context.read, context.project, ref)
    # What is live is served by the translation that was judged.
    after(version.ref, version.state, Move.GATE)
    found = _detail(context, version)
    found.require_allowed()
    _require_same(context, found, manifest)
    if version.package == package:
        return version
    context.append(
        ForeignModelAdopted(
            name=version.name,
            number=version.number,
            package=package,
            content=manifest.content,
            source=manifest.source,
            dataset=manifest.datasets[0],
            flavor=manifest.served,
            runs_code=bool(found.packaged.runs_code),
        )
    )
    return registry.get(context.read, version.name, version.number)


def _detail(context: Context, version: ModelVersion) -> ForeignDetail:
    require_model(context.read, version.name)
    where = (listed_version.c.name == version.name) & (listed_version.c.number == version.number)
    kept = context.read.execute(select(listed_version.c.files).where(where)).scalar()
    if version.format == OWN_FORMAT or not kept:
        raise ForeignPackage(version.ref)
    files = context.store.read_tree(Digest(kept))
    if FOREIGN_MANIFEST not in files:
        raise ForeignPackage(version.ref)
    raw = read_part(context.store, files[FOREIGN_MANIFEST], version.ref, FOREIGN_MANIFEST)
    source = source_digest(dict(files))
    return ForeignDetail(
        ref=version.ref,
        run=version.run,
        packaged=read_mlmodel(version.ref, raw, files),
        files=dict(files),
        source=source,
        is_approved=registry.is_source_approved(context.read, source),
        is_adopted=version.package != kept,
    )


def _require_same(context: Context, found: ForeignDetail, manifest: Manifest) -> None:
    """Refuse a translation of other files, or one that chooses its own test rows."""
    foreign = foreign_of(manifest)
    rows = context.project.inputs.get("rows")
    differences = []
    if foreign is None or foreign.files != found.files or manifest.source != found.source:
        differences.append("its files are others")
    elif (foreign.flavor, foreign.loader, foreign.runs_code) != (
        found.packaged.flavor,
        found.packaged.loader,
        bool(found.packaged.runs_code),
    ):
        differences.append("its MLmodel names another way to load it")
    if rows is None or manifest.target != rows.target or manifest.target in manifest.columns:
        differences.append("its target is not that of [inputs.rows]")
    elif (
        manifest.datasets[0].partition("@")[0] != rows.dataset.partition("@")[0]
        or len(manifest.datasets) != 1
    ):
        differences.append("its rows are not those of [inputs.rows]")
    if differences:
        raise PackageDiffers(found.ref, manifest.run or "unknown", differences)
    require_split(context.read, context.store, found.ref, manifest)
