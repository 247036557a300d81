"""Where a process is: phases in a small shared file, readable after its death.

The child marks what it enters and leaves; the parent reads the marks when the child is gone. A page of shared
memory survives SIGKILL, so what it says is what was true at the kill.
"""

import mmap
import os
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

PAGE = 4096
SLOT = struct.Struct("<QQQ")  # how many threads are inside, how often entered, how often crossed


class Phase(IntEnum):
    """What a process can be doing, the most delicate last."""

    STARTING = 0  # imports, opening the workspace
    OUTSIDE = 1  # between two operations
    COMPUTING = 2  # in an operation, in none of the phases below
    WAITING = 3  # for the write lock
    APPEND = 4  # in a segment's append
    PUBLISH = 5  # writing and syncing a temporary file
    RENAME = 6  # from the rename of a file to the sync of its folder
    TRANSACTION = 7  # in a write transaction, before its commit
    COMMIT = 8  # from the commit to the release of the write lock


DELICATE = (Phase.RENAME, Phase.TRANSACTION, Phase.COMMIT)


class Board:
    """The marks of one child.

    Args:
        path: the shared file; made by the parent, opened by the child.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if create:
            path.write_bytes(bytes(PAGE))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), PAGE)
        self._guard = threading.Lock()
        self._mine = threading.local()
        self._deadly: tuple[Phase, int] | None = None

    def die_at(self, phase: Phase, nth: int) -> None:
        """Have this process kill itself when it crosses a point of a phase for the n-th time."""
        self._deadly = (phase, nth)

    def enter(self, phase: Phase) -> None:
        """This thread is in the phase from here on."""
        self._stack().append(phase)
        self._move(phase, inside=1, entered=1)
        self.cross()

    def leave(self, depth: int) -> None:
        """This thread leaves what it entered since its stack had that depth."""
        stack = self._stack()
        while len(stack) > depth:
            self.cross()
            self._move(stack.pop(), inside=-1)

    @property
    def depth(self) -> int:
        """How deep this thread stands."""
        return len(self._stack())

    def is_in(self, phase: Phase) -> bool:
        """Whether this thread is in the phase."""
        return phase in self._stack()

    @contextmanager
    def inside(self, phase: Phase) -> Iterator[None]:
        """This thread is in the phase for the length of the block."""
        depth = self.depth
        self.enter(phase)
        try:
            yield
        finally:
            self.leave(depth)

    def cross(self) -> None:
        """A point at which this thread could be killed."""
        stack = self._stack()
        if not stack:
            return
        crossed = self._move(stack[-1], crossed=1)
        if self._deadly is not None and self._deadly == (stack[-1], crossed):
            os.kill(os.getpid(), signal.SIGKILL)

    def entered(self, phase: Phase) -> int:
        """How often the phase was entered."""
        return self._read(phase)[1]

    def crossed(self, phase: Phase) -> int:
        """How many points of the phase were crossed."""
        return self._read(phase)[2]

    def is_inside(self, phase: Phase) -> bool:
        """Whether any thread is in the phase."""
        return self._read(phase)[0] > 0

    def now(self) -> Phase:
        """The most delicate phase that any thread is in."""
        return max((phase for phase in Phase if self.is_inside(phase)), default=Phase.STARTING)

    def _stack(self) -> list[Phase]:
        if not hasattr(self._mine, "stack"):
            self._mine.stack = []
        stack: list[Phase] = self._mine.stack
        return stack

    def _read(self, phase: Phase) -> tuple[int, int, int]:
        inside, entered, crossed = SLOT.unpack_from(self._page, phase * SLOT.size)
        return inside, entered, crossed

    def _move(self, phase: Phase, *, inside: int = 0, entered: int = 0, crossed: int = 0) -> int:
        with self._guard:
            was = self._read(phase)
            SLOT.pack_into(self._page, phase * SLOT.size, was[0] + inside, was[1] + entered, was[2] + crossed)
            return was[2] + crossed
