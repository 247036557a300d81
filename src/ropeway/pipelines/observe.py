"""What a step touches while it runs: files, variables, network, other programs, global random state.

One audit hook and one recording class for `os.environ`, installed at the first run of this process. They do
nothing but look at a context variable while no step is being watched. What raises no audit event is told by
`probes`; what those miss as well (other native readers) `narrow` finds in the syntax tree.
"""

# ruff: noqa: PTH100, PTH117, PTH119  runs at every `open`

import importlib
import os
import sys
import threading
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from ropeway.core.hashing import digest_bytes, digest_json
from ropeway.pipelines.askers import (
    QUIET_READERS,
    asked_through,
    is_about_speed,
    is_by_project,
    is_plumbing,
    is_project,
    reader,
)
from ropeway.pipelines.touched_files import IS_THERE, STATUS, project_name, verify_file
from ropeway.pipelines.watched import Observation, attributed_to, attributing, running, unwatched

ANY_VARIABLE = "*"
"""Stands for the names of all environment variables: a step went through them."""
MACHINE_FOLDERS = ("/proc/", "/sys/", "/dev/")
QUIET_DEVICES = ("/dev/null", "/dev/shm/", "/dev/std", "/dev/fd/", "/dev/tty")  # noqa: S108  a prefix to compare with
ASKING_WHETHER = frozenset(
    (
        "exists",
        "lexists",
        "isfile",
        "isdir",
        "islink",
        "ismount",
        "is_file",
        "is_dir",
        "is_symlink",
        "is_mount",
    )
)
# These look at folders on the way to something else.
PASSING_BY = frozenset(("realpath", "_joinrealpath", "resolve", "makedirs", "mkdir", "expanduser"))
WRITING = os.O_WRONLY | os.O_RDWR
_NETWORK = frozenset(
    ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
)
_PROGRAMS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty")
)
_lock = threading.Lock()
_installed = False


def watching(observation: Observation) -> AbstractContextManager[Observation]:
    """Note in `observation`, while it lasts, what this thread and libraries' own threads use."""
    install()
    return attributing(observation)


def install() -> None:
    """Install hook, recorder and probes, once a process."""
    global _installed
    from ropeway.pipelines import probes

    with _lock:
        if _installed:
            return
        sys.addaudithook(_hook)
        os.environ.__class__ = _WatchedEnviron
        if os.supports_bytes_environ:
            os.environb.__class__ = _WatchedEnvironBytes
        probes.install()
        _installed = True


def load_generators() -> None:
    """Load the global random generators: of one that a step loads, nobody sees a first draw."""
    from ropeway.pipelines import probes

    importlib.import_module("random")
    importlib.import_module("numpy.random")
    probes.install_numpy()
    probes.install_polars()


def verify_variable(name: str) -> str | None:
    """The digest of an environment variable's value now; None when it is not set."""
    with unwatched():
        if name == ANY_VARIABLE:
            return digest_json(sorted(os.environ))
        value = os.environ.get(name)
    return None if value is None else digest_bytes(value.encode(errors="surrogateescape"))


class _WatchedEnviron(os._Environ):  # type: ignore[type-arg]
    """`os.environ` that notes which variables a watched step reads."""

    def __getitem__(self, key: Any) -> Any:
        _note_variable(key)
        return super().__getitem__(key)

    def __iter__(self) -> Any:
        _note_variable(ANY_VARIABLE)
        return super().__iter__()


class _WatchedEnvironBytes(os._Environ):  # type: ignore[type-arg]
    """`os.environb` that notes which variables a watched step reads."""

    def __getitem__(self, key: Any) -> Any:
        _note_variable(os.fsdecode(key) if isinstance(key, bytes) else key)
        return super().__getitem__(key)

    def __iter__(self) -> Any:
        _note_variable(ANY_VARIABLE)
        return super().__iter__()


def _note_variable(name: Any) -> None:
    if not running or not isinstance(name, str):
        return
    targets = attributed_to()
    frame = sys._getframe(2)
    if not targets or reader(frame) in QUIET_READERS or is_plumbing(frame):
        return
    digest = verify_variable(name)
    for target in targets:
        target.env.setdefault(name, digest)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not running:
        return
    if event == "open":
        _note_open(args)
    elif event in _NETWORK or event == "socket.gethostname":
        targets = attributed_to()
        if targets and not is_plumbing(sys._getframe(1)):
            for target in targets:
                target.impure.add("network" if event in _NETWORK else "this process or machine (its name)")
    elif event in _PROGRAMS:
        _note_program()
    elif event in ("os.listdir", "os.scandir"):
        _note_listing(args)
    elif event == "os.mkdir":
        _note_new_folder(args)
    elif event == "sqlite3.connect":
        _note_database(args)


def _note_open(args: tuple[Any, ...]) -> None:
    name = args[0]
    if not isinstance(name, str | bytes | os.PathLike):
        return
    targets = attributed_to()
    frame = sys._getframe(2) if targets else None
    if not targets or is_plumbing(frame):
        return
    path = os.path.abspath(os.fsdecode(name))
    flags = args[2] if isinstance(args[2], int) else 0
    is_ours = is_by_project(frame)
    for target in targets:
        if path in target.added_to:
            target.impure.add(f"a file that it adds to ({os.path.basename(path)})")
        if not flags & WRITING:
            _read(target, path, is_ours=is_ours)
        elif flags & (os.O_TRUNC | os.O_EXCL) or _is_absent(path):
            target.written.add(path)
        elif flags & WRITING == os.O_RDWR:
            _read(target, path, is_ours=is_ours)
        elif not _is_its_own(target, path):
            target.added_to.add(path)


def _note_new_folder(args: tuple[Any, ...]) -> None:
    path = os.path.abspath(os.fsdecode(args[0]))
    if (targets := attributed_to()) and _is_absent(path):
        for target in targets:
            target.written.add(path)


def _is_absent(path: str) -> bool:
    with unwatched():
        return not os.path.lexists(path)


def _is_its_own(target: Observation, path: str) -> bool:
    """Whether a step made a file, or a folder above it, itself."""
    return bool(target.written) and (
        path in target.written or any(path.startswith(f"{each}/") for each in target.written)
    )


def _read(target: Observation, path: str, *, is_ours: bool) -> None:
    """Note that a step reads a file, unless the step itself wrote it."""
    if _is_its_own(target, path):
        return
    if is_ours and path.startswith(MACHINE_FOLDERS) and not path.startswith(QUIET_DEVICES):
        what = "unseeded random" if path.endswith("random") else "this process or machine"
        target.impure.add(f"{what} ({path})")
    elif (
        known := project_name(target.root, path, is_ours=is_ours)
    ) is not None and known not in target.files:
        with unwatched():
            target.files[known] = verify_file(target.root, known)


def note_read(path: str) -> None:
    """Count a file as read by the steps that run here now: for what opens it without Python's knowledge."""
    for target in attributed_to():
        _read(target, os.path.abspath(path), is_ours=True)


def note_folder(path: str) -> None:
    """Count a folder's list of names as read by the steps that run here now."""
    for target in attributed_to():
        _list(target, os.path.abspath(path), is_ours=True)


def note_status(path: str, frame: FrameType | None) -> None:
    """Count as read what a file is: whether it is there, or its size and time too."""
    targets = attributed_to()
    if not targets or is_plumbing(frame):
        return
    names, asker = asked_through(frame)
    if names & PASSING_BY:
        return
    is_ours = is_project(asker)
    end = STATUS if is_ours and not names & ASKING_WHETHER else IS_THERE
    path = os.path.abspath(path)
    for target in targets:
        known = project_name(target.root, path, is_ours=is_ours)
        if known is not None and (is_ours or not os.path.isabs(known)) and not _is_its_own(target, path):
            with unwatched():
                target.files.setdefault(known + end, verify_file(target.root, known + end))


def _note_listing(args: tuple[Any, ...]) -> None:
    name = args[0] if args and args[0] is not None else "."
    if not isinstance(name, str | bytes | os.PathLike):
        return
    targets = attributed_to()
    if not targets or is_plumbing(sys._getframe(2)):
        return
    path = os.path.abspath(os.fsdecode(name))
    is_ours = is_by_project(sys._getframe(2))
    for target in targets:
        _list(target, path, is_ours=is_ours)


def _list(target: Observation, path: str, *, is_ours: bool) -> None:
    known = project_name(target.root, path, is_ours=is_ours)
    # What libraries look for elsewhere (caches, places for scratch files) decides nothing.
    if known is not None and (is_ours or not os.path.isabs(known)) and not _is_its_own(target, path):
        with unwatched():
            folder = f"{known}/"
            target.files.setdefault(folder, verify_file(target.root, folder))


def _note_database(args: tuple[Any, ...]) -> None:
    """SQLite opens its files itself; what waits in the log beside the database counts as well."""
    name = os.fsdecode(args[0]) if isinstance(args[0], str | bytes | os.PathLike) else ""
    targets = attributed_to()
    if not targets or not name or name == ":memory:" or is_plumbing(sys._getframe(2)):
        return
    for target in targets:
        if name.startswith("file:"):
            target.impure.add("a database")
        else:
            for end in ("", "-wal"):
                _read(target, os.path.abspath(name) + end, is_ours=True)


def _note_program() -> None:
    targets = attributed_to()
    if targets and not is_about_speed(sys._getframe(2)):
        for target in targets:
            target.impure.add("another program")
