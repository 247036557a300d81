"""Who is told what is read through Ropeway: a run that is open, of each of its inputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_told: ContextVar[Callable[[str], None] | None] = ContextVar("ropeway_noticing", default=None)


@contextmanager
def noticing(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the reference of whatever is read in this block, by this task or thread."""
    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)


def notice(ref: str) -> None:
    """Say that something was read: a reference, such as `dataset:tweets@<digest>`."""
    tell = _told.get()
    if tell is not None:
        tell(ref)
