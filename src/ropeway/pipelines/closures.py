"""What a function carries besides its source: values it closes over, defaults that are no plain ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any

from ropeway.pipelines.askers import PROJECT_PREFIX
from ropeway.pipelines.formats import encode
from ropeway.pipelines.writing import NoFormat

PLAIN = (bool, int, float, str, type(None))


@dataclass(slots=True)
class Carried:
    """What a function carries, by name."""

    values: dict[str, str] = field(default_factory=dict)
    """Digests of what is held; names of what has one that says all."""
    functions: set[tuple[str, str]] = field(default_factory=set)
    """The project's functions and classes among it: module and qualified name."""
    unknown: list[str] = field(default_factory=list)
    """What has no digest."""


def carried(function: Callable[..., Any]) -> Carried:
    """Everything that a function holds on to, through functions that it holds as well."""
    found = Carried()
    _look(function, "", found, set())
    return found


def _look(function: Any, above: str, found: Carried, met: set[int]) -> None:
    if id(function) in met:
        return
    met.add(id(function))
    if not isinstance(function, FunctionType):
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            found.unknown.append(above or "the function itself")
        else:
            _look(inner, above, found, met)
        return
    for name, value in _held(function, is_step=not above):
        full = f"{above}.{name}" if above else name
        if isinstance(value, _Empty):
            found.unknown.append(full)
        else:
            _note(value, full, found, met)


class _Empty:
    """Stands for a variable that has no value yet."""


def _held(function: FunctionType, *, is_step: bool) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, _content(cell)
    for name, value in (function.__kwdefaults__ or {}).items():
        # A step's own plain defaults are its parameters.
        if not is_step or not isinstance(value, PLAIN):
            yield name, value
    for place, value in enumerate(function.__defaults__ or ()):
        yield f"default {place}", value


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _Empty()


def _note(value: Any, name: str, found: Carried, met: set[int]) -> None:
    if isinstance(value, ModuleType):
        found.values[name] = f"module {_told(value.__name__)}"
        return
    if isinstance(value, FunctionType | BuiltinFunctionType | type) or hasattr(value, "__wrapped__"):
        module = str(getattr(value, "__module__", None) or "")
        found.values[name] = f"{_told(module)}.{value.__qualname__}"
        if module.startswith(PROJECT_PREFIX):
            found.functions.add((_told(module), value.__qualname__))
        if not isinstance(value, BuiltinFunctionType | type):
            _look(value, name, found, met)
        return
    try:
        encoded = encode(value)
    except NoFormat:
        found.unknown.append(name)
        return
    if encoded.has_project_types:
        found.unknown.append(name)
    found.values[name] = f"{type(value).__name__} {encoded.content}"


def _told(module: str) -> str:
    """A module's name without this load's prefix, which differs from run to run."""
    return module.partition(".")[2] if module.startswith(PROJECT_PREFIX) else module
