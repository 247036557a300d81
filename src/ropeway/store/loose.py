"""Loose objects: one file each, under its digest. So single small objects are kept, and so all once were."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import blake3

from ropeway.core.hashing import digest_bytes, digest_file
from ropeway.core.ids import Digest
from ropeway.store.errors import BadDigest, ObjectDamaged, ObjectMissing
from ropeway.store.files import publish, sync_folder

FANOUT = 256
READ_ONLY = 0o400
PRIVATE = 0o700
SETTLED_AFTER_S = 60
COPY_BYTES = 1 << 20
ENDS_BYTES = 16

_DIGEST = re.compile(r"[0-9a-f]{64}")


def checked_digest(given: str) -> Digest:
    """The digest that is given.

    Raises:
        BadDigest: it is none.
    """
    if not _DIGEST.fullmatch(given):
        raise BadDigest(given)
    return Digest(given)


class Loose:
    """The files of `objects/`, two digits of the digest as folder, the rest as name."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self._scratch = scratch
        # What was verified in this process, by the file's identity: large objects are not hashed at each use.
        self._verified: dict[Digest, tuple[int, int, int]] = {}

    def path(self, digest: str) -> Path:
        """Where an object stands, or would.

        Raises:
            BadDigest: it is none.
        """
        checked_digest(digest)
        return self.folder / digest[:2] / digest[2:]

    def read(self, digest: Digest) -> bytes:
        """The bytes, verified."""
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error
        found = digest_bytes(data)
        if found != digest:
            raise ObjectDamaged(digest, found)
        return data

    def check(self, digest: Digest) -> None:
        """Read every byte of it, whatever was verified before."""
        found = digest_file(self.path(digest))
        if found != digest:
            raise ObjectDamaged(digest, found)

    def open_path(self, digest: Digest) -> Path:
        """The file, verified."""
        path = self.path(digest)
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

    def confirm(self, digest: Digest) -> bool:
        """Whether it is there, whole, and will be after power loss; then it counts as put just now."""
        try:
            path = self.open_path(digest)
        except (ObjectMissing, ObjectDamaged):
            return False
        # Another process may have renamed it a moment ago and not yet synced the name.
        if time.time() - path.stat().st_ctime < SETTLED_AFTER_S:
            sync_folder(path.parent)
        os.utime(path)
        status = path.stat()
        self._verified[digest] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return True

    def confirming(self) -> Callable[[Digest], bool]:
        """`confirm` for many questions while nobody removes: each folder is listed once."""
        names: dict[str, frozenset[str]] = {}

        def confirm(digest: Digest) -> bool:
            shard = digest[:2]
            if shard not in names:
                names[shard] = frozenset(path.name for path in (self.folder / shard).iterdir())
            return digest[2:] in names[shard] and self.confirm(digest)

        return confirm

    def renew(self, digest: Digest) -> bool:
        """Let it count as put just now; false where it is not there."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def verify(self, digest: Digest) -> int:
        """Read every byte of it, in bounded memory; gives its size.

        By reading: a failing disk kills a process that maps its files.
        """
        hasher, size = blake3.blake3(), 0
        try:
            with self.path(digest).open("rb", buffering=0) as source:
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
        """Its first and its last bytes, not verified."""
        try:
            with self.path(digest).open("rb") as source:
                head = source.read(ENDS_BYTES)
                source.seek(max(0, source.seek(0, os.SEEK_END) - ENDS_BYTES))
                return head, source.read()
        except FileNotFoundError as error:
            raise ObjectMissing(digest) from error

    def publish(self, digest: Digest, fill: Callable[[int], None]) -> None:
        """Keep it; durable on return."""
        publish(self.path(digest), self._scratch, fill, durable=True, mode=READ_ONLY)

    def remove(self, digest: Digest) -> int:
        """Delete it; gives the bytes freed, none where it is not there."""
        path = self.path(digest)
        self._verified.pop(digest, None)
        try:
            status = path.stat()
            path.unlink()
        except FileNotFoundError:
            return 0
        # A file that somebody linked elsewhere stays there, and frees nothing.
        return status.st_size if status.st_nlink == 1 else 0

    def digests(self) -> Iterator[Digest]:
        """Every loose object."""
        for shard in sorted(self.folder.iterdir()):
            for path in sorted(shard.iterdir()):
                yield Digest(shard.name + path.name)

    def put_at(self, digest: Digest) -> float | None:
        """When it was last put; None where it is not there."""
        with contextlib.suppress(FileNotFoundError):
            return self.path(digest).stat().st_mtime
        return None

    def prepare(self) -> None:
        """Make the folders, all shards at once, so that a later publish has one folder to sync."""
        if (self.folder / f"{FANOUT - 1:02x}").is_dir():
            return
        self.folder.mkdir(exist_ok=True, mode=PRIVATE)
        for shard in range(FANOUT):
            (self.folder / f"{shard:02x}").mkdir(exist_ok=True, mode=PRIVATE)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)
