"""The service that the demo starts: `ropeway serve` as a process of its own, for as long as it is asked."""

import contextlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from ropeway.core.errors import Failed

if TYPE_CHECKING:
    import httpx

READY_S = 60.0
STOP_S = 15.0
LOOK_EVERY_S = 0.05


class ServiceNotReady(Failed):
    """The service that the demo started did not begin to answer."""

    code = "demo-service-failed"

    def __init__(self, said: str) -> None:
        super().__init__(
            "The service did not begin to answer" + (f"; it said:\n{said}" if said else "."),
            expected=f"an answer on /health within {READY_S:.0f} s",
            next_step="ropeway serve sentiment@production",
        )


@contextlib.contextmanager
def service(reference: str, show: Callable[[str], None]) -> "Iterator[httpx.Client]":
    """`ropeway serve`, as a process of its own on a free port, for as long as the block lasts."""
    import httpx

    # Whoever ends us with SIGTERM (`timeout`, a supervisor) must not leave the service behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port = _free_port()
    words = ["serve", reference, "--port", str(port)]
    show(f"ropeway {shlex.join(words)} &")
    process = None
    with tempfile.TemporaryFile() as said:
        try:
            with _uninterrupted():
                process = subprocess.Popen(  # noqa: S603  our own command line
                    [sys.executable, "-m", "ropeway.cli", *words], stdout=said, stderr=said
                )
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
                _wait_until_ready(client, process, said)
                yield client
        finally:
            if process is not None:
                _stop(process)


@contextlib.contextmanager
def _uninterrupted() -> "Iterator[None]":
    """A signal that comes meanwhile interrupts after: a process that was begun must not be lost hold of."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda each, _frame: came.append(each)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _wait_until_ready(client: "httpx.Client", process: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
    import httpx

    give_up = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/health").is_success:
                return
        time.sleep(LOOK_EVERY_S)
    said.seek(0)
    raise ServiceNotReady(said.read().decode(errors="replace").strip())


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
