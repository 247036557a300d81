"""Who writes next: one fair lock a workspace between processes, and one line of threads in each process.

SQLite's own busy handler sleeps and polls: in a trial the slowest of eight writers committed once in four
seconds while the fastest committed 27,000 times. The kernel's queue of `flock` waiters is fair, and a killed
holder frees it. PostgreSQL queues its advisory locks by itself. The threads of one process stand in line
before either, so that waiting takes up no connection, and so that those who wait can share a commit.
"""

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ropeway.ledger.errors import DiskFull, LedgerBusy


class WriteLock:
    """The workspace's write lock: a blocking OS lock on a file beside the database, until it is released.

    Between threads and processes; not re-entrant. Any thread may release it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Wait for the lock, in turn, for as long as it takes."""
        name = str(self._path)
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

    def release(self) -> None:
        """Let the next one in. Closing the descriptor frees the lock, as death does."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _Waiter(NamedTuple):
    gate: threading.Lock
    joins: bool


class Line:
    """The threads of one process, one at a time, in the order in which they came. Not re-entrant.

    Whoever has come to its turn must give it on, itself (`leave`, `hand_over`) or by another thread's hand.

    Args:
        declined: gives on a turn that came to one who was interrupted meanwhile; `leave` when absent.
    """

    def __init__(self, declined: Callable[[], None] | None = None) -> None:
        self._declined = declined or self.leave
        self._is_taken = False
        self._forget()

    def enter(self, *, joins: bool = False) -> None:
        """Wait for the turn. `joins` says that it may go on with what the one before has left open."""
        if os.getpid() != self._process:
            # A fork in the middle of another thread's turn would leave it taken here for ever.
            self._forget()
        mine = _Waiter(threading.Lock(), joins)
        with self._guard:
            is_free = not self._is_taken
            self._is_taken = True
            if not is_free:
                mine.gate.acquire()
                self._waiting.append(mine)
        if not is_free:
            self._wait(mine)

    def leave(self) -> None:
        """Let the next one in."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().gate.release()
            else:
                self._is_taken = False

    def hand_over(self) -> bool:
        """Let the next one in if that one joins; False, and the turn is still ours, where it does not."""
        with self._guard:
            if not self._waiting or not self._waiting[0].joins:
                return False
            self._waiting.popleft().gate.release()
            return True

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def _wait(self, mine: _Waiter) -> None:
        try:
            mine.gate.acquire()
        # An interrupt while waiting: out of the line, or, if the turn has just come, on with the next.
        except BaseException:
            with self._guard:
                is_ours = mine not in self._waiting
                if not is_ours:
                    self._waiting.remove(mine)
            if is_ours:
                self._declined()
            raise

    def _forget(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[_Waiter] = deque()
