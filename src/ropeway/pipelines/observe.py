"""What a step touches while it runs: files, variables, network, other programs, global random state.

One audit hook and one recording class for `os.environ`, installed at the first run of this process. They do
nothing but look at a context variable while no step is being watched. Files that native code opens (polars'
`read_csv`) raise no audit event: `narrow` finds those in the syntax tree.
"""

# ruff: noqa: PTH100, PTH113, PTH206  runs at every `open` of the process, where pathlib is slow

import contextlib
import importlib
import os
import sys
import sysconfig
import tempfile
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
        "posixpath",
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
QUIET_FOLDERS = ("/proc", "/sys", "/dev", "/etc", "/usr", "/opt/conda")
WRITING = os.O_WRONLY | os.O_RDWR
STACK_DEPTH = 80
NEAR = 4
PROJECT_PREFIX = "_ropeway_"
"""How modules of a project are called while they are loaded; see `code`."""

_NETWORK = frozenset(("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"))
_PROGRAMS = frozenset(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"))


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
    before = _random_states()
    try:
        yield observation
    finally:
        _watching.reset(token)
        with _lock:
            del _by_id[id(observation)]
        after = _random_states()
        for name, state in before.items():
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


def install() -> None:
    """Install hook and recorder, once a process."""
    global _installed
    with _lock:
        if _installed:
            return
        sys.addaudithook(_hook)
        os.environ.__class__ = _WatchedEnviron
        _installed = True


def load_generators() -> None:
    """Load the global random generators: of one that a step loads, nobody sees a first draw."""
    importlib.import_module("random")
    importlib.import_module("numpy.random")


def verify_file(root: Path, name: str) -> str | None:
    """The digest of a file now; None when absent. A name with `/` at its end is a folder."""
    path = root / name
    try:
        if name.endswith("/"):
            return digest_json(sorted(entry.name for entry in os.scandir(path)))
        return digest_file(path) if path.stat().st_size else digest_bytes(b"")
    except OSError:
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
    if not targets or _reader(frame) in QUIET_READERS or _is_plumbing(frame):
        return
    digest = verify_variable(name)
    for target in targets:
        target.env.setdefault(name, digest)


def _reader(frame: FrameType | None) -> str:
    """The package that asked, past the standard library's own plumbing."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in ("os", "_collections_abc", "collections"):
            return package
        frame = frame.f_back
    return ""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _by_id:
        return
    if event == "open":
        _note_open(args)
    elif event in _NETWORK:
        targets = _targets()
        if targets and not _is_plumbing(sys._getframe(1)):
            for target in targets:
                target.impure.add("network")
    elif event in _PROGRAMS:
        _note_program()
    elif event in ("os.listdir", "os.scandir"):
        _note_listing(args)


def _note_open(args: tuple[Any, ...]) -> None:
    name = args[0]
    if not isinstance(name, str | bytes | os.PathLike):
        return
    targets = _targets()
    if not targets or _is_plumbing(sys._getframe(2)):
        return
    path = os.path.abspath(os.fsdecode(name))
    writes = isinstance(args[2], int) and args[2] & WRITING
    for target in targets:
        if writes:
            target.written.add(path)
        elif path not in target.written and (known := project_name(target.root, path)) is not None:
            with unwatched():
                target.files.setdefault(known, verify_file(target.root, known))


def _note_listing(args: tuple[Any, ...]) -> None:
    name = args[0] if args and args[0] is not None else "."
    if not isinstance(name, str | bytes | os.PathLike):
        return
    targets = _targets()
    if not targets or _is_plumbing(sys._getframe(2)):
        return
    path = os.path.abspath(os.fsdecode(name))
    for target in targets:
        relative = os.path.relpath(path, target.root)
        if relative == "." or (not relative.startswith("..") and not _is_hidden(relative)):
            with unwatched():
                folder = f"{relative}/"
                target.files.setdefault(folder, verify_file(target.root, folder))


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


def _is_plumbing(frame: FrameType | None) -> bool:
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


def project_name(root: Path, path: str) -> str | None:
    """How a file is called in a key: relative inside the project; None when it does not count."""
    relative = os.path.relpath(path, root)
    if not relative.startswith(".."):
        return None if _is_hidden(relative) else relative
    if path.startswith(_quiet_folders()) or not os.path.isfile(path):
        return None
    return path


def _is_hidden(relative: str) -> bool:
    parts = relative.split(os.sep)
    return any(part.startswith(".") and part != "." for part in parts[:-1]) or "__pycache__" in parts


@cache
def _quiet_folders() -> tuple[str, ...]:
    places = {sys.prefix, sys.base_prefix, tempfile.gettempdir(), *sysconfig.get_paths().values()}
    return (*QUIET_FOLDERS, *(place.rstrip("/") + "/" for place in places if place))


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
