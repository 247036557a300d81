"""Which versions are meant: here, by the names that people use here; there, by those of their manifests."""

import re
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from ropeway.core.errors import Damaged, NotFound
from ropeway.data.operations import list_datasets, list_versions, resolve_version
from ropeway.data.records import DatasetVersion
from ropeway.models import registry
from ropeway.models.registry import ModelVersion
from ropeway.remotes.errors import AmbiguousVersion, CannotTravel, NotAtRemote, UnknownVersionHere
from ropeway.remotes.manifest import VersionManifest, is_whole, of_dataset, of_model
from ropeway.remotes.remote import Offer
from ropeway.workspace import Context

SHORTEST_PREFIX = 4
MANY = 100_000
_REFERENCE = re.compile(r"(?:(dataset|model):)?([^@:/]+)(?:@(.+))?")


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The versions here that were asked for, and what of them cannot travel."""

    manifests: list[VersionManifest]
    left_out: list[str] = []


def chosen_here(context: Context, refs: Sequence[str], *, everything: bool, with_data: bool) -> Chosen:
    """The versions that some references mean here: one each, the newest where none is said.

    Args:
        context: where.
        refs: `tweets`, `tweets@v2`, `mood@3`, with `dataset:` or `model:` before where both have the name.
        everything: all versions of all datasets and models instead; what has no bytes here, or none any
            more, is left out.
        with_data: the datasets that models learnt from as well.

    Raises:
        UnknownVersionHere, AmbiguousVersion: nothing, or too much, is meant.
        CannotTravel: a version that was named has no bytes here.
    """
    versions = _all_here(context) if everything else [_one_here(context, ref) for ref in refs]
    if with_data:
        for version in list(versions):
            if isinstance(version, ModelVersion):
                versions += _learnt_from(context, version)
    made: dict[tuple[str, str, str], VersionManifest] = {}
    left_out: list[str] = []
    for version in versions:
        try:
            manifest = _manifest(context, version)
        except (CannotTravel, Damaged):
            if not everything and not with_data:
                raise
            left_out.append(_shown(version))
            continue
        if everything and not is_whole(context.store, manifest):
            left_out.append(_shown(version))
        else:
            made[manifest.kind, manifest.name, manifest.version] = manifest
    return Chosen(manifests=list(made.values()), left_out=sorted(set(left_out)))


def chosen_there(offers: Sequence[Offer], refs: Sequence[str], remote: str) -> list[Offer]:
    """The versions that some references mean at a remote: one each, the newest there where none is said.

    Raises:
        NotAtRemote, AmbiguousVersion: nothing, or too much, is meant.
    """
    return [_one_there(offers, ref.removeprefix(f"{remote}/"), remote) for ref in refs]


def _all_here(context: Context) -> list[DatasetVersion | ModelVersion]:
    found: list[DatasetVersion | ModelVersion] = []
    for summary in list_datasets.function(context):
        found += list_versions.function(context, name=summary.latest.name)
    return found + list(reversed(registry.list_all(context.read, None, MANY)))


def _one_here(context: Context, ref: str) -> DatasetVersion | ModelVersion:
    kind, _, plain = ref.rpartition(":")
    found: list[DatasetVersion | ModelVersion] = []
    if kind in ("", "dataset"):
        with suppress(NotFound):
            found.append(resolve_version.function(context, reference=plain))
    if kind in ("", "model"):
        with suppress(NotFound):
            found.append(registry.resolve(context.read, context.project, plain))
    if not found:
        names: list[str] = [each.latest.name for each in list_datasets.function(context)]
        names += [each.name for each in registry.list_all(context.read, None, MANY)]
        raise UnknownVersionHere(ref, names)
    if len(found) > 1:
        raise AmbiguousVersion(ref, [f"dataset:{plain}", f"model:{plain}"])
    return found[0]


def _learnt_from(context: Context, version: ModelVersion) -> list[DatasetVersion]:
    from ropeway.models.manifest import read_manifest

    found = []
    for dataset in read_manifest(context.store, version.package, version.ref).datasets:
        with suppress(NotFound):
            found.append(resolve_version.function(context, reference=dataset))
    return found


def _shown(version: DatasetVersion | ModelVersion) -> str:
    return version.shown if isinstance(version, DatasetVersion) else version.ref


def _manifest(context: Context, version: DatasetVersion | ModelVersion) -> VersionManifest:
    if isinstance(version, DatasetVersion):
        return of_dataset(context, version)
    from ropeway.models.manifest import read_manifest

    return of_model(context, version, read_manifest(context.store, version.package, version.ref).datasets)


def _one_there(offers: Sequence[Offer], ref: str, remote: str) -> Offer:
    asked = _REFERENCE.fullmatch(ref)
    kind, name, which = asked.groups() if asked else (None, ref, None)
    found = [
        offer
        for offer in offers
        if offer.manifest.name == name and (kind is None or offer.manifest.kind == kind)
    ]
    if which not in (None, "latest"):
        found = [offer for offer in found if _is_meant(offer.manifest, which)]
    if not found:
        raise NotAtRemote(ref, remote, {offer.manifest.ref for offer in offers})
    if len({offer.manifest.kind for offer in found}) > 1:
        raise AmbiguousVersion(ref, sorted({f"{offer.manifest.kind}:{ref}" for offer in found}))
    if which in (None, "latest"):
        return max(found, key=lambda offer: offer.manifest.events[0].at)
    if len(found) > 1:
        # Two workspaces have each brought their own version of that number.
        raise AmbiguousVersion(
            ref, [f"{each.manifest.kind}:{name}@{each.manifest.version[:10]}" for each in found]
        )
    return found[0]


def _is_meant(manifest: VersionManifest, which: str) -> bool:
    number = re.fullmatch(r"v?(\d{1,9})", which)
    if number and manifest.number == int(number[1]):
        return True
    return len(which) >= SHORTEST_PREFIX and manifest.version.startswith(which)
