"""What a process opened, ran and spoke to: an audit hook writes it down, and `strangers` finds what it had no business with.

The hook sees Python's own calls; what compiled code opens (SQLite, polars) is seen by `strace`, in the long form.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from tests.attacks.strings import MARK

ABOUT_FILES = {
    "open", "os.chmod", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir",
    "os.symlink", "os.truncate", "os.utime", "shutil.copyfile", "shutil.move", "shutil.rmtree", "sqlite3.connect",
}  # fmt: skip
RUNS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn", "os.startfile"}
SPEAKS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
SYSTEM = (
    "/proc/self/", "/proc/mounts", "/proc/meminfo", "/sys/", "/dev/null", "/dev/urandom", "/usr/share/zoneinfo",
    "/etc/localtime", "/usr/lib", "/lib", "/etc/ssl", "/etc/mime.types",
)  # fmt: skip


class Trace:
    """What this process does while it is `watched`; a hook stays for the life of a process, so use one of its own."""

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
            self.found += [
                f"{event} {os.fsdecode(each)}"
                for each in arguments[:2]
                if _is_path(each)
                and not (is_relative and "/" not in os.fsdecode(each) and MARK not in os.fsdecode(each))
            ]
        elif event in RUNS or event in SPEAKS:
            self.found.append(f"{event} {arguments!r}"[:400])


def _is_path(value: object) -> bool:
    return isinstance(value, str | bytes | Path) and value not in (
        "r",
        "w",
        "rb",
        "wb",
        "a",
        "ab",
        "x",
        "xb",
        "r+",
    )


def strangers(found: Iterable[str], *, allowed: Iterable[Path], speaks_to: str = "") -> list[str]:
    """What was done that nobody should: outside the allowed folders, of a name that an attack gave, or elsewhere.

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
    return not (
        path.startswith(SYSTEM) or any(path == each or path.startswith(f"{each}/") for each in folders)
    )


def _own_folders() -> list[str]:
    """The interpreter's own: its library, its packages, the code under test."""
    import ropeway

    known = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), str(Path(ropeway.__file__).parent)]
    return [os.path.realpath(each) for each in known] + known
