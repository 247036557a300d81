"""Objects by the digest of their bytes, in a local folder.

Contract: `put` returned means that the object survives power loss. Objects never change; the same bytes are
one object, whoever brings them, however often. Every read is verified: damaged bytes are never handed out.
Safe for many processes at once, without locks.
"""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import blake3
import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes, digest_file
from ropeway.core.ids import Digest
from ropeway.store.cache import Cache
from ropeway.store.errors import BadDigest, NotATree, ObjectDamaged, ObjectMissing
from ropeway.store.files import in_our_words, publish, sync_folder, write_all

FANOUT = 256
COPY_BYTES = 1 << 20
READ_ONLY = 0o444
PRIVATE = 0o700
ABANDONED_AFTER_S = 24 * 3600
SETTLED_AFTER_S = 60

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
        with in_our_words(home):
            self._prepare()

    def put(self, data: bytes | memoryview) -> Digest:
        """Keep some bytes; gives their digest. Durable on return. A damaged object is mended by it."""
        digest = digest_bytes(data)
        if not self._is_sound(digest):
            self._publish(digest, data)
        return digest

    def put_file(self, path: Path) -> Digest:
        """Keep a file's bytes, in bounded memory; gives their digest. Durable on return.

        A damaged object is mended by it.
        """
        digest = digest_file(path)
        if self._is_sound(digest):
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
        """Keep a folder as one object: names to digests of objects that are already kept."""
        assert all(map(_is_inside, entries)), "a tree's names are relative and lead nowhere else"
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
