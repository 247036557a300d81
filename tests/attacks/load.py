"""What takes memory, time or sockets, sent to a server in a process whose memory is then looked at.

The tests send each once; in full, with 2,000 sockets and bodies that are said to have 5 GB:

    python -m tests.attacks.load
"""

import contextlib
import json
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import httpx
from tests.attacks.town import Answer, head, receive, send
from tests.serving.conftest import SCRIPT

from ropeway.members.operations import add_member
from ropeway.testing import make_workspace

MB = 2**20
GROWTH = 64 * MB
JSON = "application/json"
DECODES = f"POST /api/v1/runs.search {JSON}"


class Attack(NamedTuple):
    """One request: what is said of the body, and what comes of it."""

    name: str
    said: dict[str, str | int]
    body: bytes = b""
    statuses: tuple[int, ...] = (400,)


def bodies() -> Iterator[Attack]:
    """Bodies that are large, deep, or of many parts."""
    for size in (9 * MB, 5 * 2**30):
        yield Attack(f"{size} bytes are announced", {"content_length": size}, b"x" * MB, (413,))
    yield Attack("a length of 24 digits", {"content_length": "9" * 24})
    yield Attack("a negative length", {"content_length": "-1"})
    yield Attack("a length and chunks", {"content_length": 2, "transfer_encoding": "chunked"}, b"0\r\n\r\n")
    whole = {
        "10^5 levels of lists": b"[" * 100_000,
        "10^5 levels of objects": b'{"a":' * 100_000,
        "many empty lists": b'{"where":[' + b"[]," * 2_600_000 + b"[]]}",
        "10^5 keys": b"{" + b",".join(b'"%d":1' % each for each in range(100_001)) + b"}",
        "quotes without end": b'{"where":"' + b'\\"' * 400_000,
        "commas in one text": b'{"where":"' + b"," * 900_000 + b'"}',
        "10^400": b'{"limit":1e400}',
        "NaN": b'{"limit":NaN}',
        "a number of 10^5 digits": b'{"limit":' + b"9" * 100_000 + b"}",
        "gzip": bytes.fromhex("1f8b0800000000000003") + b"\x00" * 1_000,
        "brackets": b'{"where":"' + b"(" * 9_000 + b'"}',
        "nots": b'{"where":"' + b"not " * 2_400 + b'"}',
    }
    for name, body in whole.items():
        yield Attack(name, {"content_length": len(body)}, body, (400, 413, 422))
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in b"[" * 100_000) + b"0\r\n\r\n"
    yield Attack("10^5 chunks of a byte", {"transfer_encoding": "chunked"}, chunks)


def heads() -> Iterator[bytes]:
    """Heads that are large or of many parts; each is answered 400, or the connection ends."""
    yield head("GET", "/health", authorization="Bearer " + "x" * MB)
    yield head("GET", "/" + "x" * MB)
    yield head("GET", "/health?" + "a=b&" * 250_000)
    yield b"GET /health HTTP/1.1\r\n" + b"a: b\r\n" * 200_000 + b"\r\n"
    yield b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"y" * 2 * MB


class Process:
    """A server as a process: where it answers, and how its memory grew."""

    def __init__(self, words: list[str], token: str = "", *, files: int = 0) -> None:
        limit = ["prlimit", f"--nofile={files}:{files}"] if files else []
        self.popen = subprocess.Popen(
            [*limit, sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        said = ""
        while "http://" not in said:
            line = self.popen.stdout.readline()  # type: ignore[union-attr]
            assert line, "it did not start"
            said += line
        self.port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", said)[0])
        self.url = f"http://127.0.0.1:{self.port}"
        self.said: dict[str, str | int] = {"content_type": JSON}
        if token:
            self.said["authorization"] = f"Bearer {token}"

    @classmethod
    def server(cls, folder: Path, **limits: int) -> Self:
        """A team's server, and one of its tokens."""
        from tests.server.test_auth import issue

        with make_workspace(folder) as workspace:
            add_member(workspace, name="ana", role="admin")
            token = issue(workspace, "ana")
        return cls(
            ["-m", "ropeway.cli", "server", "--port", "0", "--json", "-C", str(folder)], token, **limits
        )

    @classmethod
    def service(cls, folder: Path, **limits: int) -> Self:
        """A prediction service."""
        (folder / "alias").write_text("mood@1")
        (folder / "home").mkdir()
        return cls([str(SCRIPT), str(folder)], **limits)

    def growth(self) -> int:
        """How much more memory it had at its highest than when this was last asked."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text(encoding="ascii")
        held = {
            name: int(rest.split()[0]) * 1024
            for name, _, rest in _lines(status)
            if name in ("VmHWM", "VmRSS")
        }
        grown = held["VmHWM"] - getattr(self, "_before", held["VmHWM"])
        Path(f"/proc/{self.popen.pid}/clear_refs").write_text("5", encoding="ascii")
        self._before = held["VmRSS"]
        return grown

    def attack(self, each: Attack, target: str) -> Answer:
        """Send it."""
        return send(self.port, head("POST", target, **self.said, **each.said), each.body)

    def is_well(self) -> bool:
        """Whether somebody else is answered meanwhile."""
        return httpx.get(f"{self.url}/health", timeout=20).status_code == 200

    def stop(self) -> None:
        self.popen.terminate()
        self.popen.communicate(timeout=60)


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in text.splitlines())


@contextlib.contextmanager
def idle(port: int, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """Sockets that are opened, and say nothing, or begin to."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            sockets.append(connection)
            with contextlib.suppress(OSError):
                connection.sendall(said)
        yield sockets
    finally:
        for connection in sockets:
            connection.close()


def hold_back(process: Process, target: str, size: int, count: int) -> list[Answer]:
    """Send many bodies at once but for their last byte; gives the answers that come before the end."""
    answers: list[Answer] = []

    def one() -> None:
        announced = head("POST", target, **process.said, content_length=size + 1)
        with (
            socket.create_connection(("127.0.0.1", process.port), timeout=3) as connection,
            contextlib.suppress(OSError),
        ):
            connection.sendall(announced + b" " * size)
            answers.append(receive(connection))

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main() -> int:
    """Everything in full, for both servers; prints a line of figures for each."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    is_sound = True
    for kind, target, size in (("server", "/api/v1/runs.search", 8 * MB), ("service", "/predict", MB)):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            process: Process = getattr(Process, kind)(Path(folder))
            process.growth()
            for each in bodies():
                answer = process.attack(each, target)
                is_sound &= _tell(kind, each.name, process, answer.status in each.statuses)
            for number, each_head in enumerate(heads()):
                answer = send(process.port, each_head)
                is_sound &= _tell(kind, f"head {number}", process, answer.status in (0, 400, 431))
            hold_back(process, target, size - MB // 2, 32)
            is_sound &= _tell(kind, "32 bodies held back", process, sound=True)
            for said in (b"", b"GET /health HTTP/1.1\r\nx"):
                with idle(process.port, 2_000, said):
                    is_sound &= _tell(kind, f"2,000 sockets that say {len(said)} bytes", process, sound=True)
            process.stop()
    return not is_sound


def _tell(kind: str, name: str, process: Process, sound: bool) -> bool:
    grown, is_well = process.growth(), process.is_well()
    is_sound = sound and is_well and grown < GROWTH
    print(
        json.dumps({"to": kind, "what": name, "growth_mb": round(grown / MB, 1), "sound": is_sound}),
        flush=True,
    )
    return is_sound


if __name__ == "__main__":
    sys.exit(main())
