"""Objects by the digest of their bytes, in a local folder.

Contract: `put` returned means that the object survives power loss. Objects never change; the same bytes are
one object, whoever brings them, however often. Every read is verified: damaged bytes are never handed out.
Safe for many processes at once, without locks.
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import blake3
import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes, digest_file
from ropeway.core.ids import Digest
from ropeway.store.cache import Cache
from ropeway.store.errors import BadDigest, NotATree, ObjectDamaged, ObjectMissing
from ropeway.store.files import publish, sync_folder, write_all

FANOUT = 256
COPY_BYTES = 1 << 20
READ_ONLY = 0o444
PRIVATE = 0o700
ABANDONED_AFTER_S = 24 * 3600
SETTLED_AFTER_S = 60
RENEWED_AFTER_S = 3600
"""An object that is put again counts as new once it is older than this: a collection spares what is new."""
REMOVED_AT_ONCE = 256
"""So many objects go while writers that put old bytes again wait: a few milliseconds."""
ENDS_BYTES = 16

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Tree(msgspec.Struct, frozen=True, tag="tree"):
    """A folder as an object: names with `/` to digests, sorted."""

    entries: dict[str, Digest]


class Store:
    """The objects of one workspace, and its cache.

    Args:
        home: the workspace's `.ropeway` folder; made when absent.
    """

    def __init__(self, home: Path) -> None:
        self._objects = home / "objects"
        self._scratch = home / "tmp"
        self.cache = Cache(home / "cache", self._scratch)
        # What was verified in this process, by the file's identity: large objects are not hashed at each use.
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        self._prepare()

    @property
    def scratch(self) -> Path:
        """A folder for what is being made; what lies there for a day is swept."""
        return self._scratch

    def put(self, data: bytes | memoryview) -> Digest:
        """Keep some bytes; gives their digest. Durable on return. A damaged object is mended by it."""
        digest = digest_bytes(data)
        if not self._is_kept(digest):
            self._publish(digest, data)
        return digest

    def put_file(self, path: Path) -> Digest:
        """Keep a file's bytes, in bounded memory; gives their digest. Durable on return.

        A damaged object is mended by it.
        """
        digest = digest_file(path)
        if self._is_kept(digest):
            return digest
        hasher = blake3.blake3()

        def fill(descriptor: int) -> None:
            with path.open("rb") as source:
                while block := source.read(COPY_BYTES):
                    hasher.update(block)
                    write_all(descriptor, block)

        publish(self._path(digest), self._scratch, fill, durable=True, mode=READ_ONLY)
        # The file changed between the two readings: what stands there is not what its name says.
        if hasher.hexdigest() != digest:
            self._path(digest).unlink()
            return self.put_file(path)
        return digest

    def has(self, digest: Digest) -> bool:
        """Whether the object is there. Does not verify it."""
        return self._path(digest).exists()

    def renew(self, digest: Digest) -> bool:
        """Whether the object is there, and will be spared for a while though nothing refers to it yet.

        To be asked before a reference is made to what is there already. Does not verify it.
        """
        path = self._path(digest)
        try:
            if time.time() - path.stat().st_mtime < RENEWED_AFTER_S:
                return True
            with self._removal(fcntl.LOCK_SH):
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def renewed_at(self, digest: Digest) -> float:
        """When it was put or renewed, in seconds since 1970, by the file system's clock."""
        try:
            return self._path(digest).stat().st_mtime
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error

    def remove(self, digests: Collection[Digest], *, older_than: float | None = None) -> int:
        """Remove objects; gives the bytes that this freed. Those not there are passed over.

        Safe beside readers (who have the file open, or find it missing) and beside writers: what is put again
        meanwhile stays. A kill leaves each object whole or gone; doing it again finishes it.

        Args:
            digests: which.
            older_than: only those put or renewed before this time, in seconds since 1970.
        """
        freed, ordered = 0, sorted(digests)
        for first in range(0, len(ordered), REMOVED_AT_ONCE):
            with self._removal(fcntl.LOCK_EX):
                for digest in ordered[first : first + REMOVED_AT_ONCE]:
                    freed += self._remove(self._path(digest), older_than)
        return freed

    def verify(self, digest: Digest) -> int:
        """Read an object from the disk again, whatever was verified before; gives its size.

        In bounded memory, and by reading, for a failing disk kills a process that maps its files.

        Raises:
            ObjectMissing: it is not there.
            ObjectDamaged: its bytes are not what they were, or cannot be read.
        """
        hasher, size = blake3.blake3(), 0
        try:
            with self._path(digest).open("rb", buffering=0) as source:
                while block := source.read(COPY_BYTES):
                    hasher.update(block)
                    size += len(block)
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error
        except OSError as error:
            raise ObjectDamaged(digest, error.strerror or "unreadable") from error
        if hasher.hexdigest() != digest:
            raise ObjectDamaged(digest, hasher.hexdigest())
        return size

    def ends(self, digest: Digest) -> tuple[bytes, bytes]:
        """Its first and its last bytes, not verified: enough to tell what it is not."""
        try:
            with self._path(digest).open("rb") as source:
                head = source.read(ENDS_BYTES)
                source.seek(max(0, source.seek(0, os.SEEK_END) - ENDS_BYTES))
                return head, source.read()
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error

    def read(self, digest: Digest) -> bytes:
        """The object's bytes, verified.

        Raises:
            ObjectMissing: it is not there.
            ObjectDamaged: its bytes are not what they were.
        """
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error
        found = digest_bytes(data)
        if found != digest:
            raise ObjectDamaged(digest, found)
        return data

    def open_path(self, digest: Digest) -> Path:
        """A verified, read-only file with the object's bytes, for scanning in place. Do not change it."""
        path = self._path(digest)
        try:
            status = path.stat()
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._verified.get(digest) != identity:
            found = digest_file(path)
            if found != digest:
                raise ObjectDamaged(digest, found)
            self._verified[digest] = identity
        return path

    def size(self, digest: Digest) -> int:
        """The object's length in bytes."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error

    def put_tree(self, entries: Mapping[str, Digest]) -> Digest:
        """Keep a folder as one object: names to digests of objects that are already kept.

        Raises:
            ObjectMissing: one of them is not there, or not any more.
        """
        assert all(map(_is_inside, entries)), "a tree's names are relative and lead nowhere else"
        for member in entries.values():
            if not self.renew(member):
                raise ObjectMissing(member)
        return self.put(canonical(Tree(dict(sorted(entries.items())))))

    def read_tree(self, digest: Digest) -> dict[str, Digest]:
        """The names and digests of a tree. No name leads out of the folder that it is written to.

        Raises:
            NotATree: the object is something else, or a name leads elsewhere.
        """
        try:
            entries = msgspec.json.decode(self.read(digest), type=Tree).entries
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotATree(digest, "it is something else") from error
        for name in entries:
            if not _is_inside(name):
                raise NotATree(digest, f"the name {name[:80]!r} leads out of its folder")
        return entries

    def digests(self) -> Iterator[Digest]:
        """Every object there is, in no particular order."""
        for shard in sorted(self._objects.iterdir()):
            for path in shard.iterdir():
                yield Digest(shard.name + path.name)

    def _is_kept(self, digest: Digest) -> bool:
        """Whether the object is there, sound, and spared for a while."""
        return self._is_sound(digest) and self.renew(digest)

    @contextlib.contextmanager
    def _removal(self, kind: int) -> Iterator[None]:
        """Writers that renew share this lock, a removal has it alone; death frees it."""
        descriptor = os.open(
            self._scratch.parent / "removal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _remove(self, path: Path, older_than: float | None) -> int:
        try:
            status = path.stat()
            if older_than is not None and status.st_mtime >= older_than:
                return 0
            path.unlink()
        except FileNotFoundError:
            return 0
        return status.st_size

    def _is_sound(self, digest: Digest) -> bool:
        """Whether the object is there, whole, and will be after power loss."""
        try:
            path = self.open_path(digest)
        except (ObjectMissing, ObjectDamaged):
            return False
        # Another process may have renamed it a moment ago and not yet synced the name.
        if time.time() - path.stat().st_ctime < SETTLED_AFTER_S:
            sync_folder(path.parent)
        return True

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise BadDigest(digest)
        return self._objects / digest[:2] / digest[2:]

    def _publish(self, digest: Digest, data: bytes | memoryview) -> None:
        publish(
            self._path(digest),
            self._scratch,
            lambda descriptor: write_all(descriptor, data),
            durable=True,
            mode=READ_ONLY,
        )

    def _sweep(self) -> None:
        """Remove what killed writers left half-written long ago; a living one is never that slow."""
        oldest = time.time() - ABANDONED_AFTER_S
        for path in self._scratch.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _prepare(self) -> None:
        """Make the folders, all shards at once, so that a later publish has one folder to sync."""
        self._scratch.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        self._sweep()
        if (self._objects / f"{FANOUT - 1:02x}").is_dir():
            return
        self._objects.mkdir(exist_ok=True, mode=PRIVATE)
        for shard in range(FANOUT):
            (self._objects / f"{shard:02x}").mkdir(exist_ok=True, mode=PRIVATE)
        sync_folder(self._objects)
        sync_folder(self._objects.parent)


def _is_inside(name: str) -> bool:
    """Whether a tree's name stays below the folder that it is written to."""
    parts = name.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name or ":" in parts[0])
