"""Seals a workspace over and over, each time in a child that is killed after the time given on a line.

A line of standard input is a delay in seconds, or `-` to let the child end; the answer is how long it lived,
and whether it ended by itself. Forking one process that has loaded all but polars makes a kill cheap.
"""

import os
import signal
import sys
import time
from pathlib import Path

from ropeway.predictions.seal import seal
from ropeway.workspace import LocalWorkspace


def seal_in_child(root: Path, delay: str) -> str:
    """Seal in a child; kill it after the delay."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        with LocalWorkspace(root, actor="sealer") as workspace:
            seal(workspace)
        os._exit(0)
    if delay != "-":
        time.sleep(float(delay))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return f"{time.monotonic() - began} {os.waitstatus_to_exitcode(status)}"


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(seal_in_child(Path(sys.argv[1]), line.strip()) + "\n")
        sys.stdout.flush()
