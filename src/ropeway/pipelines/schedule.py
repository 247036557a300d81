"""In which order work is done: each piece when what it needs is there, several at once if possible."""

import contextvars
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Generic, TypeVar

W = TypeVar("W")


class Schedule(Generic[W]):
    """Works through a graph.

    Args:
        needs: by name, what must be done before; only names of the graph itself.
        look: what there is to do for a name; None when nothing is, as the result is there already.
        work: does it; called in another thread when several pieces are due at once.
        is_alone: whether a piece must not be done beside others.
        workers: how many pieces may be done at once.
    """

    def __init__(
        self,
        needs: Mapping[str, set[str]],
        *,
        look: Callable[[str], W | None],
        work: Callable[[W], None],
        is_alone: Callable[[W], bool] = lambda _: False,
        workers: int,
    ) -> None:
        self._missing = {name: set(each) for name, each in needs.items()}
        self._after: dict[str, list[str]] = {name: [] for name in needs}
        for name, each in needs.items():
            for need in each:
                self._after[need].append(name)
        self._ready = deque(name for name, each in needs.items() if not each)
        self._due: deque[tuple[str, W]] = deque()
        self._running: dict[Future[None], str] = {}
        self._look = look
        self._work = work
        self._is_alone = is_alone
        self._workers = workers
        self._stack = ExitStack()
        self._pool: ThreadPoolExecutor | None = None

    def run(self) -> None:
        """Do all of it. After a failure nothing new begins; it is raised when what runs has ended."""
        failure: BaseException | None = None
        with self._stack:
            while failure is None and (self._ready or self._due or self._running):
                self._take_ready()
                # Alone, a piece is done here: a chain of small ones costs no change of thread.
                if self._due and not self._running and (len(self._due) == 1 or not self._shared()):
                    name, work = self._due.popleft()
                    self._work(work)
                    self._finish(name)
                else:
                    self._submit()
                    failure = self._wait()
            while self._running:
                later = self._wait()
                failure = failure or later
        if failure is not None:
            raise failure

    def _take_ready(self) -> None:
        while self._ready:
            name = self._ready.popleft()
            work = self._look(name)
            if work is None:
                self._finish(name)
            else:
                self._due.append((name, work))

    def _finish(self, name: str) -> None:
        for other in self._after[name]:
            self._missing[other].discard(name)
            if not self._missing[other]:
                self._ready.append(other)

    def _shared(self) -> list[tuple[str, W]]:
        return [(name, work) for name, work in self._due if not self._is_alone(work)]

    def _submit(self) -> None:
        for name, work in self._shared()[: self._workers - len(self._running)]:
            self._due.remove((name, work))
            if self._pool is None:
                made = ThreadPoolExecutor(self._workers, thread_name_prefix="ropeway-step")
                self._pool = self._stack.enter_context(made)
            self._running[self._pool.submit(contextvars.copy_context().run, self._work, work)] = name

    def _wait(self) -> BaseException | None:
        failure: BaseException | None = None
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            name = self._running.pop(future)
            failure = failure or future.exception()
            if failure is None:
                self._finish(name)
        return failure
