"""A process that pushes or pulls and kills itself with SIGKILL at the n-th request that moves bytes.

python pusher.py push|pull PROJECT N
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from ropeway.remotes.operations import pull, push
from ropeway.store.backends import LocalBackend
from ropeway.store.depot import bring, send
from ropeway.workspace.local import open_local

MIB = 1 << 20


def kill_at(name: str, count: int) -> None:
    """Let the backend's method take the process with it, half-way to the next thing."""
    plain, asked = getattr(LocalBackend, name), 0

    def counted(self: LocalBackend, *args: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, *args)

    setattr(LocalBackend, name, counted)


def main(verb: str, project: Path, count: int) -> None:
    send.PACK_BYTES = bring.KEPT_AFTER_BYTES = bring.SPAN_BYTES = MIB
    with open_local(project) as workspace:
        if verb == "push":
            kill_at("put", count)
            push(workspace, everything=True)
        else:
            kill_at("get_range", count)
            pull(workspace, everything=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
