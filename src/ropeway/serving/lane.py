"""One thread for each version that answers, so that a slow version holds up no other.

Not an executor of the standard library: its threads are waited for when the process ends, and a version that
hangs would keep the process from ending.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Lane:
    """Does one thing after another in its thread, for callers on one event loop.

    Args:
        name: of the thread, for those who look at the process.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._began_at: float | None = None

    def do(self, work: Callable[[], R]) -> "asyncio.Future[R]":
        """The future result of some work; cancelled before its turn, the work is not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._jobs.put((loop, future, work))
        return future

    def is_stuck(self, limit_s: float) -> bool:
        """Whether what is being done has been so for longer than that."""
        began = self._began_at
        return began is not None and time.monotonic() - began > limit_s

    def close(self) -> None:
        """End the thread once what was asked for is done; does not wait."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            loop, future, work = job
            if not future.cancelled():
                self._began_at = time.monotonic()
                self._do_one(loop, future, work)
                self._began_at = None
            # Else the last request's rows stay in memory until the next one.
            del job, loop, future, work

    def _do_one(
        self, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", work: Callable[[], Any]
    ) -> None:
        result, raised = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  it belongs to whoever waits for the result
            raised = error
        try:
            loop.call_soon_threadsafe(_settle, future, result, raised)
        except RuntimeError:
            # The loop has ended meanwhile: nobody waits any more.
            return


def _settle(future: "asyncio.Future[Any]", result: Any, raised: BaseException | None) -> None:
    if future.done():
        return
    if raised is None:
        future.set_result(result)
    else:
        future.set_exception(raised)
