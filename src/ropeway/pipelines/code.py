"""A project's code, loaded into namespaces of its own: two versions of one file live in one process.

Modules of the project run with an `__import__` of their own, which resolves project names to this load's
modules and all others as usual. They stand in `sys.modules` under a prefix that is unique to the load
(`_ropeway_7.pipeline`), so that dataclasses, type hints and safe formats find them, and so that no other code
can meet them by accident.

Limit: other processes (joblib's workers) cannot import these names; a function sent there must be pickled by
value.
"""

import builtins
import contextlib
import importlib.util
import itertools
import linecache
import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ropeway.pipelines.askers import PROJECT_PREFIX
from ropeway.pipelines.decorators import Mark, collecting
from ropeway.pipelines.errors import PipelineBroken, PipelineMissing
from ropeway.pipelines.observe import watching
from ropeway.pipelines.probes import install_numpy, install_polars
from ropeway.pipelines.watched import Observation, is_watching, loading_library, note, unwatched

SKIPPED_FOLDERS = frozenset(("node_modules", "__pycache__", "venv", "site-packages"))

_loads = itertools.count(1)


class Files(Protocol):
    """Where code comes from: names relative to the project, with `/`."""

    folder: Path

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None when it is not there."""
        ...

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder of this name with Python files in it, at any depth."""
        ...


class LiveFiles:
    """The files of a project folder as they are now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def has_folder(self, name: str) -> bool:
        """Whether it is a folder with Python files in it."""
        folder = self.folder / name
        return folder.is_dir() and any(folder.rglob("*.py"))


class PackedFiles:
    """The files of a package, in memory; written to a private folder only when some are data.

    Data files are found through `__file__`, or by `open` with a name relative to the project.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)
        self._made: Path | None = None
        if any(not name.endswith(".py") for name in files):
            self._made = Path(tempfile.mkdtemp(prefix="ropeway-code-"))
            for name, data in files.items():
                path = self._made / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self.folder = self._made or Path("/ropeway-package")

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None."""
        return self._files.get(name)

    def has_folder(self, name: str) -> bool:
        """Whether any Python file is in this folder."""
        return any(each.startswith(f"{name}/") and each.endswith(".py") for each in self._files)

    def close(self) -> None:
        """Remove the private folder."""
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)


@dataclass(slots=True)
class LoadedModule:
    """One module of a load: where it came from, and what reading it touched."""

    name: str
    path: str
    source: bytes
    module: ModuleType
    seen: Observation
    """What was used while it was read."""
    uses: set[str] = field(default_factory=set)
    """The project's modules that were asked for meanwhile."""


class Code:
    """A project's code, loaded.

    Args:
        files: where modules come from.
        entry: the pipeline file, relative to the project.

    Raises:
        PipelineMissing: the entry is not there.
        PipelineBroken: it, or a module that it imports, raises; shows the user's own frames.
    """

    def __init__(self, files: Files, entry: str) -> None:
        self.files = files
        self.entry = entry
        self.prefix = f"{PROJECT_PREFIX}{next(_loads)}"
        self.modules: dict[str, LoadedModule] = {}
        self.marks: list[Mark] = []
        self.seen = Observation(files.folder)
        """What was used while the entry, and all that it imports, was read: every step rests on it."""
        self._reading: list[LoadedModule] = []
        self._lock = threading.RLock()
        folder = entry.rpartition("/")[0]
        self._places = [f"{folder}/", ""] if folder else [""]
        self._builtins = {**vars(builtins), "__import__": self._import, "open": self._open}
        self._names: dict[str, str] = {}
        self._found: dict[str, tuple[str, bool] | None] = {}
        self._load_entry()

    def find(self, name: str) -> tuple[str, bool] | None:
        """The file of a project module and whether it is a package; None when it is not the project's."""
        if name not in self._found:
            # Looking for a module is our own doing: it belongs to no step.
            with unwatched():
                self._found[name] = self._find(name.replace(".", "/"))
        return self._found[name]

    def _find(self, tail: str) -> tuple[str, bool] | None:
        for place in self._places:
            if self.files.read(f"{place}{tail}.py") is not None:
                return f"{place}{tail}.py", False
            if self.files.read(f"{place}{tail}/__init__.py") is not None:
                return f"{place}{tail}/__init__.py", True
            # As in Python, a folder without `__init__.py` stands behind every real package of its name.
            if self.files.has_folder(f"{place}{tail}") and not ("/" not in tail and _is_installed(tail)):
                return f"{place}{tail}/", True
        return None

    def source(self, path: str) -> bytes:
        """The bytes of a module's file: those that were executed, where it is loaded."""
        executed = next((module.source for module in self.modules.values() if module.path == path), None)
        return executed if executed is not None else self.files.read(path) or b""

    def filename(self, path: str) -> str:
        """The name under which tracebacks show a file of this load."""
        return str(self.files.folder / path)

    def frames(self, error: BaseException) -> str:
        """The traceback of an error, shortened to the project's own frames."""
        mine = {self.filename(module.path): module.path for module in self.modules.values()}
        lines: list[str] = []
        for frame in traceback.extract_tb(error.__traceback__):
            path = mine.get(frame.filename) or self._names.get(frame.filename)
            if path is not None:
                lines.append(f"  {path}:{frame.lineno} in {frame.name}")
                if frame.line:
                    lines.append(f"    {frame.line}")
        return "\n".join(lines)

    def close(self) -> None:
        """Forget the modules. Functions that are still held go on working."""
        for name in self.modules:
            sys.modules.pop(f"{self.prefix}.{name}", None)
        sys.modules.pop(self.prefix, None)
        close = getattr(self.files, "close", None)
        if close is not None:
            close()

    def _load_entry(self) -> None:
        if self.files.read(self.entry) is None:
            others = (
                [path.name for path in self.files.folder.glob("*.py")] if self.files.folder.is_dir() else []
            )
            raise PipelineMissing(self.entry, others)
        root = ModuleType(self.prefix)
        root.__path__ = []
        sys.modules[self.prefix] = root
        token = collecting.set(self.marks)
        try:
            self._load(self.entry.rpartition("/")[2].removesuffix(".py"), self.entry, is_package=False)
            # Modules that are imported later, inside a step, belong to the steps that import them.
            for module in self.modules.values():
                self.seen.merge(module.seen)
        # The user's module may raise anything, SystemExit included; what it raised is shown, and nothing of
        # ours runs on.
        except (Exception, SystemExit) as error:
            self.close()
            raise PipelineBroken(self.entry, say_error(error), self._where(error)) from error
        finally:
            collecting.reset(token)

    def _where(self, error: BaseException) -> str:
        if isinstance(error, SyntaxError) and error.filename:
            path = self._names.get(error.filename, error.filename)
            return f"  {path}:{error.lineno}\n    {(error.text or '').strip()}"
        return self.frames(error)

    def _import(
        self, name: str, globals: Mapping[str, Any] | None = None, locals: Any = None,  # noqa: A002
        fromlist: Any = (), level: int = 0,
    ) -> ModuleType:  # fmt: skip
        """`__import__` of the project's modules: same contract as the built-in one."""
        absolute = name
        if level:
            package = str((globals or {}).get("__package__") or self.prefix)
            absolute = importlib.util.resolve_name("." * level + name, package)
            absolute = absolute.removeprefix(self.prefix).lstrip(".")
        top = absolute.partition(".")[0]
        if not top or (top not in self.modules and (top == "ropeway" or self.find(top) is None)):
            if is_watching() and not _is_loaded(name, fromlist or ()):
                with loading_library():
                    imported = builtins.__import__(name, globals, locals, fromlist, level)
            else:
                imported = builtins.__import__(name, globals, locals, fromlist, level)
            if top == "polars":
                # Before the project holds any of its functions under a name of its own.
                install_polars()
            elif top == "numpy":
                install_numpy()
            return imported
        module = self.require(absolute)
        if not fromlist:
            return self.modules[top].module if not level else module
        for wanted in fromlist:
            if wanted != "*" and not hasattr(module, wanted) and self.find(f"{absolute}.{wanted}"):
                self.require(f"{absolute}.{wanted}")
        return module

    def require(self, name: str) -> ModuleType:
        """A module of the project, loaded with the packages above it."""
        with self._lock:
            parts = name.split(".")
            parent: ModuleType | None = None
            for depth in range(1, len(parts) + 1):
                full = ".".join(parts[:depth])
                if full not in self.modules:
                    found = self.find(full)
                    if found is None:
                        raise ModuleNotFoundError(f"No module named '{full}' in the project", name=full)
                    token = collecting.set(self.marks if collecting.get() is not None else None)
                    try:
                        self._load(full, found[0], is_package=found[1])
                    finally:
                        collecting.reset(token)
                    if parent is not None:
                        setattr(parent, parts[depth - 1], self.modules[full].module)
                parent = self.modules[full].module
                if self._reading:
                    self._reading[-1].uses.add(full)
            self._note_use(name)
            assert parent is not None
            return parent

    def _note_use(self, name: str) -> None:
        """Whoever imports a module rests on what was used when it was read, be it long ago."""
        parts = name.split(".")
        waiting, met = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)], set[str]()
        while waiting:
            each = waiting.pop()
            if each not in met and each in self.modules:
                met.add(each)
                note(self.modules[each].seen)
                waiting.extend(self.modules[each].uses)

    def _load(self, name: str, path: str, *, is_package: bool) -> None:
        with unwatched():
            source = b"" if path.endswith("/") else self.files.read(path) or b""
        module = ModuleType(f"{self.prefix}.{name}")
        filename = self.filename(path)
        self._names[filename] = path
        module.__file__ = filename
        module.__package__ = module.__name__ if is_package else module.__name__.rpartition(".")[0]
        if is_package:
            module.__path__ = []
        module.__dict__["__builtins__"] = self._builtins
        seen = Observation(self.files.folder)
        read = self.modules[name] = LoadedModule(name, path, source, module, seen)
        sys.modules[module.__name__] = module
        if isinstance(self.files, PackedFiles):
            text = source.decode("utf-8", "replace")
            linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        try:
            code = compile(source, filename, "exec", dont_inherit=True)
            self._reading.append(read)
            with watching(seen):
                exec(code, module.__dict__)  # noqa: S102  running the project's own code is what a pipeline is
        # Whatever the module raised, a half-read one must not stay importable; it goes on its way.
        except BaseException:
            sys.modules.pop(module.__name__, None)
            del self.modules[name]
            raise
        finally:
            if self._reading and self._reading[-1] is read:
                self._reading.pop()

    def _open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """`open` that takes a relative name as the project's, wherever the process was started."""
        if isinstance(file, str | os.PathLike) and "r" in mode and "+" not in mode:
            asked = Path(file)
            inside = self.files.folder / asked
            # What is nowhere is missed in the project, so that the step runs again once it is there.
            with unwatched():
                is_inside = inside.exists()
                is_missed = is_inside or not asked.exists()
            if not asked.is_absolute() and is_missed:
                file = inside
            elif not asked.is_absolute():
                # It counts that the project has none: one that appears there goes before.
                inside.exists()
        return builtins.open(file, mode, *args, **kwargs)  # noqa: PTH123  it stands for `open`


def _is_loaded(name: str, fromlist: Iterable[str]) -> bool:
    """Whether an import would read nothing new."""
    module = sys.modules.get(name)
    return module is not None and all(each == "*" or hasattr(module, each) for each in fromlist)


def _is_installed(name: str) -> bool:
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def say_error(error: BaseException) -> str:
    """An error in one line, as Python would print it."""
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


@contextlib.contextmanager
def loaded(files: Files, entry: str) -> Iterator[Code]:
    """Load code for a while; its modules are forgotten at the end."""
    code = Code(files, entry)
    try:
        yield code
    finally:
        code.close()
