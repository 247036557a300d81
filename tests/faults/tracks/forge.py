"""A process that has everything imported and forks what the campaign wants: scripts, and `ropeway sync`.

Each is a process of its own, to be killed; that Python need not begin anew makes hundreds of them cheap.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
from tests.faults.tracks.script import Script, work

HERE = Path(__file__).resolve().parents[3]


class Order(msgspec.Struct):
    """What to fork: a script, or without one `ropeway sync` in a folder."""

    root: str
    log: str
    script: Script | None = None
    is_offline: bool = True


class Child:
    """A forked process, not the caller's own child."""

    def __init__(self, pid: int) -> None:
        self._descriptor: int | None = None
        # One that has ended already is no process any more.
        with suppress(ProcessLookupError):
            self._descriptor = os.pidfd_open(pid)

    def wait(self, timeout_s: float = 300.0) -> bool:
        """Until it has ended; whether it has."""
        if self._descriptor is None:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1_000))

    def kill(self) -> bool:
        """SIGKILL; whether it was alive."""
        if self._descriptor is None or self.wait(0):
            return False
        signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        return self.wait()

    def close(self) -> None:
        """Let go of it; it goes on if it lives."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Forge:
    """The caller's end. A context manager.

    Args:
        url: of the server whose workspace the children use.
    """

    def __init__(self, url: str) -> None:
        self._children: list[Child] = []
        here = {**os.environ, "ROPEWAY_WORKSPACE": url, "ROPEWAY_AS": "ana", "ROPEWAY_SYSTEM_S": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.tracks.forge"],
            cwd=HERE,
            env=here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def fork(self, order: Order) -> Child:
        """Begin a process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        child = Child(int(self._process.stdout.readline()))
        self._children.append(child)
        return child

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        for child in self._children:
            child.close()


def _sync(root: str) -> None:
    from ropeway.cli.main import main

    main(["-C", root, "sync"])


def _be(order: Order) -> None:
    """The child: do it, and leave."""
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDONLY) if stream == 0 else log, stream)
    os.environ["ROPEWAY_OFFLINE"] = "1" if order.is_offline else "0"
    code = 1
    try:
        if order.script is None:
            _sync(order.root)
        else:
            work(order.script)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    # A script whose disk is full may end with an error of ours; it is in the log for who looks.
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def main() -> None:
    """Fork as told on standard input; say each child's id."""
    import numpy  # noqa: F401, ICN001  what every child would import

    import ropeway.tracking.sent
    import ropeway.tracking.session
    import ropeway.workspace.remote  # noqa: F401
    from ropeway.cli.main import root  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answers = os.dup(1)
    for line in iter(sys.stdin.readline, ""):
        order = msgspec.json.decode(line, type=Order)
        pid = os.fork()
        if not pid:
            _be(order)
        os.write(answers, f"{pid}\n".encode())


if __name__ == "__main__":
    main()
