"""What a file's status was when its bytes were kept, so that "nothing changed" costs a look at each file.

Never the truth: an index that is missing, damaged or of another time only makes things slow. An entry counts
where length, times and inode are the same, nothing was removed from the store since, and the file was at rest
when it was read: one that changed a moment before may change again within the same tick of its clock (git's
"racy" entries).
"""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple, TypeVar

import blake3
import msgspec

from ropeway.core.ids import Digest, new_id
from ropeway.store.cache import Cache
from ropeway.store.errors import OutOfSpace
from ropeway.store.files import publish, write_all

T = TypeVar("T")

Status = tuple[int, int, int, int]
"""Length in bytes, time of change of content, of the inode, and the inode."""
FINE_NS = 100_000_000
COARSE_NS = 2_000_000_000
"""How long a file must have been at rest; the longer where its file system tells no fractions of a second."""
MILLISECOND_NS = 1_000_000
SEAL_BYTES = 32
NEVER_CHANGED = "0"


class Look(NamedTuple):
    """A status, and when it was taken."""

    status: Status
    at_ns: int


class FolderIndex(msgspec.Struct, frozen=True, array_like=True):
    """A folder as it was when it was kept. Two lists, since lists of tuples compare at the speed of C."""

    generation: str
    tree: Digest
    files: list[tuple[str, int, int, int, int]]
    digests: list[Digest]


class _File(msgspec.Struct, frozen=True, array_like=True):
    generation: str
    status: Status
    digest: Digest


class StatIndex:
    """The indexes, in the cache, and the generation: what is of an earlier one counts no more."""

    def __init__(self, cache: Cache, generation: Path, scratch: Path) -> None:
        self._cache = cache
        self._generation = generation
        self._scratch = scratch

    def folder(self, path: Path) -> FolderIndex | None:
        """What is known of a folder."""
        found = self._get(f"stat-folder:{path}", FolderIndex)
        return found if found is not None and found.generation == self.generation() else None

    def keep_folder(
        self, path: Path, began_ns: int, tree: Digest, seen: list[tuple[str, int, int, int, int]],
        digests: list[Digest],
    ) -> None:  # fmt: skip
        """Remember a folder. `seen` is as it was at `began_ns`, before any of it was read."""
        newest_ns = max((max(each[2], each[3]) for each in seen), default=0)
        at_rest = seen if newest_ns + COARSE_NS < began_ns else [_at_rest(each, began_ns) for each in seen]
        self._put(f"stat-folder:{path}", FolderIndex(self.generation(), tree, at_rest, digests))

    def look(self, path: Path) -> Look:
        """A file's status now."""
        now = time.time_ns()
        return Look(status_of(path.stat()), now)

    def file(self, path: Path, seen: Look) -> Digest | None:
        """The digest of a file that is as it was."""
        found = self._get(f"stat-file:{path.absolute()}", _File)
        is_same = found is not None and (found.generation, found.status) == (self.generation(), seen.status)
        return found.digest if found is not None and is_same else None

    def keep_file(self, path: Path, seen: Look, digest: Digest) -> None:
        """Remember a file that was read after `seen`."""
        if is_at_rest(seen.status, seen.at_ns):
            self._put(f"stat-file:{path.absolute()}", _File(self.generation(), seen.status, digest))

    def generation(self) -> str:
        """Changes when something was removed or found damaged."""
        try:
            return self._generation.read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return NEVER_CHANGED

    def forget(self) -> None:
        """Nothing remembered counts any more. Durable: a removal that follows must not be overlooked."""
        fresh = new_id("gen").encode()
        publish(
            self._generation,
            self._scratch,
            lambda descriptor: write_all(descriptor, fresh),
            durable=True,
            mode=0o600,
        )

    def _get(self, key: str, kind: type[T]) -> T | None:
        data = self._cache.get(key)
        if data is None or blake3.blake3(data[SEAL_BYTES:]).digest() != data[:SEAL_BYTES]:
            return None
        try:
            return msgspec.msgpack.decode(data[SEAL_BYTES:], type=kind)
        except msgspec.MsgspecError:
            return None  # written by another release

    def _put(self, key: str, value: msgspec.Struct) -> None:
        data = msgspec.msgpack.encode(value)
        # Only a cache: without space for it, the next time is slow.
        with contextlib.suppress(OutOfSpace):
            self._cache.put(key, blake3.blake3(data).digest() + data)


def status_of(status: os.stat_result) -> Status:
    """What is compared of a file's status."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _at_rest(seen: tuple[str, int, int, int, int], began_ns: int) -> tuple[str, int, int, int, int]:
    """As it was; or as nothing ever is, where it cannot be believed later."""
    name, length, changed_ns, touched_ns, inode = seen
    return seen if is_at_rest((length, changed_ns, touched_ns, inode), began_ns) else (name, -1, 0, 0, 0)


def is_at_rest(status: Status, at_ns: int) -> bool:
    """Whether a file whose status was taken at `at_ns` cannot change later without showing it."""
    _, changed_ns, touched_ns, _ = status
    is_coarse = changed_ns % MILLISECOND_NS == 0 and touched_ns % MILLISECOND_NS == 0
    return max(changed_ns, touched_ns) + (COARSE_NS if is_coarse else FINE_NS) < at_ns
