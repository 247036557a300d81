"""Writing one pack: entries one after the other under a temporary name, then index, fsync, rename."""

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from ropeway.core.ids import new_id
from ropeway.store import coding
from ropeway.store.files import in_our_words, settle, start_writing, write_all
from ropeway.store.pack_format import HEADER_BYTES, MAGIC, Entry, header_of, index_of
from ropeway.store.threads import threads

SUFFIX = ".pack"
READ_ONLY = 0o400
BUFFER_BYTES = 1 << 20
AHEAD_BYTES = 32 << 20
"""So much may wait to be written: more would be memory, less would be waiting."""
START_BYTES = 8 << 20
"""The disk begins with what was written in pieces of this size, so that the last wait is short."""


class PackWriter:
    """A pack in the making. Nobody sees it before `publish`; `discard` leaves no trace.

    Args:
        folder: where the pack shall stand.
        scratch: for the temporary name, on the same file system.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.target = folder / f"{new_id('pack')}{SUFFIX}"
        self._temporary = scratch / new_id("tmp")
        with in_our_words(scratch):
            self._descriptor = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        self._thread = threads(1, "store-write")
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._written = self._begun = 0
        self._pieces: list[bytes | bytearray | memoryview] = [MAGIC]
        self._gathered = len(MAGIC)
        self._entries: list[Entry] = []
        self.length = len(MAGIC)

    def add(self, kind: int, digest: bytes, data: bytes) -> None:
        """Append some bytes, compressed where that pays."""
        how, stored = coding.encode(data)
        crc = coding.check(how, stored)
        self._append(Entry(digest, self.length, len(stored), len(data), crc, kind, how), stored)

    def add_coded(self, entry: Entry, stored: bytes | memoryview) -> Future[None] | None:
        """Append bytes as they are stored elsewhere, or a recipe. The entry's offset is given here.

        What is handed over must stay as it is until the work that is given has been done.
        """
        return self._append(entry._replace(offset=self.length), stored)

    def _append(self, entry: Entry, stored: bytes | memoryview) -> Future[None] | None:
        self._entries.append(entry)
        self._pieces += (header_of(entry), stored)
        self._gathered += HEADER_BYTES + entry.stored
        self.length += HEADER_BYTES + entry.stored
        # A view is of memory that somebody waits to use again.
        if self._gathered >= BUFFER_BYTES or not isinstance(stored, bytes):
            return self._flush()
        return None

    def publish(self, *, modified_at: float | None = None) -> None:
        """Make it durable and visible.

        Args:
            modified_at: the time to say that it was written, where it holds what was kept before.
        """
        try:
            self._pieces.append(index_of(self._entries))
            self._flush()
            self._settle(0)
            moment = time.time() if modified_at is None else modified_at
            os.utime(self._descriptor, (moment, moment))
            with in_our_words(self.target.parent):
                settle(self._descriptor, self._temporary, self.target, durable=True, mode=READ_ONLY)
        except BaseException:
            self.discard()
            raise
        self._close()

    def discard(self) -> None:
        """Throw away what was written."""
        self._close()
        self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
        os.close(self._descriptor)

    def _flush(self) -> Future[None]:
        """Hand bytes to the thread that writes; wait where too many are on their way."""
        work = self._thread.submit(self._write_now, self._pieces)
        self._waiting.append((work, self._gathered))
        self._pieces, self._gathered = [], 0
        self._settle(AHEAD_BYTES)
        return work

    def _settle(self, ahead: int) -> None:
        while sum(length for _, length in self._waiting) > ahead or (self._waiting and not ahead):
            self._waiting.popleft()[0].result()

    def _write_now(self, pieces: list[bytes | bytearray | memoryview]) -> None:
        with in_our_words(self.target.parent):
            for data in _joined(pieces):
                write_all(self._descriptor, data)
                self._written += len(data)
        if self._written - self._begun >= START_BYTES:
            start_writing(self._descriptor, self._begun, self._written - self._begun)
            self._begun = self._written


def _joined(pieces: list[bytes | bytearray | memoryview]) -> Iterator[bytes | bytearray | memoryview]:
    """Small pieces as one; a large one is not copied once more."""
    small: list[bytes | bytearray | memoryview] = []
    for piece in pieces:
        if len(piece) < BUFFER_BYTES // 4:
            small.append(piece)
            continue
        yield b"".join(small)
        small = []
        yield piece
    yield b"".join(small)
