"""What configures each step: the function's default, under `[params]`, under `--set`."""

import inspect
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from ropeway.pipelines.errors import BadOverride, BadParameter, ParameterMissing, UnknownParameter
from ropeway.pipelines.graph import Graph, Step

Scalar = bool | int | float | str
PROJECT_FILE = "ropeway.toml [params]"
COMMAND_LINE = "--set"


def parse_overrides(texts: Iterable[str]) -> dict[str, Scalar]:
    """`c=0.5` or `classifier.c=0.5` as names and texts; the types come from the functions.

    Raises:
        BadOverride: a text is not NAME=VALUE.
    """
    overrides: dict[str, Scalar] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BadOverride(text)
        overrides[name.strip()] = value.strip()
    return overrides


def resolve_parameters(
    graph: Graph,
    configured: Mapping[str, Scalar],
    overrides: Mapping[str, Scalar],
    *,
    only: Collection[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """The value of every parameter of every step.

    Args:
        graph: the steps.
        configured: `[params]` of the project file; `c` is for every step that has it, `step.c` for one.
        overrides: the same from the command line, which go before; texts are read as the parameter's type.
        only: the steps that are of interest; all when absent.

    Raises:
        UnknownParameter: a name that no step has.
        BadParameter: a value of another type than the annotation or the default.
        ParameterMissing: no default and no value.
    """
    known = _names(graph)
    for source, given in ((PROJECT_FILE, configured), (COMMAND_LINE, overrides)):
        for name in given:
            if name not in known:
                raise UnknownParameter(name, known, source)
    resolved: dict[str, dict[str, Any]] = {}
    for step in graph.steps.values():
        if only is not None and step.name not in only:
            continue
        values: dict[str, Any] = {}
        for name, parameter in step.settings.items():
            values[name] = _value(step, parameter, configured, overrides)
        resolved[step.name] = values
    return resolved


def flat(resolved: Mapping[str, Mapping[str, Any]]) -> dict[str, Scalar]:
    """All values for a run's record: `c` where every step that has it agrees, else `step.c`."""
    by_name: dict[str, dict[str, Any]] = {}
    for step, values in resolved.items():
        for name, value in values.items():
            by_name.setdefault(name, {})[step] = value
    params: dict[str, Scalar] = {}
    for name, values in by_name.items():
        distinct = {repr(value) for value in values.values()}
        for step, value in values.items():
            plain = value if isinstance(value, bool | int | float | str) else repr(value)
            params[name if len(distinct) == 1 else f"{step}.{name}"] = plain
    return params


def _names(graph: Graph) -> list[str]:
    short = dict.fromkeys(name for step in graph.steps.values() for name in step.settings)
    full = [f"{step.name}.{name}" for step in graph.steps.values() for name in step.settings]
    return [*short, *full]


def _value(
    step: Step,
    parameter: inspect.Parameter,
    configured: Mapping[str, Scalar],
    overrides: Mapping[str, Scalar],
) -> Any:
    full = f"{step.name}.{parameter.name}"
    for source, given in ((COMMAND_LINE, overrides), (PROJECT_FILE, configured)):
        for name in (full, parameter.name):
            if name in given:
                return _convert(step, parameter, given[name], source)
    if parameter.default is inspect.Parameter.empty:
        raise ParameterMissing(step.name, parameter.name)
    return parameter.default


def _convert(step: Step, parameter: inspect.Parameter, value: Scalar, source: str) -> Any:
    """The value in the parameter's type; only text from the command line is read leniently."""
    wanted = _wanted(step, parameter)
    is_text = source == COMMAND_LINE and isinstance(value, str)
    try:
        return msgspec.convert(value, wanted, strict=not is_text)
    except msgspec.ValidationError:
        raise BadParameter(step.name, parameter.name, value, _says(wanted, parameter), source) from None


def _wanted(step: Step, parameter: inspect.Parameter) -> Any:
    """The annotation if it is one that values can be checked by, else the default's type."""
    function = inspect.unwrap(step.mark.function)
    try:
        annotation = typing.get_type_hints(function).get(parameter.name)
        if annotation is not None and annotation is not Any:
            msgspec.json.Decoder(annotation)
            return annotation
    # An annotation may be any expression, and evaluating the text of one may raise anything.
    except Exception:  # noqa: BLE001, S110
        pass
    default = parameter.default
    if isinstance(default, bool | int | float | str):
        return type(default)
    return bool | int | float | str | None


def _says(wanted: Any, parameter: inspect.Parameter) -> str:
    name = getattr(wanted, "__name__", None) or str(wanted).replace("typing.", "")
    default = (
        "" if parameter.default is inspect.Parameter.empty else f", such as its default {parameter.default!r}"
    )
    return f"a value of type {name}{default}"
