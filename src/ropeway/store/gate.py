"""Who may change what is stored: many who put, or one who removes.

Contract: while anybody puts, nothing is removed; while somebody removes, nobody puts. Readers need neither:
what they hold open stays readable. A killed process lets go. A waiting remover is not overtaken for ever:
it closes the door before the hall, and those who come later wait before the door.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ropeway.store.files import in_our_words


class Gate:
    """Two lock files in a folder. Each passage opens them anew, so that threads count like processes."""

    def __init__(self, folder: Path) -> None:
        self._door = folder / "door"
        self._hall = folder / "hall"

    @contextmanager
    def putting(self) -> Iterator[None]:
        """Beside others who put."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Alone."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        hall = _open(self._hall)
        try:
            door = _open(self._door)
            try:
                fcntl.flock(door, how)
                fcntl.flock(hall, how)
            finally:
                os.close(door)
            yield
        finally:
            os.close(hall)


def _open(path: Path) -> int:
    with in_our_words(path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
