"""One fair write lock a workspace: a blocking OS lock on a file beside the database.

SQLite's own busy handler sleeps and polls: in a trial the slowest of eight writers committed once in four
seconds while the fastest committed 27,000 times. The kernel's queue of `flock` waiters is fair, and a killed
holder frees it. Held for the length of one write transaction.
"""

import errno
import fcntl
import os
import threading
from pathlib import Path

from ropeway.ledger.errors import DiskFull, LedgerBusy

_held = threading.local()


class WriteLock:
    """The workspace's write lock. Works between threads and processes; not re-entrant."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Wait for the lock, in turn, for as long as it takes."""
        name = str(self._path)
        assert name not in self._mine(), "one write transaction at a time: finish the one that is open first"
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(name) from error
            raise LedgerBusy(name, error.strerror or str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # An interrupt while waiting must not leak the descriptor; it goes on its way.
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._mine().add(name)

    def release(self) -> None:
        """Let the next one in. Closing the descriptor frees the lock, as death does."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._mine().discard(str(self._path))

    def _mine(self) -> set[str]:
        """The locks that this thread holds."""
        if not hasattr(_held, "names"):
            _held.names = set()
        names: set[str] = _held.names
        return names
