"""What a step touches while it runs: files, variables, network, other programs, global random state.

One audit hook and one recording class for `os.environ`, installed at the first run of this process. They do
nothing but look at a context variable while no step is being watched. What raises no audit event is told by
`probes`; what those miss as well (other native readers) `narrow` finds in the syntax tree.
"""

# ruff: noqa: PTH100, PTH116, PTH117, PTH118, PTH119, PTH206, PTH208  runs at every `open`

import contextlib
import importlib
import os
import stat
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from ropeway.core.hashing import digest_bytes, digest_file, digest_json

DRAWS = "unseeded random"
ANY_VARIABLE = "*"
"""Stands for the names of all environment variables: a step went through them."""

# Libraries that read variables about threads, paths and terminals: they change speed, not results.
QUIET_READERS = frozenset(
    [
        "joblib",
        "sklearn",
        "numpy",
        "scipy",
        "threadpoolctl",
        "polars",
        "pandas",
        "tempfile",
        "subprocess",
        "ntpath",
        "locale",
        "gettext",
        "ropeway",
        "rich",
        "click",
        "multiprocessing",
        "concurrent",
        "site",
        "sysconfig",
        "ssl",
        "webbrowser",
        "platform",
        "shutil",
        "pathlib",
    ]
)
QUIET_FOLDERS = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/opt/conda/")
MACHINE_FOLDERS = ("/proc/", "/sys/", "/dev/")
QUIET_DEVICES = ("/dev/null", "/dev/shm/", "/dev/std", "/dev/fd/", "/dev/tty")  # noqa: S108  a prefix to compare with
OWN_FOLDERS = frozenset((".ropeway", ".git"))
SKIPPED_FOLDERS = frozenset(("__pycache__", "site-packages", "node_modules", ".venv", "venv"))
IS_THERE = " (whether it is there)"
STATUS = " (its size and time)"
"""Ends of names in `Observation.files` that stand for what a file is, not for what it holds."""
# Modules between a caller and the system: who called them is of interest.
PATH_MODULES = frozenset(
    (
        "os",
        "posixpath",
        "genericpath",
        "pathlib",
        "io",
        "codecs",
        "ropeway.pipelines.code",
        "ropeway.pipelines.probes",
    )
)
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
STACK_DEPTH = 80
NEAR = 4
PROJECT_PREFIX = "_ropeway_"
"""How modules of a project are called while they are loaded; see `code`."""

_NETWORK = frozenset(
    ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
)
_PROGRAMS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty")
)


@dataclass(slots=True)
class Observation:
    """What one step, or one module while it was read, was seen to use."""

    root: Path
    files: dict[str, str | None] = field(default_factory=dict)
    """Path (relative inside the project) to digest; None: it was looked for and absent."""
    env: dict[str, str | None] = field(default_factory=dict)
    """Name to digest of the value; None: it was not set."""
    impure: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    """Files that it made itself, from nothing."""
    added_to: set[str] = field(default_factory=set)
    states: dict[str, Any] = field(default_factory=dict)
    """The global generators as they were when it began."""

    def merge(self, other: "Observation") -> None:
        """Take over what another saw."""
        self.files |= other.files
        self.env |= other.env
        self.impure |= other.impure


_watching: ContextVar[Observation | None] = ContextVar("ropeway_watching", default=None)
_is_ours: ContextVar[bool] = ContextVar("ropeway_own_work", default=False)
_by_id: dict[int, Observation] = {}
_lock = threading.Lock()
_installed = False


@contextlib.contextmanager
def watching(observation: Observation) -> Iterator[Observation]:
    """Attribute to `observation` what this thread, and threads started meanwhile by libraries, use."""
    install()
    token = _watching.set(observation)
    with _lock:
        _by_id[id(observation)] = observation
    observation.states = _random_states()
    try:
        yield observation
    finally:
        _watching.reset(token)
        with _lock:
            del _by_id[id(observation)]
        after = _random_states()
        for name, state in observation.states.items():
            if after[name] != state:
                observation.impure.add(f"{DRAWS} ({name}'s global state)")
        # What a module does when it is first imported inside a step belongs to that step as well.
        if (outer := _watching.get()) is not None:
            outer.merge(observation)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Work of our own, whose files belong to no step."""
    token, own = _watching.set(None), _is_ours.set(True)
    try:
        yield
    finally:
        _watching.reset(token)
        _is_ours.reset(own)


def note(seen: Observation) -> None:
    """Count what was seen before as used by the steps that run here now."""
    for target in _targets():
        target.merge(seen)


def is_watching() -> bool:
    """Whether any step is watched in this process."""
    return bool(_by_id)


@contextlib.contextmanager
def loading_library() -> Iterator[None]:
    """What a library draws while it is loaded, once a process, is of no account to the step that loads it."""
    before = _random_states()
    yield
    after = _random_states()
    with _lock:
        for watched in _by_id.values():
            for name, state in before.items():
                if watched.states.get(name) == state:
                    watched.states[name] = after[name]


def note_impure(what: str) -> None:
    """Say of the steps that run here now why their results must not be kept."""
    for target in _targets():
        target.impure.add(what)


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


def verify_file(root: Path, name: str) -> str | None:
    """The digest of a file now; None when absent. A name with `/` at its end is a folder."""
    bare = name.removesuffix(IS_THERE).removesuffix(STATUS)
    path = os.path.join(root, bare)
    try:
        if name.endswith("/"):
            return digest_json(sorted(os.listdir(path)))
        found = os.stat(path)
        kind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
        if name.endswith(IS_THERE):
            return kind
        if name.endswith(STATUS):
            size = f" {found.st_size}" if kind == "file" else ""
            return f"{kind} {found.st_mode:o}{size} {found.st_mtime_ns}"
        if kind != "file":
            return kind
        return digest_file(Path(path)) if found.st_size else digest_bytes(b"")
    except (OSError, ValueError):
        return None


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


def _targets() -> list[Observation]:
    """Whose step this is; a library's own thread has no context, so every running step answers for it."""
    own = _watching.get()
    if own is not None:
        return [own]
    if not _by_id or _is_ours.get() or threading.current_thread() is threading.main_thread():
        return []
    with _lock:
        return list(_by_id.values())


def _note_variable(name: Any) -> None:
    if not _by_id or not isinstance(name, str):
        return
    targets = _targets()
    frame = sys._getframe(2)
    if not targets or _reader(frame) in QUIET_READERS or is_plumbing(frame):
        return
    digest = verify_variable(name)
    for target in targets:
        target.env.setdefault(name, digest)


def _reader(frame: FrameType | None) -> str:
    """The package that asked, past the standard library's own plumbing."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package == "posixpath" and frame.f_code.co_name != "expandvars":
            return "pathlib"
        if package not in ("os", "_collections_abc", "collections", "posixpath"):
            return package
        frame = frame.f_back
    return ""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _by_id:
        return
    if event == "open":
        _note_open(args)
    elif event in _NETWORK or event == "socket.gethostname":
        targets = _targets()
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
    targets = _targets()
    frame = sys._getframe(2) if targets else None
    if not targets or is_plumbing(frame):
        return
    path = os.path.abspath(os.fsdecode(name))
    flags = args[2] if isinstance(args[2], int) else 0
    is_ours = _is_by_project(frame)
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
    if (targets := _targets()) and _is_absent(path):
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
    for target in _targets():
        _read(target, os.path.abspath(path), is_ours=True)


def note_folder(path: str) -> None:
    """Count a folder's list of names as read by the steps that run here now."""
    for target in _targets():
        _list(target, os.path.abspath(path), is_ours=True)


def note_status(path: str, frame: FrameType | None) -> None:
    """Count as read what a file is: whether it is there, or its size and time too."""
    targets = _targets()
    if not targets or is_plumbing(frame):
        return
    names: set[str] = set()
    while frame is not None and _is_path_module(str(frame.f_globals.get("__name__", ""))):
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    if names & PASSING_BY:
        return
    is_ours = _is_by_project(frame)
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
    targets = _targets()
    if not targets or is_plumbing(sys._getframe(2)):
        return
    path = os.path.abspath(os.fsdecode(name))
    is_ours = _is_by_project(sys._getframe(2))
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
    targets = _targets()
    if not targets or not name or name == ":memory:" or is_plumbing(sys._getframe(2)):
        return
    for target in targets:
        if name.startswith("file:"):
            target.impure.add("a database")
        else:
            for end in ("", "-wal"):
                _read(target, os.path.abspath(name) + end, is_ours=True)


def _is_path_module(name: str) -> bool:
    # Since Python 3.13 pathlib is a package: `pathlib._local`.
    return name in PATH_MODULES or name.startswith("pathlib.")


def _is_by_project(frame: FrameType | None) -> bool:
    """Whether the project's own code asked, past what stands between it and the system."""
    while frame is not None and _is_path_module(str(frame.f_globals.get("__name__", ""))):
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__", "")).startswith(PROJECT_PREFIX)


def _note_program() -> None:
    targets = _targets()
    frame: FrameType | None = sys._getframe(2) if targets else None
    for _ in range(STACK_DEPTH):
        if frame is None:
            break
        # joblib asks `lscpu` for the number of cores: that changes speed, not results.
        if frame.f_code.co_filename.startswith("<frozen importlib") or str(
            frame.f_globals.get("__name__", "")
        ).partition(".")[0] in ("joblib", "threadpoolctl"):
            return
        frame = frame.f_back
    for target in targets:
        target.impure.add("another program")


def is_plumbing(frame: FrameType | None) -> bool:
    """Whether Python or a library reads for itself: on import, or lines for a traceback.

    What a library reads while it is imported is read once a process, by whichever step comes first; it is
    covered by the library's version.
    """
    for depth in range(STACK_DEPTH):
        if frame is None:
            return False
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return True
        if depth < NEAR and name.endswith(("/linecache.py", "/tokenize.py")):
            return True
        if str(frame.f_globals.get("__name__", "")).startswith(PROJECT_PREFIX):
            return False
        frame = frame.f_back
    return False


def project_name(root: Path, path: str, *, is_ours: bool = False) -> str | None:
    """How a file is called in a key: relative inside the project; None when it does not count.

    Args:
        root: the project's folder.
        path: absolute.
        is_ours: the project's own code asked: then the system's files count too.
    """
    relative = os.path.relpath(path, root)
    if relative == ".." or relative.startswith("../"):
        return None if path.startswith(_installations() if is_ours else _quiet_folders()) else path
    return None if _is_skipped(relative) or path.startswith(_installations_in(root)) else relative


def _is_skipped(relative: str) -> bool:
    parts = relative.split(os.sep)
    return parts[0] in OWN_FOLDERS or not SKIPPED_FOLDERS.isdisjoint(parts)


@cache
def _installations() -> tuple[str, ...]:
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    return tuple(place.rstrip("/") + "/" for place in places if place and place != "/usr")


@cache
def _quiet_folders() -> tuple[str, ...]:
    return (*QUIET_FOLDERS, *_installations())


@cache
def _installations_in(root: Path) -> tuple[str, ...]:
    """Python installations that stand in a project's folder."""
    return tuple(place for place in _installations() if place.startswith(f"{root}/"))


def _random_states() -> dict[str, Any]:
    """The state of the global generators that are loaded."""
    states: dict[str, Any] = {}
    if (standard := sys.modules.get("random")) is not None:
        states["random"] = standard.getstate()
    # While numpy is being imported, its generator is not there yet.
    if (numpy := sys.modules.get("numpy.random")) is not None and hasattr(numpy, "get_state"):
        _, keys, position, *gauss = numpy.get_state(legacy=True)
        states["numpy.random"] = (keys.tobytes(), position, tuple(gauss))
    return states
