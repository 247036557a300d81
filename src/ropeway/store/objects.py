"""Objects by the digest of their bytes, in a local folder.

Contract: `put` returned means that the object survives power loss. Objects never change; the same bytes are
one object, whoever brings them, however often, and however they are kept: loose, packed, in chunks. Every
read is verified: damaged bytes are never handed out. Safe for many processes at once: readers take no lock,
those who put go beside each other, and who removes goes alone.
"""

import contextlib
import io
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import blake3

from ropeway.core.hashing import digest_bytes, digest_file
from ropeway.core.ids import Digest
from ropeway.store.cache import Cache
from ropeway.store.erased import Erased
from ropeway.store.errors import ObjectDamaged, ObjectMissing, OutOfSpace, StoreElsewhere
from ropeway.store.files import in_our_words, make_private, sync_folder, write_all
from ropeway.store.folders import put_folder
from ropeway.store.gate import Gate
from ropeway.store.intake import LARGE_BYTES, Intake
from ropeway.store.loose import Loose
from ropeway.store.packed import Packed
from ropeway.store.packs import Packs
from ropeway.store.recent import Recent
from ropeway.store.recipes import Recipe
from ropeway.store.removal import put_since, remove
from ropeway.store.restore import Restored, restore_file, restore_folder
from ropeway.store.scrubbing import Scrubbed, scrub
from ropeway.store.stat_index import StatIndex
from ropeway.store.trees import Tree, entries_of, tree_bytes
from ropeway.store.whole import Whole
from ropeway.store.windows import ReadInto

if TYPE_CHECKING:
    from ropeway.store.bucket import Bucket

__all__ = ["Store", "Tree"]
T = TypeVar("T")
ELSEWHERE = "store.json"
"""Says, beside the objects, that they are copies, and of what."""
ABANDONED_AFTER_S = 24 * 3600
RENEWED_AFTER_S = 3600
"""What is wanted again counts as new once that was longer ago: a collection spares what is new."""


class Store:
    """The objects of one workspace, and its cache.

    Args:
        home: the workspace's `.ropeway` folder; made when absent.
    """

    bucket: "Bucket | None" = None
    """Where the objects are in truth, if what is here are copies: `store.bucket`."""

    def __init__(self, home: Path) -> None:
        self._elsewhere = home / ELSEWHERE
        self.scratch = home / "tmp"
        self._objects = home / "objects"
        packs = home / "packs"
        self.cache = Cache(home / "cache", self.scratch)
        self.loose = Loose(self._objects, self.scratch)
        self.packed = Packed(Packs(packs, self.scratch))
        self.whole = Whole(home / "cache" / "whole", self.scratch)
        self.erased = Erased(home, self.scratch)
        self.gate = Gate(packs)
        self.recent = Recent(packs / "recent")
        self.stat_index = StatIndex(self.cache, packs / "generation", self.scratch)
        # Packed objects that were renewed in this process, and when.
        self._renewed: dict[Digest, float] = {}
        # Files of the cache that were verified in this process, by identity.
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        with in_our_words(home):
            self._prepare()

    def put(self, data: bytes | memoryview) -> Digest:
        """Keep some bytes; gives their digest. Durable on return. A damaged object is mended by it."""
        with self.gate.putting():
            return self._put_large(_reader_of(data)) if len(data) >= LARGE_BYTES else self._put_small(data)

    def put_file(self, path: Path, *, trust_stat: bool = False) -> Digest:
        """Keep a file's bytes, in bounded memory; gives their digest. Durable on return.

        A damaged object is mended by it.

        Args:
            path: a file, which is read even where a link leads to it.
            trust_stat: believe that a large file is unchanged, and what is stored of it too, where its times,
                length and inode are those of the last call.
        """
        if path.stat().st_size < LARGE_BYTES:
            with self.gate.putting():
                return self._put_small(path.read_bytes())
        with self.gate.putting():
            seen = self.stat_index.look(path)
            known = self.stat_index.file(path, seen) if trust_stat else None
            if known is not None:
                self.recent.add([bytes.fromhex(known)])
                return known
            with path.open("rb", buffering=0) as source:
                digest = self._put_large(lambda view: source.readinto(view) or 0)
            self.stat_index.keep_file(path, seen, digest)
        return digest

    def has(self, digest: Digest) -> bool:
        """Whether the object is there. Does not verify it."""
        return self.has_copy(digest)

    def has_copy(self, digest: Digest) -> bool:
        """Whether the object is in this folder, wherever else it may be."""
        return self.loose.path(digest).exists() or self.packed.has(digest)

    def renew(self, digest: Digest) -> bool:
        """Whether the object is there, and will be spared for a while though nothing refers to it yet.

        To be asked before a reference is made to what is there already. Does not verify it.
        """
        now = time.time()
        put_at = self.loose.put_at(digest)
        if put_at is None:
            put_at = self._renewed.get(digest)
        if put_at is not None and now - put_at < RENEWED_AFTER_S and self.has(digest):
            return True
        with self.gate.putting():
            if self.loose.renew(digest):
                return True
            if not self.packed.has(digest):
                return False
            self.recent.add([bytes.fromhex(digest)])
            self._renewed[digest] = now
            return True

    def ship(self, needed: Iterable[Digest] | None = None) -> None:  # noqa: ARG002  what is here is where it belongs
        """To be asked before a reference counts, by an event's objects or for all that was put.

        Raises:
            StoreElsewhere: the objects were moved elsewhere while this was open.
        """
        if self._elsewhere.exists():
            raise StoreElsewhere("another place", "")

    def may_be_tree(self, digest: Digest) -> bool:  # noqa: ARG002
        """Whether an object may be a tree, as far as that shows without reading it."""
        return True

    def put_since(self, moment: float) -> set[Digest]:
        """What was put or renewed at that moment, in seconds since 1970, or later, with what trees hold."""
        return put_since(self, moment)

    def verify(self, digest: Digest) -> int:
        """Read an object from the disk again, whatever was verified before; gives its size.

        Raises:
            ObjectMissing: it is not there.
            ObjectDamaged: its bytes are not what they were, or cannot be read.
        """
        if self.loose.path(digest).exists():
            return self.loose.verify(digest)
        with self.erased.telling(digest):
            return sum(map(len, self.packed.pieces(digest)))

    def ends(self, digest: Digest) -> tuple[bytes, bytes]:
        """Its first and its last bytes, not verified where it is loose: enough to tell what it is not."""
        try:
            return self.loose.ends(digest)
        except ObjectMissing:
            with self.erased.telling(digest):
                return self.packed.ends(digest)

    def read(self, digest: Digest) -> bytes:
        """The object's bytes, verified.

        Raises:
            ObjectMissing: it is not there; ObjectErased where that was on purpose.
            ObjectDamaged: its bytes are not what they were.
        """
        try:
            return self.loose.read(digest)
        except ObjectMissing:
            with self.erased.telling(digest):
                return self._heard(lambda: self.packed.read(digest))
        except ObjectDamaged:
            self._forget()
            if self.packed.has(digest):
                return self.packed.read(digest)
            raise

    def open_path(self, digest: Digest) -> Path:
        """A verified, read-only file with the object's bytes, for scanning in place. Do not change it.

        Open it at once: one that is made from a pack stands in the cache, and may go when it was not asked
        for in the last hour.
        """
        try:
            return self.loose.open_path(digest)
        except ObjectMissing:
            with self.erased.telling(digest):
                return self._open_whole(digest)
        except ObjectDamaged:
            self._forget()
            if self.packed.has(digest):
                return self._open_whole(digest)
            raise

    def size(self, digest: Digest) -> int:
        """The object's length in bytes."""
        try:
            return self.loose.path(digest).stat().st_size
        except FileNotFoundError:
            with self.erased.telling(digest):
                return self.packed.size(digest)

    def sizes(self, digests: Collection[Digest]) -> list[int]:
        """The lengths of many objects in bytes, in the order of asking."""
        with self.packed.bulk() as bulk:
            found = [bulk.find(digest) for digest in digests]
        return [
            each[1].raw if each is not None else self.size(digest)
            for digest, each in zip(digests, found, strict=True)
        ]

    def put_tree(self, entries: Mapping[str, Digest]) -> Digest:
        """Keep a folder as one object: names to digests of objects that are already kept.

        Raises:
            ObjectMissing: one of them is not there, or not any more.
        """
        for member in entries.values():
            if not self.renew(member):
                raise ObjectMissing(member)
        return self.put(tree_bytes(entries))

    def read_tree(self, digest: Digest) -> dict[str, Digest]:
        """The names and digests of a tree. No name leads out of the folder that it is written to.

        Raises:
            NotATree: the object is something else, or a name leads elsewhere.
        """
        return entries_of(digest, self.read(digest))

    def put_folder(self, path: Path) -> Digest:
        """Keep a folder's files as a tree; gives its digest. Durable on return.

        Files that are as they were at the last call cost a look; see `folders`.

        Raises:
            CannotKeep: something in it is no plain file, or has a name that cannot be kept.
        """
        return put_folder(self, path)

    def restore_folder(
        self, tree: Digest, path: Path, *, only: Collection[str] | None = None, durable: bool = False
    ) -> Restored:
        """Write a tree's files into a folder; what is there already, byte for byte, is left alone.

        Args:
            tree: the folder's digest.
            path: a folder, or where one shall be.
            only: the names of the files to write; by default all.
            durable: whether the files must survive power loss when this returns.

        Raises:
            InTheWay: a link, or a folder where a file should be, stands there.
        """
        return restore_folder(self, tree, path, only=only, durable=durable)

    def restore_file(self, digest: Digest, path: Path, *, link: bool = False, durable: bool = False) -> None:
        """Write an object to a file; whole or not at all.

        Args:
            digest: the object.
            path: an older file there is replaced.
            link: share the store's own read-only file where it has one on this disk, instead of a copy.
            durable: whether a copy must survive power loss when this returns.
        """
        restore_file(self, digest, path, link=link, durable=durable)

    def digests(self) -> Iterator[Digest]:
        """Every object there is, in no particular order."""
        return self.copies()

    def copies(self) -> Iterator[Digest]:
        """Every object in this folder, in no particular order."""
        return iter({*self.loose.digests(), *self.packed.digests()})

    def remove(
        self, digests: Collection[Digest], *, put_before: float | None = None, leave_no_trace: bool = False
    ) -> int:
        """Delete objects; gives the bytes that the disk got back. See `removal`.

        Args:
            digests: objects that nothing refers to.
            put_before: what was put, or put again, at this moment (in seconds) or later is spared: the moment
                when whoever calls began to look at what is referred to, less a grace.
            leave_no_trace: write every pack anew that holds any of it, however little that frees.

        Raises:
            CannotErase: with `leave_no_trace`, a pack is damaged so that nobody knows what else is in it.
        """
        return remove(self, digests, put_before=put_before, leave_no_trace=leave_no_trace)

    def scrub(self, sample: float | None = None) -> Scrubbed:
        """Hold what is stored against its digests, every byte of it, or of a random part of the objects."""
        return scrub(self, sample)

    def recipe(self, digest: Digest) -> Recipe | None:
        """The chunks that make an object; None where it is not kept in chunks."""
        return self.packed.recipe(digest)

    def is_sound(self, digest: Digest) -> bool:
        """Whether the object is there, and every byte of it, read again now, is right."""
        try:
            self.verify(digest)
        except (ObjectMissing, ObjectDamaged):
            return False
        return True

    def assemble(self, digest: Digest, recipe: Recipe) -> bool:
        """Keep an object by its recipe, once its chunks are here; false where one is not.

        Raises:
            ObjectDamaged: the chunks make something else.
        """
        with self.gate.putting():
            whole = blake3.blake3()
            for part in recipe.parts:
                chunk = self.packed.read_chunk(part.digest)
                if chunk is None or len(chunk) != part.length:
                    return False
                whole.update(chunk)
            if whole.hexdigest() != digest:
                raise ObjectDamaged(digest, whole.hexdigest())
            with self.intake() as intake:
                intake.take_recipe(bytes.fromhex(digest), recipe)
                intake.commit()
            self.recent.add([bytes.fromhex(digest)])
            # A file from before there were chunks, which is why it was brought again.
            if self.loose.path(digest).exists() and not self.loose.confirm(digest):
                self.loose.remove(digest)
        return True

    def intake(self) -> Intake:
        """For putting many objects or large ones, under the gate."""
        return Intake(self.packed.packs, self.scratch, self.loose.confirming(), self.erased.refuse)

    def _put_small(self, data: bytes | memoryview) -> Digest:
        digest = digest_bytes(data)
        self.erased.refuse(digest)
        if not self._confirm(digest):
            self.loose.publish(digest, lambda descriptor: write_all(descriptor, data))
        return digest

    def _put_large(self, readinto: ReadInto) -> Digest:
        with self.intake() as intake:
            digest = intake.take_large(readinto)
            intake.commit()
        self.recent.add(intake.met)
        return digest

    def _confirm(self, digest: Digest) -> bool:
        """Whether it is there, whole, and will be after power loss; then it counts as put just now."""
        if self.loose.confirm(digest):
            return True
        if not self.packed.is_sound(digest):
            return False
        sync_folder(self.packed.packs.folder)
        self.recent.add([bytes.fromhex(digest)])
        return True

    def _open_whole(self, digest: Digest) -> Path:
        """The object from a pack, as a file of the cache."""
        size, path = self.packed.size(digest), self.whole.path(digest)
        identity = _identity(path)
        if identity is None or self._verified.get(digest) != identity:
            if identity is None or digest_file(path) != digest:
                self._heard(lambda: self.whole.make(digest, self.packed, size))
            status = path.stat()
            self._verified[digest] = (status.st_ino, status.st_size, status.st_mtime_ns)
        self.whole.touch(path)
        return path

    def _heard(self, work: Callable[[], T]) -> T:
        """Do it; where damage comes out, nothing that was remembered of files counts any more."""
        try:
            return work()
        except ObjectDamaged:
            self._forget()
            raise

    def _forget(self) -> None:
        # Said to be damaged is more important than that no stat index can be written to now.
        with contextlib.suppress(OSError, OutOfSpace):
            self.stat_index.forget()

    def _prepare(self) -> None:
        """Make the folders, and remove what killed writers left half-written long ago."""
        make_private(self.scratch)
        oldest = time.time() - ABANDONED_AFTER_S
        for path in self.scratch.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        self.loose.prepare()
        self.packed.packs.prepare()


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _reader_of(data: bytes | memoryview) -> ReadInto:
    return io.BytesIO(data).readinto
