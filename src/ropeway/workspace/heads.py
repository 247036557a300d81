"""Files of heads: each checkpoint once more, outside the database, one JSON line each, only ever appended."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from ropeway.store.files import make_private, sync_folder, write_all

TAIL_BYTES = 65_536
PRIVATE = 0o600


class HeadLine(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint in a file of heads."""

    size: int
    note: str


class HeadsFile:
    """One file of heads. Several processes may append to it; a line that a power cut tore is passed over.

    Args:
        path: the file; made, with its folder, when something is appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[list[HeadLine], int]:
        """The checkpoints in it, and how many lines cannot be read. No file holds none."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return [], 0
        heads = [head for line in lines if (head := _parse(line)) is not None]
        return heads, sum(1 for line in lines if line) - len(heads)

    def catch_up(self, since: Callable[[int], list[HeadLine]], *, mode: int = PRIVATE) -> None:
        """Append what is missing at the end, durable when this returns.

        Args:
            since: gives the checkpoints over more events than a number, smallest first.
            mode: of the file, where it is made.
        """
        if mode == PRIVATE:
            make_private(self.path.parent)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
        try:
            # Under the lock, so that two processes do not append the same.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            length = os.fstat(descriptor).st_size
            tail = os.pread(descriptor, TAIL_BYTES, max(0, length - TAIL_BYTES))
            known = max((head.size for line in tail.splitlines() if (head := _parse(line))), default=0)
            missing = since(known)
            if not missing:
                return
            start = b"" if tail.endswith(b"\n") or not tail else b"\n"
            write_all(descriptor, start + b"".join(msgspec.json.encode(head) + b"\n" for head in missing))
            os.fsync(descriptor)
            if not length:
                sync_folder(self.path.parent)
        finally:
            os.close(descriptor)


def _parse(line: bytes) -> HeadLine | None:
    try:
        return msgspec.json.decode(line, type=HeadLine)
    except msgspec.DecodeError:
        return None
