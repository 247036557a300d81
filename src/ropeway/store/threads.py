"""Threads that work for a while. An interpreter that ends gives none: what is asked is then done at once.

A run that its script left open is ended, and what waits for its server is brought, when that has begun.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


def threads(count: int, name: str) -> Executor:
    """So many threads; to be shut down by whoever asked."""
    # From the end of the main thread on, pools refuse; who is at work then is at an exit.
    if threading.main_thread().is_alive():
        return ThreadPoolExecutor(count, thread_name_prefix=name)
    return _AtOnce()


class _AtOnce(Executor):
    """Does what is asked of it where it is asked; what that raises, it raises."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **more: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(fn(*args, **more))
        return done
