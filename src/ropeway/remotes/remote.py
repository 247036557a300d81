"""One remote: its objects, the manifests of its versions, and the refs by which they are found.

Contract: a ref stands for a version that is there whole, and is written last. Refs are blobs that are named
by what they say, `refs/KIND-NAME/VERSION/MANIFEST`, so that any number of people push at once and nobody
overwrites anybody: no blob ever changes, and nothing needs compare-and-swap. Of several manifests of one
version the one that tells most counts.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.remotes.errors import BadRemoteName, ManifestDamaged, RemoteAway, UnknownRemote
from ropeway.remotes.manifest import VersionManifest, manifest_bytes, manifest_from
from ropeway.store import Store
from ropeway.store.backends import Backend, LocalBackend, S3Backend
from ropeway.store.depot import Depot, Purged
from ropeway.store.errors import BlobMissing
from ropeway.workspace import Project
from ropeway.workspace.tables.remote import FILE, S3, RemotePlace

REFS = "refs"
MANIFESTS = "manifests"
USUAL = "origin"
"""The remote that is meant where none is named and there are several."""
AT_ONCE = 8
_Ref = tuple[str, str, Digest, Digest]
"""Kind, name, version and manifest."""
_REF = re.compile(rf"{REFS}/(dataset|model)-([a-z0-9._-]+)/([0-9a-f]{{64}})/([0-9a-f]{{64}})")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a remote has, with the digest of its manifest."""

    manifest: VersionManifest
    digest: Digest


class Remote:
    """A remote, as it is now.

    Args:
        name: in the project file.
        depot: its objects.
        store: the workspace's.
    """

    def __init__(self, name: str, depot: Depot, store: Store) -> None:
        self.name = name
        self.depot = depot
        self._store = store
        self.unreadable: list[Digest] = []
        """Manifests that cannot be believed, as of the last `offers`."""

    @property
    def where(self) -> str:
        """Its address."""
        return self.depot.where

    def offers(self) -> list[Offer]:
        """The versions that are there, by kind and name, oldest first."""
        refs = self._refs()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remote-manifests") as pool:
            read = list(pool.map(self._try_read, refs))
        self.unreadable = [ref[3] for ref, found in zip(refs, read, strict=True) if found is None]
        newest: dict[tuple[str, str, str], Offer] = {}
        for ref, found in zip(refs, read, strict=True):
            if found is None:
                continue
            offer = Offer(manifest=found, digest=ref[3])
            known = newest.get(ref[:3])
            if known is None or _told(known) < _told(offer):
                newest[ref[:3]] = offer
        return sorted(newest.values(), key=_order)

    def publish(self, manifests: Sequence[VersionManifest]) -> list[VersionManifest]:
        """Let versions be found whose objects have arrived; gives those of which that tells something new."""
        known: dict[tuple[str, str, str], list[_Ref]] = defaultdict(list)
        for ref in self._refs():
            known[ref[:3]].append(ref)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remote-refs") as pool:
            is_new = pool.map(
                lambda made: self._publish(made, known[made.kind, made.name, made.version]), manifests
            )
            return [made for made, new in zip(manifests, is_new, strict=True) if new]

    def _publish(self, manifest: VersionManifest, known: list[_Ref]) -> bool:
        data = manifest_bytes(manifest)
        digest = digest_bytes(data)
        # A copy of which nothing happened but that it came would only stand beside the original.
        if any(ref[3] == digest for ref in known) or (known and manifest.is_mere_copy):
            return False
        self.depot.backend.put(f"{MANIFESTS}/{digest}.json", data)
        self.depot.backend.put(_ref_blob(manifest.kind, manifest.name, manifest.version, digest), b"")
        for ref in known:
            before = self._try_read(ref)
            # What this one tells too. That of another workspace stays: it tells something else.
            if (
                before is not None
                and before.ledger == manifest.ledger
                and before.last_seq <= manifest.last_seq
            ):
                self._unpublish(ref)
        return True

    def remove(self, digests: Collection[Digest], events: Collection[str] = ()) -> Purged:
        """Take objects away for good, and first of all what says that versions with them are there.

        A version goes with any object of its own that goes; what it shares with others stays for them. What
        others fetched from here is with them.

        Args:
            digests: of the objects.
            events: ids of events; what tells of a version by one of them goes as well.

        Raises:
            BackendUnavailable: it could not be done now; repeat it.
        """
        going = set(digests)
        for ref in self._refs():
            found = self._try_read(ref)
            if found is None:
                continue
            tells = any(each.id in events for each in found.events)
            if tells or going & {*found.objects, found.version, *self._held(found)}:
                self._unpublish(ref)
        return self.depot.remove(self._store.scratch, going)

    def _held(self, manifest: VersionManifest) -> set[Digest]:
        """What the trees of a version hold, as far as they can be read here or there."""
        held: set[Digest] = set()
        for tree in manifest.trees:
            try:
                if not self._store.has(tree):
                    self.depot.bring(self._store, [tree])
                held.update(self._store.read_tree(tree).values())
            except Damaged:
                continue
        return held

    def _refs(self) -> list[_Ref]:
        """Kind, name, version and manifest of every ref."""
        found = (_REF.fullmatch(blob.name) for blob in self.depot.backend.list(REFS))
        return sorted(
            (each[1], _decoded(each[2]), Digest(each[3]), Digest(each[4]))
            for each in found
            if each is not None
        )

    def _try_read(self, ref: _Ref) -> VersionManifest | None:
        try:
            found = self._read(ref[3])
        except (ManifestDamaged, BlobMissing):
            return None
        return found if (found.kind, found.name, found.version) == ref[:3] else None

    def _read(self, digest: Digest) -> VersionManifest:
        key = f"remote manifest {digest}"
        known = self._store.cache.get(key)
        found = "" if known is None else manifest_from(known, digest)
        if isinstance(found, VersionManifest):
            return found
        data = self.depot.backend.get(f"{MANIFESTS}/{digest}.json")
        found = manifest_from(data, digest)
        if isinstance(found, str):
            raise ManifestDamaged(self.where, digest, found)
        self._store.cache.put(key, data)
        return found

    def _unpublish(self, ref: _Ref) -> None:
        self.depot.backend.delete(_ref_blob(*ref))
        self.depot.backend.delete(f"{MANIFESTS}/{ref[3]}.json")


def open_remote(
    project: Project, root: Path, store: Store, name: str | None, *, writes: bool = False
) -> Remote:
    """A remote of the project file; without a name, the only one, or that named `origin`.

    Args:
        project: its file.
        root: its folder.
        store: the workspace's.
        name: the remote's.
        writes: whether something is to be brought there: a folder is then made.

    Raises:
        UnknownRemote, BadRemoteName: it is not declared, or not clear which is meant.
        RemoteAway, BackendUnavailable: it cannot be reached.
    """
    known = project.remote
    if name is None:
        if len(known) != 1 and USUAL not in known:
            raise BadRemoteName(known)
        name = USUAL if USUAL in known else next(iter(known))
    if name not in known:
        raise UnknownRemote(name, known)
    place = known[name]
    return Remote(name, Depot(_backend(name, place, root, writes=writes), place.url, store.cache), store)


def _backend(name: str, place: RemotePlace, root: Path, *, writes: bool) -> Backend:
    if place.is_bucket:
        bucket, _, prefix = place.url.removeprefix(S3).partition("/")
        return S3Backend(bucket, prefix, endpoint=place.endpoint)
    folder = root / Path(place.url.removeprefix(FILE[:-1])).expanduser()
    # A disk that is not mounted must not be taken for an empty remote.
    if not folder.is_dir() and not (writes and folder.parent.is_dir()):
        raise RemoteAway(name, str(folder))
    return LocalBackend(folder)


def _ref_blob(kind: str, name: str, version: str, manifest: str) -> str:
    return f"{REFS}/{kind}-{_encoded(name)}/{version}/{manifest}"


def _encoded(name: str) -> str:
    """A name in the letters that blobs have; every other one as `_` and two hexadecimal digits."""
    return "".join(each if re.fullmatch(r"[a-z0-9.-]", each) else f"_{ord(each):02x}" for each in name)


def _decoded(name: str) -> str:
    return re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), name)


def _told(offer: Offer) -> tuple[str, str]:
    return offer.manifest.events[-1].at, offer.digest


def _order(offer: Offer) -> tuple[str, str, str, str]:
    manifest = offer.manifest
    return manifest.kind, manifest.name, manifest.events[0].at, manifest.version
