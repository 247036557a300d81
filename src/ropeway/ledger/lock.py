"""One fair write lock a workspace: a blocking OS lock on a file beside the database.

SQLite's own busy handler sleeps and polls: in a trial the slowest of eight writers committed once in four
seconds while the fastest committed 27,000 times. The kernel's queue of `flock` waiters is fair, and a killed
holder frees it. Held for the length of one write transaction. PostgreSQL queues its advisory locks by itself;
there only the threads of one process stand in line here, so that waiting takes up no connection.
"""

import errno
import fcntl
import os
import threading
from collections import deque
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
        return _held_by_this_thread()


class Turnstile:
    """Lets the threads of one process in, one at a time, in the order in which they came. Not re-entrant.

    Args:
        name: what is behind it: no thread may be behind two turnstiles of one name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_taken = False
        self._forget()

    def __enter__(self) -> None:
        names = _held_by_this_thread()
        assert self._name not in names, "one write transaction at a time: finish the one that is open first"
        if os.getpid() != self._process:
            # A fork in the middle of another thread's turn would leave it taken here for ever.
            self._forget()
        mine = threading.Lock()
        with self._guard:
            is_free = not self._is_taken
            self._is_taken = True
            if not is_free:
                mine.acquire()
                self._waiting.append(mine)
        if not is_free:
            self._wait(mine)
        names.add(self._name)

    def __exit__(self, *_: object) -> None:
        _held_by_this_thread().discard(self._name)
        self._let_next()

    def _wait(self, mine: threading.Lock) -> None:
        try:
            mine.acquire()
        # An interrupt while waiting: out of the line, or, if the turn has just come, on with the next.
        except BaseException:
            with self._guard:
                is_ours = mine not in self._waiting
                if not is_ours:
                    self._waiting.remove(mine)
            if is_ours:
                self._let_next()
            raise

    def _let_next(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False

    def _forget(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()


def _held_by_this_thread() -> set[str]:
    """What this thread holds, by name."""
    if not hasattr(_held, "names"):
        _held.names = set()
    names: set[str] = _held.names
    return names
