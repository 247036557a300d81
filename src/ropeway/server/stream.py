"""A stream operation as server-sent events: the cursor is each event's id, and a client resumes from it.

The operation is an ordinary generator that may wait for hours. It runs in a thread of its own, which is told
to end when the client has gone or the server stops.
"""

import asyncio
import ctypes
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.serving.errors import Internal

logger = logging.getLogger("ropeway.server")

CURSOR = "seq"
"""The field of a stream's items that is its cursor; the argument that resumes after it is `after`."""
LOOK_S = 0.25
STILL_HERE_S = 15.0
"""A comment goes out this often, so that a client that has gone is noticed."""
WAITING = 100
"""Events that wait for a slow client before the operation waits too."""


class StreamClosed(BaseException):
    """Raised inside a stream's thread to end it; no operation catches it by mistake."""


class Pump:
    """Moves a generator's items from a thread into the event loop, a bounded number at a time."""

    def __init__(self, items: Callable[[], Iterator[Any]], tell: Callable[[RopewayError], bytes]) -> None:
        self._items = items
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(WAITING)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ropeway-stream", daemon=True)
        self._thread.start()

    async def next(self, wait_s: float) -> tuple[bool, bytes | None]:
        """Whether something came within the time, and what: an event, or None at the end."""
        try:
            async with asyncio.timeout(wait_s):
                event = await self._queue.get()
        except TimeoutError:
            return False, None
        self._room.release()
        return True, event

    def close(self) -> None:
        """End the thread, wherever it is: in the operation's sleep it cannot be asked."""
        self._is_closed.set()
        self._room.release()
        if self._thread.is_alive() and self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(StreamClosed)
            )

    def _run(self) -> None:
        try:
            for item in self._items():
                self._put(_event(item))
                if self._is_closed.is_set():
                    return
        except StreamClosed:
            return
        except RopewayError as error:
            self._put(b"event: error\ndata: " + self._tell(error) + b"\n\n")
        except Exception:  # the thread's edge, as at a request's
            logger.exception("a stream failed")
            self._put(b"event: error\ndata: " + self._tell(Internal()) + b"\n\n")
        self._put(None)

    def _put(self, event: bytes | None) -> None:
        self._room.acquire()
        if not self._is_closed.is_set():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)


async def events(
    items: Callable[[], Iterator[Any]],
    is_draining: Callable[[], bool],
    tell: Callable[[RopewayError], bytes],
) -> AsyncIterator[bytes]:
    """The bytes of an event stream, until the operation ends or the server drains.

    Args:
        items: begins the operation.
        is_draining: whether the stream has to end.
        tell: an error as JSON.
    """
    pump = Pump(items, tell)
    quiet_s = 0.0
    try:
        # So that the client knows at once that it is connected.
        yield b": here\n\n"
        while not is_draining():
            came, event = await pump.next(LOOK_S)
            if came and event is None:
                # A connection that only breaks off has more to come; whoever follows must know which it was.
                yield b"event: end\ndata: {}\n\n"
                return
            quiet_s = 0.0 if came else quiet_s + LOOK_S
            if event is not None:
                yield event
            elif quiet_s >= STILL_HERE_S:
                quiet_s = 0.0
                yield b": still here\n\n"
    finally:
        pump.close()


def _event(item: Any) -> bytes:
    cursor = getattr(item, CURSOR, None)
    head = b"" if cursor is None else b"id: %d\n" % cursor
    return head + b"data: " + msgspec.json.encode(item) + b"\n\n"
