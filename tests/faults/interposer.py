"""Failing a process's n-th call to the disk: the kernel asks this process about each, by seccomp.

The child puts a filter on itself, which hands the calls named here to a supervisor (`seccomp_unotify(2)`):
Python's own, SQLite's and polars's alike, with nothing compiled and nobody traced. The supervisor looks at
which file a call is for, and lets it through or answers with an error in the kernel's stead. Linux only.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

O_CREAT = os.O_CREAT
BY_DESCRIPTOR = ("write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate")
BY_NAME = {"openat": 1, "mkdirat": 1, "renameat": 3, "renameat2": 3, "linkat": 3}
"""Calls with a name, and which argument it is: that of the new name, where there are two."""
BY_OLD_NAME = {"open": 0, "mkdir": 0, "rename": 1, "link": 1}
OLD_NAME = {"rename": 0, "link": 0, "renameat": 1, "renameat2": 1, "linkat": 1}
SYNCS = ("fsync", "fdatasync")

NUMBERS = {
    "x86_64": {
        "write": 1,
        "pwrite64": 18,
        "writev": 20,
        "pwritev": 296,
        "fsync": 74,
        "fdatasync": 75,
        "ftruncate": 77,
        "fallocate": 285,
        "openat": 257,
        "mkdirat": 258,
        "renameat": 264,
        "renameat2": 316,
        "linkat": 265,
        "open": 2,
        "mkdir": 83,
        "rename": 82,
        "link": 86,
        "seccomp": 317,
    },
    "aarch64": {
        "write": 64,
        "pwrite64": 68,
        "writev": 66,
        "pwritev": 70,
        "fsync": 82,
        "fdatasync": 83,
        "ftruncate": 46,
        "fallocate": 47,
        "openat": 56,
        "mkdirat": 34,
        "renameat": 38,
        "renameat2": 276,
        "linkat": 37,
        "seccomp": 277,
    },
}
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, ASK = 0x7FFF0000, 0x7FC00000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NO_NEW_PRIVILEGES, WITH_LISTENER = 38, 8
RECEIVE, SEND = 0xC0502100, 0xC0182101
NOTICE = struct.Struct("<QIIiIQ6Q")
ANSWER = struct.Struct("<QqiI")
GO_ON = 1
NAME_BYTES = 4096


class Call(NamedTuple):
    """One call that writes: its number among those of the project's files, from 1; `old` where it renames."""

    number: int
    name: str
    path: str
    old: str = ""


def why_not() -> str:
    """Why no calls can be failed here; empty when they can."""
    if platform.system() != "Linux" or platform.machine() not in NUMBERS:
        return f"calls can be failed on Linux on x86_64 or aarch64, not on {platform.system()}"
    if "user_notif" not in Path("/proc/sys/kernel/seccomp/actions_avail").read_text(encoding="ascii"):
        return "this kernel's seccomp asks no supervisor"
    return ""


def supervised(
    work: Callable[[], None], *, inside: Path, judge: Callable[[Call], int]
) -> tuple[int, list[Call]]:
    """Do some work in a forked child, and judge each call of it that writes below a folder.

    Args:
        work: done in the child, which ends when it returns.
        inside: calls for other files pass unjudged.
        judge: gives the errno to fail a call with, or 0 to let it through.

    Returns:
        The child's exit code and the calls that it made.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            ours.close()
            listener = _ask_about_calls()
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            theirs.recv(1)
            work()
            code = 0
        finally:
            os._exit(code)
    theirs.close()
    _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
    ours.send(b"x")
    calls: list[Call] = []
    watcher = select.poll()
    watcher.register(listener, select.POLLIN)
    while not any(event & select.POLLHUP for _, event in watcher.poll()):
        _settle(listener, f"{inside}/", calls, judge)
    os.close(listener)
    ours.close()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), calls


def _settle(listener: int, inside: str, calls: list[Call], judge: Callable[[Call], int]) -> None:
    """Take one question and answer it."""
    notice = bytearray(NOTICE.size)
    try:
        fcntl.ioctl(listener, RECEIVE, notice)
    except OSError:
        return
    identity, process, _, number, _, _, *arguments = NOTICE.unpack(notice)
    name = next(each for each, known in NUMBERS[platform.machine()].items() if known == number)
    path, failed = _path_of(process, name, arguments), 0
    if path.startswith(inside):
        old = _text_at(process, arguments[OLD_NAME[name]]) if name in OLD_NAME else ""
        calls.append(Call(len(calls) + 1, name, path.removeprefix(inside), old.removeprefix(inside)))
        failed = judge(calls[-1])
    answer = ANSWER.pack(identity, 0, -failed, 0 if failed else GO_ON)
    try:
        fcntl.ioctl(listener, SEND, answer)
    except OSError as error:
        # The child died while it asked.
        if error.errno != errno.ENOENT:
            raise


def _path_of(process: int, name: str, arguments: list[int]) -> str:
    """Which file a call is for; empty where it makes none."""
    if name in BY_DESCRIPTOR:
        try:
            return str(Path(f"/proc/{process}/fd/{arguments[0]}").readlink())
        except OSError:
            return ""
    if name in ("open", "openat") and not arguments[1 if name == "open" else 2] & O_CREAT:
        return ""
    place = BY_NAME[name] if name in BY_NAME else BY_OLD_NAME[name]
    return _text_at(process, arguments[place])


def _text_at(process: int, address: int) -> str:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:  # noqa: PTH123  no path of a disk
        # Up to the end of its page: the next one may not be there.
        data = os.pread(memory.fileno(), NAME_BYTES - address % NAME_BYTES, address)
        if b"\0" not in data:
            data += os.pread(memory.fileno(), NAME_BYTES, address + len(data))
    return os.fsdecode(data.partition(b"\0")[0])


def _ask_about_calls() -> int:
    """Put the filter on this process; gives the descriptor on which the kernel asks."""
    numbers = {name: number for name, number in NUMBERS[platform.machine()].items() if name != "seccomp"}
    tests = [(EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers.values())]
    lines = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, AUDIT[platform.machine()]),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, 0),
        *tests,
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ASK),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(lines), ctypes.addressof(code)))
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    descriptor: int = library.syscall(NUMBERS[platform.machine()]["seccomp"], 1, WITH_LISTENER, program)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor
