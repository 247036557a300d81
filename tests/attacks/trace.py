"""What a process opened, ran and spoke to: an audit hook writes it down, `strangers` finds what is amiss.

The hook sees Python's own calls. What compiled code opens (SQLite, polars) it does not see.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from tests.attacks.strings import MARK

ABOUT_FILES = {
    "open",
    "os.chmod",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.copyfile",
    "shutil.move",
    "shutil.rmtree",
    "sqlite3.connect",
}
RUNS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn"}
SPEAKS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
MODES = ("r", "w", "rb", "wb", "a", "ab", "x", "xb", "r+", "r+b")
SYSTEM = (
    "/proc/self/",
    "/proc/mounts",
    "/proc/meminfo",
    "/sys/",
    "/dev/null",
    "/dev/urandom",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/mime.types",
    "/lib",
    "/usr/lib",
    "/usr/share/zoneinfo",
)


class Trace:
    """What this process does while it is on. A hook stays for the life of a process: use one of its own."""

    def __init__(self) -> None:
        self.is_on = False
        self.found: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_on:
            return
        if event in ABOUT_FILES:
            # A name relative to an open folder (`rmtree`) says nothing by itself but what it is.
            is_relative = any(type(each) is int and each >= 0 for each in arguments[1:])
            for each in arguments[:2]:
                path = _path(each)
                if path and (MARK in path or "/" in path or not is_relative):
                    self.found.append(f"{event} {path if MARK in path else Path.cwd() / path}")
        elif event in RUNS or event in SPEAKS:
            self.found.append(f"{event} {arguments!r}"[:400])


def _path(value: object) -> str:
    """A path among an event's arguments; empty for a mode, a descriptor, a flag."""
    return os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) and value not in MODES else ""


def strangers(found: Iterable[str], *, allowed: Iterable[Path], speaks_to: str = "") -> list[str]:
    """What nobody should do: opened outside the allowed folders, or under a name of ours; run, or spoken to.

    Args:
        found: of a trace.
        allowed: folders in which a process may open what it likes.
        speaks_to: a port that may be connected to.
    """
    folders = [str(each) for each in (*allowed, *_own_folders())]
    return sorted({line for line in found if _is_strange(line, folders, speaks_to)})


def _is_strange(line: str, folders: list[str], speaks_to: str) -> bool:
    event, _, what = line.partition(" ")
    if event in SPEAKS:
        return not (speaks_to and f"'127.0.0.1', {speaks_to}" in what)
    if event in RUNS:
        return True
    if MARK in what or "\0" in what:
        return True
    path = os.path.normpath(what)
    if path in sys.path or path.endswith("/:memory:"):
        return False
    return not (
        path.startswith(SYSTEM) or any(path == each or path.startswith(f"{each}/") for each in folders)
    )


def _own_folders() -> list[str]:
    """The interpreter's own: its library, its packages, the code under test."""
    import ropeway

    known = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), str(Path(ropeway.__file__).parent)]
    return [os.path.realpath(each) for each in known] + known
