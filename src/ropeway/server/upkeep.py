"""What a server looks after by itself, each minute: points that wait to be sealed."""

import logging
import threading

from ropeway.core.errors import RopewayError
from ropeway.core.ids import RunId
from ropeway.tracking.resting import seal_waiting
from ropeway.workspace import LocalWorkspace

logger = logging.getLogger("ropeway.server")

EVERY_S = 60.0


class Upkeep:
    """A thread that looks after a workspace until it is closed.

    Several servers may do so at once: what one has sealed, another finds no more.

    Args:
        workspace: what to look after, opened; its own caller is who does it.
        every_s: the time between two looks.
    """

    def __init__(self, workspace: LocalWorkspace, every_s: float = EVERY_S) -> None:
        self._workspace = workspace
        self._every_s = every_s
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ropeway-upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; waits for what it is at."""
        self._is_closed.set()
        self._thread.join()

    def _run(self) -> None:
        before: dict[RunId, int] = {}
        while not self._is_closed.wait(self._every_s):
            try:
                before = seal_waiting(self._workspace, before)
            except RopewayError as error:
                logger.warning("points that wait were not sealed: %s", error)
            except Exception:  # the thread's edge: nothing above would tell anyone, and the next look may do
                logger.exception("points that wait were not sealed")
