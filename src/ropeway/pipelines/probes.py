"""Probes: functions that tell nobody when they are called, replaced by ones that do.

Clock, chance, the process, what a file is (not what it holds), and the readers of polars raise no audit
event. Each is put in place once a process, calls the original, and does no more than look at a flag while no
step is watched. What it tells goes to `observe`, and is kept by `watched`.
"""

# ruff: noqa: PTH111, PTH118, PTH120, PTH207  paths as polars is given them

import functools
import glob
import linecache
import os
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from ropeway.pipelines import observe
from ropeway.pipelines.askers import PROJECT_PREFIX, is_plumbing
from ropeway.pipelines.watched import is_watching, note_impure

CLOCKS = (
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "thread_time",
    "thread_time_ns",
    "clock_gettime",
    "clock_gettime_ns",
)
# These tell the time only when they are not given one; with how many arguments they are.
SHOWING_TIME = {"localtime": 1, "gmtime": 1, "ctime": 1, "asctime": 1, "strftime": 2}
PROCESS = ("getpid", "getppid", "times", "getlogin", "getloadavg")
# The standard library's own doors to the clock: who calls them asks for the time.
TELLERS = frozenset(("email.utils", "wsgiref.handlers", "http.server"))
# Copies of generators are made by filling a new one: that it drew for itself first is of no account.
COPIERS = frozenset(("copy", "copyreg", "pickle", "numpy.random._pickle"))
NATIVE_READER = re.compile(r"(read|scan)_(?!database)[a-z_]+")
DRAWING = {"DataFrame": ("sample",), "Series": ("sample", "shuffle"), "Expr": ("sample", "shuffle")}
_SEEDED = re.compile(r"RandomState\(\s*(?:seed\s*=\s*)?(?P<seed>[A-Za-z_]\w*)?\s*(?P<end>[),]?)")

Function = Callable[..., Any]


def install() -> None:
    """Put the probes of the standard library in place; once a process."""
    for name in CLOCKS:
        _replace(time, name, lambda original, name: _teller(original, f"clock (time.{name})"))
    for name, enough in SHOWING_TIME.items():
        _replace(
            time,
            name,
            lambda original, name, enough=enough: _teller(original, f"clock (time.{name})", enough),
        )
    for name in PROCESS:
        _replace(os, name, lambda original, name: _teller(original, f"this process or machine (os.{name})"))
    for name in ("stat", "lstat"):
        _replace(os, name, lambda original, _: _status(original))
    _replace(os, "access", lambda original, _: _status(original))
    _replace(os, "fstat", lambda original, _: _teller(original, "what an open file is (os.fstat)"))
    _replace(os, "urandom", lambda original, _: _entropy(original))
    _replace(random, "_urandom", lambda original, _: _entropy(original))
    _replace(random.Random, "__init__", lambda original, _: _generator(original, "random.Random"))


def install_numpy() -> None:
    """Put the probes of numpy in place, where it is loaded."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None and hasattr(numpy, "default_rng"):
        _replace(numpy, "default_rng", lambda original, _: _generator(original, "numpy.random.default_rng"))


def install_polars() -> None:
    """Put the probes of polars in place, where it is loaded."""
    polars = sys.modules.get("polars")
    if polars is None or not hasattr(polars, "read_csv"):
        return
    for name in dir(polars):
        if NATIVE_READER.fullmatch(name):
            _replace(polars, name, lambda original, _: _reader(original))
    for owner, names in DRAWING.items():
        for name in names:
            _replace(getattr(polars, owner), name, _draw)


def _replace(owner: Any, name: str, make: Callable[..., Function]) -> None:
    original = getattr(owner, name, None)
    if original is None or hasattr(original, "_ropeway_probe"):
        return
    probe = make(original, name)
    probe._ropeway_probe = True  # type: ignore[attr-defined]
    # Libraries ask whether a function of `os` can do a thing by looking for it in these.
    for each in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids"):
        able = getattr(os, each)
        if owner is os and original in able:
            able.add(probe)
    setattr(owner, name, probe)


def _is_told(frame: FrameType | None) -> bool:
    """Whether the project's own code asks, or a door of the standard library that it went through."""
    name = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return name.startswith(PROJECT_PREFIX) or name in TELLERS


def _teller(original: Function, what: str, enough: int | None = None) -> Function:
    """A probe of a function whose answer differs from call to call, unless it is given enough arguments."""

    @functools.wraps(original)
    def told(*args: Any, **kwargs: Any) -> Any:
        asks = enough is None or len(args) < enough
        if is_watching() and asks and _is_told(sys._getframe(1)):
            note_impure(what)
        return original(*args, **kwargs)

    return told


def _generator(original: Function, name: str) -> Function:
    """A probe of what makes a generator: without a seed it draws one from the system."""
    place = 1 if name == "random.Random" else 0

    @functools.wraps(original)
    def made(*args: Any, **kwargs: Any) -> Any:
        given = [*args[place:], *kwargs.values()]
        is_unseeded = not given or given[0] is None
        if is_unseeded and is_watching() and _is_told(sys._getframe(1)):
            note_impure(f"unseeded random ({name} without a seed)")
        return original(*args, **kwargs)

    return made


def _entropy(original: Function) -> Function:
    """A probe of the system's own chance."""

    @functools.wraps(original)
    def drawn(*args: Any, **kwargs: Any) -> bytes:
        if is_watching():
            _judge_entropy(sys._getframe(1))
        data: bytes = original(*args, **kwargs)
        return data

    return drawn


def _judge_entropy(frame: FrameType | None) -> None:
    """Say that a step draws, unless a library draws for its own ends or to make a seeded generator."""
    is_numpy = frame is not None and frame.f_code.co_name == "getrandbits"
    while frame is not None and str(frame.f_globals.get("__name__")) in ("random", "uuid", "secrets"):
        is_numpy &= frame.f_globals.get("__name__") == "random"
        frame = frame.f_back
    name = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    if is_numpy and frame is not None:
        # numpy makes a RandomState from nothing before it seeds it.
        if name not in COPIERS and not _is_seeded_state(frame) and not is_plumbing(frame):
            note_impure("unseeded random (a generator of numpy without a seed)")
    elif name.startswith(PROJECT_PREFIX):
        note_impure("unseeded random (the system's own)")


def _is_seeded_state(frame: FrameType) -> bool:
    found = _SEEDED.search(linecache.getline(frame.f_code.co_filename, frame.f_lineno))
    if found is None:
        return False
    seed = found["seed"]
    if seed is None or not found["end"]:
        return found["end"] != ")"
    return seed != "None" and frame.f_locals.get(seed, frame.f_globals.get(seed, ...)) is not None


def _status(original: Function) -> Function:
    """A probe of what tells of a file whether it is there, its size and its times."""

    @functools.wraps(original)
    def told(path: Any, *args: Any, **kwargs: Any) -> Any:
        if is_watching() and isinstance(path, str | bytes | os.PathLike):
            observe.note_status(os.fsdecode(path), sys._getframe(1))
        return original(path, *args, **kwargs)

    return told


def _reader(original: Function) -> Function:
    """A probe of a polars reader, which opens files without Python's knowledge."""

    @functools.wraps(original)
    def read(*args: Any, **kwargs: Any) -> Any:
        if is_watching():
            source = args[0] if args else kwargs.get("source")
            for each in source if isinstance(source, list | tuple) else [source]:
                if isinstance(each, str | os.PathLike):
                    _note_source(os.fspath(each))
        return original(*args, **kwargs)

    return read


def _note_source(name: str) -> None:
    if "://" in name:
        note_impure("network")
        return
    path = os.path.expanduser(name)
    if Path(path).is_dir():
        path = os.path.join(path, "**")
    if not glob.has_magic(path):
        observe.note_read(path)
        return
    found = sorted(glob.glob(path, recursive=True))
    for folder in {os.path.dirname(each) or "." for each in [*found, path.partition("*")[0]]}:
        observe.note_folder(folder)
    for each in found:
        if Path(each).is_file():
            observe.note_read(each)


def _draw(original: Function, name: str) -> Function:
    """A probe of what draws rows: polars' own generator cannot be looked at."""

    @functools.wraps(original)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        has_place = name == "shuffle" and len(args) > 1 and args[1] is not None
        if is_watching() and kwargs.get("seed") is None and not has_place:
            note_impure(f"unseeded random (.{name}() without a seed)")
        return original(*args, **kwargs)

    return drawn
