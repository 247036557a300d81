"""What was put again lately, so that who removes by an older view of the world spares it.

Not durable and not the truth: after power loss nobody is in the middle of anything. A torn end is passed
over.
"""

import os
import struct
import time
from pathlib import Path

RECORD = struct.Struct("<32sQ")
KEPT_S = 7 * 24 * 3600


class Recent:
    """An append-only file of digests and times. Appends need nothing; `trim` needs everyone else kept out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, digests: list[bytes]) -> None:
        """These are wanted, as of now."""
        if not digests:
            return
        now = time.time_ns()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"".join(RECORD.pack(digest, now) for digest in digests))
        finally:
            os.close(descriptor)

    def since(self, moment: float) -> set[bytes]:
        """What was put again at `moment`, in seconds, or later."""
        return {digest for digest, at in self._records() if at >= moment * 1e9}

    def trim(self) -> None:
        """Forget what is too old to matter."""
        oldest = time.time_ns() - KEPT_S * 10**9
        records = self._records()
        kept = [RECORD.pack(digest, at) for digest, at in records if at >= oldest]
        if len(kept) < len(records):
            self._path.write_bytes(b"".join(kept))

    def _records(self) -> list[tuple[bytes, int]]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        return list(RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]))
