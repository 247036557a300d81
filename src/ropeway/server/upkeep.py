"""What a server looks after by itself, each minute: points that wait, and what others left behind."""

import logging
import threading
from collections.abc import Callable

from ropeway.core.errors import RopewayError
from ropeway.core.ids import RunId
from ropeway.server.mlflow.uploads import sweep
from ropeway.tracking.afar.intake import recover_intakes
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
        self._before: dict[RunId, int] = {}
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ropeway-upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; waits for what it is at."""
        self._is_closed.set()
        self._thread.join()

    def look(self) -> None:
        """Look once. What cannot be done now is told, and tried at the next look."""
        self._try("what a dead server had taken was not recorded", self._recover)
        self._try("points that wait were not sealed", self._seal)
        self._try("uploads that were left were not removed", self._sweep)

    def _run(self) -> None:
        while not self._is_closed.wait(self._every_s):
            self.look()

    def _try(self, failed: str, work: Callable[[], None]) -> None:
        try:
            work()
        except RopewayError as error:
            logger.warning("%s: %s", failed, error)
        except Exception:  # the thread's edge: nothing above would tell anyone, and the next look may do
            logger.exception(failed)

    def _recover(self) -> None:
        recover_intakes(self._workspace)

    def _seal(self) -> None:
        self._before = seal_waiting(self._workspace, self._before)

    def _sweep(self) -> None:
        sweep(self._workspace)
