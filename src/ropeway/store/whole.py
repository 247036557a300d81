"""Objects from packs as whole files in the cache folder, for those who scan in place."""

import contextlib
import os
import time
from pathlib import Path

from ropeway.core.ids import Digest
from ropeway.store.files import make_private, publish
from ropeway.store.packed import Packed

READ_ONLY = 0o400
LIMIT_BYTES = 10 << 30
SPARED_NS = 3600 * 10**9


class Whole:
    """Objects from packs as whole files, to be scanned in place. A cache: it may vanish at any time.

    Kept within `limit_bytes` by deleting what was not asked for the longest; never what was asked for within
    the last hour, since somebody may be about to open it.
    """

    def __init__(self, folder: Path, scratch: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self._scratch = scratch
        self._limit_bytes = limit_bytes

    def path(self, digest: Digest) -> Path:
        """Where it stands, or would."""
        return self.folder / digest[:2] / digest[2:]

    def make(self, digest: Digest, packed: Packed, size: int) -> Path:
        """Write the file, verified."""
        path = self.path(digest)
        self._make_room(size)
        make_private(path.parent)
        publish(
            path,
            self._scratch,
            lambda descriptor: packed.write(digest, descriptor),
            durable=False,
            mode=READ_ONLY,
        )
        return path

    def drop(self, digest: Digest) -> None:
        """Delete the file."""
        with contextlib.suppress(FileNotFoundError):
            self.path(digest).unlink()

    def touch(self, path: Path) -> None:
        """It was asked for. Its time of change stays, by which it is known to be unchanged."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _make_room(self, size: int) -> None:
        used: list[tuple[int, int, Path]] = []
        for shard in self.folder.iterdir() if self.folder.is_dir() else ():
            for path in shard.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    used.append((status.st_atime_ns, status.st_size, path))
        over = sum(each[1] for each in used) + size - self._limit_bytes
        for asked_ns, length, path in sorted(used):
            if over <= 0 or time.time_ns() - asked_ns < SPARED_NS:
                break
            path.unlink(missing_ok=True)
            over -= length
