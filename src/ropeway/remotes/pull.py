"""Making versions here of what is at a remote.

What its manifest says is not believed where it can be found out: rows are read again, held against the
contract and the checks of this project, and recorded as found; a model's package is read and held against its
own digests. A model enters as a candidate, whatever it was elsewhere. What was decided there stays readable
in the manifest, which the event `version-pulled` keeps.
"""

from collections.abc import Sequence
from pathlib import Path

from ropeway.core.clock import from_text
from ropeway.core.ids import DatasetName, Digest
from ropeway.data.add import examine
from ropeway.data.contract_file import parse_contract, read_contract, write_contract
from ropeway.data.folder import folder_frame
from ropeway.data.naming import check_name
from ropeway.data.operations import NewVersion, find_version, record_arrival
from ropeway.data.read import read_table
from ropeway.data.records import FOLDER
from ropeway.data.standing import contract_name
from ropeway.models.manifest import read_manifest
from ropeway.models.operations import register_package
from ropeway.models.within import Within
from ropeway.remotes.choose import chosen_there
from ropeway.remotes.errors import ManifestDamaged, NotFitToPull
from ropeway.remotes.events import VersionPulled
from ropeway.remotes.fetch import bring_offers, look
from ropeway.remotes.manifest import DatasetPart, ModelPart, VersionManifest, manifest_bytes
from ropeway.remotes.records import PulledVersions, Taken
from ropeway.remotes.remote import Offer, Remote, open_remote
from ropeway.workspace import Context

OUT_OF_USE = ("recalled", "rejected")


def pull(context: Context, refs: Sequence[str], *, source: str | None, everything: bool) -> PulledVersions:
    """Fetch versions and record them here, each in one transaction. What is here already stays as it is.

    Raises:
        NotFitToPull: a model was recalled or rejected where it came from; with `everything` it is left out.
        ManifestDamaged: what came does not fit what was said of it.
    """
    remote = open_remote(context.project, context.root, context.store, source)
    offers = look(context.store, remote)
    wanted = offers if everything else chosen_there(offers, refs, remote.name)
    if everything:
        wanted = [offer for offer in wanted if offer.manifest.state not in OUT_OF_USE]
    for offer in wanted:
        if offer.manifest.state in OUT_OF_USE:
            raise NotFitToPull(offer.manifest.ref, offer.manifest.state, offer.manifest.project)
    brought = bring_offers(remote, context.store, wanted)
    # Data before the models that learnt from it, so that lineage leads to what is here.
    taken = [_take(context, remote, offer) for offer in sorted(wanted, key=lambda each: each.manifest.kind)]
    return PulledVersions(
        remote=remote.name,
        where=remote.where,
        versions=taken,
        objects=brought.objects,
        read_bytes=brought.read_bytes,
    )


def _take(context: Context, remote: Remote, offer: Offer) -> Taken:
    manifest = offer.manifest
    if manifest.dataset is not None and manifest.kind == "dataset":
        return _take_dataset(context, remote, offer, manifest.dataset)
    assert manifest.model is not None, "a manifest that was read has the part of its kind"
    return _take_model(context, remote, offer, manifest.model)


def _take_dataset(context: Context, remote: Remote, offer: Offer, part: DatasetPart) -> Taken:
    manifest, here = offer.manifest, Within(context)
    name = check_name(manifest.name)
    known = find_version(here, name=name, version=manifest.version)
    if known is not None:
        return Taken(
            came_as=manifest.ref, ref=f"dataset:{known.shown}", is_new=False, project=manifest.project
        )
    remarks = _adopt_contract(context, remote, offer, name, part.contract)
    try:
        found = _examined(context, manifest, name, part)
        with context.again() as writing:
            recorded = record_arrival(writing, found)
            writing.append(_event(writing, remote.name, offer, recorded.reference))
    except BaseException:
        # A contract without data would be enforced all the same.
        if remarks:
            (context.root / contract_name(name)).unlink(missing_ok=True)
        raise
    if found.violations:
        remarks.append(f"it breaks {len(found.violations)} rules of this project's contract")
    return Taken(
        came_as=manifest.ref,
        ref=f"dataset:{recorded.shown}",
        is_new=True,
        project=manifest.project,
        remarks=remarks,
    )


def _adopt_contract(
    context: Context, remote: Remote, offer: Offer, name: DatasetName, contract: Digest
) -> list[str]:
    """Take the contract that it came with where the project has none for this dataset; says so."""
    if read_contract(context.root, name) is not None:
        return []
    try:
        text = context.store.read(contract).decode()
    except UnicodeDecodeError as error:
        raise ManifestDamaged(remote.where, offer.digest, "its contract is no text") from error
    parse_contract(text, contract_name(name))
    write_contract(context.root, context.home / "tmp", name, text)
    return [f"{contract_name(name)} came with it; read it, for from now on it is enforced"]


def _examined(
    context: Context, manifest: VersionManifest, name: DatasetName, part: DatasetPart
) -> NewVersion:
    """What is found in the bytes that came."""
    if part.format == FOLDER:
        frame = folder_frame(context.store, manifest.version)
        size_bytes = int(frame["size"].sum())
    else:
        frame = read_table(
            context.store.open_path(manifest.version),
            form=part.format,
            kinds=dict(part.columns),
            shown=Path(manifest.ref),
        )
        size_bytes = context.store.size(manifest.version)
    found, _ = examine(
        Within(context),
        frame,
        name=name,
        version=manifest.version,
        form=part.format,
        source=part.source or f"{manifest.project}, {manifest.ref}",
        bringer=part.bringer,
        label_columns=part.label_columns,
        size_bytes=size_bytes,
    )
    return found


def _take_model(context: Context, remote: Remote, offer: Offer, part: ModelPart) -> Taken:
    manifest = offer.manifest
    package = read_manifest(context.store, part.package, manifest.ref)
    if package.content != manifest.version:
        raise ManifestDamaged(remote.where, offer.digest, "its package is of another model")
    with context.again() as writing:
        version = register_package.function(writing, name=manifest.name, package=part.package)
        if not version.known:
            writing.append(_event(writing, remote.name, offer, f"model:{version.ref}"))
    return Taken(
        came_as=manifest.ref,
        ref=f"model:{version.ref}",
        is_new=not version.known,
        project=manifest.project,
        state=str(version.state),
        remarks=[] if version.known else _of_model(manifest, part),
    )


def _of_model(manifest: VersionManifest, part: ModelPart) -> list[str]:
    said = [f"it was {part.state} in '{manifest.project}'; here it is a candidate"] if part.state else []
    return [*said, "its code runs only once somebody has read and trusted it: ropeway model trust"]


def _event(writing: Context, remote: str, offer: Offer, pulled: str) -> VersionPulled:
    manifest = offer.manifest
    first = manifest.events[0]
    return VersionPulled(
        pulled=pulled,
        remote=remote,
        project=manifest.project,
        ledger=manifest.ledger,
        number=manifest.number,
        event=first.id,
        recorded_at=from_text(first.at),
        manifest=writing.store.put(manifest_bytes(manifest)),
    )
