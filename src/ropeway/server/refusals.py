"""Who was refused: lines in `.ropeway/refused.log`, a file of bounded size.

One JSON object a line. The file is for its owner only; at its limit it becomes `refused.log.1`, in the place
of the former one. An event for each attempt would let a stranger write history.
"""

import logging
import os
import threading
from pathlib import Path

import msgspec

from ropeway.core.clock import Clock, to_text

logger = logging.getLogger("ropeway.server")

FILE = "refused.log"
MAX_BYTES = 2**20
PRIVATE = 0o600


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that was refused. `token` is the id of the one that it showed, if that had the form."""

    at: str
    code: str
    address: str
    method: str
    path: str
    by: str = ""
    token: str = ""


class RefusalLog:
    """Appends refusals. May be used from several threads, and by several processes: each line is one write.

    Args:
        home: the workspace's folder.
        clock: where times come from.
    """

    def __init__(self, home: Path, clock: Clock) -> None:
        self._path = home / FILE
        self._clock = clock
        self._lock = threading.Lock()

    def tell(self, *, code: str, address: str, method: str, path: str, by: str, token: str) -> None:
        """Write one line; where the disk is full, the refusal stands without it."""
        refusal = Refusal(
            at=to_text(self._clock.now()),
            code=code,
            address=address,
            method=method[:16],
            path=path[:200],
            by=by,
            token=token,
        )
        try:
            with self._lock:
                self._append(msgspec.json.encode(refusal) + b"\n")
        except OSError:
            logger.warning("a refusal could not be written to %s", FILE)

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
        try:
            os.write(descriptor, line)
            is_full = os.fstat(descriptor).st_size >= MAX_BYTES
        finally:
            os.close(descriptor)
        if is_full:
            self._path.replace(self._path.with_name(f"{FILE}.1"))
