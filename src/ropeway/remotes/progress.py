"""Who is told how far a transfer is: whoever called, for as long as the call lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ropeway.store.depot.transfer import Tick, silent

_TELL: ContextVar[Tick] = ContextVar("ropeway_remotes_tell", default=silent)


@contextmanager
def telling(tick: Tick) -> Iterator[None]:
    """Tell `tick` of what is transferred within."""
    token = _TELL.set(tick)
    try:
        yield
    finally:
        _TELL.reset(token)


def tell() -> Tick:
    """Whom to tell now."""
    return _TELL.get()
