"""Writing one pack: entries one after the other under a temporary name, then index, fsync, rename."""

import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ropeway.core.ids import new_id
from ropeway.store import coding
from ropeway.store.files import in_our_words, settle, write_all
from ropeway.store.pack_format import MAGIC, Entry, header_of, index_of

SUFFIX = ".pack"
READ_ONLY = 0o400
BUFFER_BYTES = 1 << 20
AHEAD_BYTES = 32 << 20
"""So much may wait to be written: more would be memory, less would be waiting."""
SYNC_BYTES = 64 << 20
"""Written bytes are sent to the disk in pieces of this size, so that the last wait is short."""


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
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-write")
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self._unsynced = 0
        self._buffer = bytearray(MAGIC)
        self._entries: list[Entry] = []
        self.length = len(MAGIC)

    def add(self, kind: int, digest: bytes, data: bytes | memoryview) -> None:
        """Append some bytes, compressed where that pays."""
        how, stored = coding.encode(data)
        self.add_coded(Entry(digest, 0, len(stored), len(data), coding.check(how, stored), kind, how), stored)

    def add_coded(self, entry: Entry, stored: bytes | memoryview) -> None:
        """Append bytes as they are stored elsewhere, or a recipe. Its offset is given here."""
        entry = entry._replace(offset=self.length)
        self._entries.append(entry)
        self._buffer += header_of(entry)
        # Large payloads are not copied once more.
        if len(stored) >= BUFFER_BYTES // 4:
            self._flush()
            self._write(stored)
        else:
            self._buffer += stored
            if len(self._buffer) >= BUFFER_BYTES:
                self._flush()
        self.length = entry.end

    def publish(self, *, modified_at: float | None = None) -> None:
        """Make it durable and visible.

        Args:
            modified_at: the time to say that it was written, where it holds what was kept before.
        """
        try:
            self._buffer += index_of(self._entries)
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

    def _flush(self) -> None:
        self._write(self._buffer)
        self._buffer = bytearray()

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand bytes to the thread that writes; wait where too many are on their way."""
        self._waiting.append((self._thread.submit(self._write_now, data), len(data)))
        self._settle(AHEAD_BYTES)

    def _settle(self, ahead: int) -> None:
        while sum(length for _, length in self._waiting) > ahead or (self._waiting and not ahead):
            self._waiting.popleft()[0].result()

    def _write_now(self, data: bytes | bytearray | memoryview) -> None:
        with in_our_words(self.target.parent):
            write_all(self._descriptor, data)
            self._unsynced += len(data)
            if self._unsynced >= SYNC_BYTES:
                self._unsynced = 0
                os.fdatasync(self._descriptor)
