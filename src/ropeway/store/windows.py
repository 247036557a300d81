"""Reading a large object once, in windows that end where a chunk ends, ahead of those who work on them.

Buffers are used again: fresh memory would have to be zeroed and mapped for each window, which costs as much
as hashing it, and memory would not be flat.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future

from ropeway.store import chunking

WINDOW_BYTES = 8 << 20
"""So much of a file is read at once."""
WINDOWS = 6
"""So many are in memory before one is waited for: one read, one cut, some hashed, and the others written."""

ReadInto = Callable[[memoryview], int]


class Window:
    """Whole chunks, one after the other.

    Attributes:
        view: the bytes.
        lengths: of the chunks.
        work: what must have been done before the buffer is used again.
    """

    def __init__(self) -> None:
        # What the last window left over is shorter than a chunk can be, and goes before what is read.
        self._buffer = memoryview(bytearray(chunking.MAX_BYTES + WINDOW_BYTES))
        self._start = chunking.MAX_BYTES
        self.view = self._buffer[:0]
        self.lengths: list[int] = []
        self.work: list[Future[None]] = []

    def read(self, readinto: ReadInto) -> int:
        """Fill it as far as there is something; gives how many bytes there were."""
        target, filled = self._buffer[chunking.MAX_BYTES :], 0
        while filled < WINDOW_BYTES and (count := readinto(target[filled:])):
            filled += count
        return filled

    def put_before(self, rest: memoryview) -> None:
        """What the window before left over; may be done while this one is read."""
        self._start = chunking.MAX_BYTES - len(rest)
        self._buffer[self._start : chunking.MAX_BYTES] = rest

    def cut(self, filled: int) -> memoryview:
        """Set `view` and `lengths`; gives what belongs to the window that follows."""
        there = self._buffer[self._start : chunking.MAX_BYTES + filled]
        self.lengths = chunking.cut(there, is_end=filled < WINDOW_BYTES)
        end = sum(self.lengths)
        self.view = there[:end]
        return there[end:]

    def chunks(self) -> Iterator[memoryview]:
        """Each chunk's bytes."""
        at = 0
        for length in self.lengths:
            yield self.view[at : at + length]
            at += length


class Windows:
    """The windows that are in memory. One is read while the one before is worked on."""

    def __init__(self, reading: Executor) -> None:
        self._reading = reading
        self._left: deque[Window] = deque()
        self._made = 0

    def of(self, readinto: ReadInto) -> Iterator[Window]:
        """The windows of an object. Who works on one gives it back by `leave`."""
        ahead = self._ask(readinto)
        while True:
            window, reading = ahead
            filled = reading.result()
            is_end = filled < WINDOW_BYTES
            if not is_end:
                ahead = self._ask(readinto)
            rest = window.cut(filled)
            if is_end:
                yield window
                return
            ahead[0].put_before(rest)
            yield window

    def leave(self, window: Window) -> None:
        """Nobody needs the bytes but the work that is noted in it."""
        self._left.append(window)

    def _ask(self, readinto: ReadInto) -> tuple[Window, Future[int]]:
        window = self._next()
        window.put_before(memoryview(b""))
        return window, self._reading.submit(window.read, readinto)

    def _next(self) -> Window:
        if not self._left or (self._made < WINDOWS and not all(work.done() for work in self._left[0].work)):
            self._made += 1
            return Window()
        window = self._left.popleft()
        while window.work:
            window.work.pop().result()
        return window
