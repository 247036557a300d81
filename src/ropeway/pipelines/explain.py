"""Why a step would run: the first difference against the last time."""

from collections.abc import Mapping

from ropeway.pipelines.cache import KeyParts, Remembered, Verifier
from ropeway.pipelines.graph import Step
from ropeway.pipelines.narrow import LEVEL, WHOLE
from ropeway.pipelines.touched_files import IS_THERE, STATUS


def why(parts: KeyParts, last: Remembered | None, seen: Verifier, step: Step) -> str:
    """The first difference between a step's key now and the last time, in words.

    Args:
        parts: what its key is made of now.
        last: the last time; None when it never ran here.
        seen: the files and variables as they are now.
        step: the step.
    """
    if last is None:
        return "never ran here"
    reason = _changed(parts, last, seen, step)
    if reason:
        return reason
    return f"is not cached: {last.uncached}" if last.uncached else "its result is no longer in the cache"


def _changed(parts: KeyParts, last: Remembered, seen: Verifier, step: Step) -> str:
    before = last.parts
    reason = _changed_source(before, parts, step)
    if reason:
        return reason
    for name, old, new in _differences(before.files, parts.files):
        return _file(name, old, new)
    files = last.variant.files if last.variant is not None else {}
    variables = last.variant.env if last.variant is not None else {}
    for name, old in files.items():
        if (new := seen.file(name)) != old:
            return _file(name, old, new)
    for name, _, _ in _differences(before.env, parts.env):
        return f"env {name} changed"
    for name, old in variables.items():
        if seen.variable(name) != old:
            return f"env {name} changed"
    for name, old, new in _differences(before.packages, parts.packages):
        return f"package {name} {old or 'was not there'} → {new or 'is not there'}"
    if before.python != parts.python:
        return f"python {before.python} → {parts.python}"
    for name, _, _ in _differences(before.inputs, parts.inputs):
        return f"input `{name}` changed"
    return ""


def _changed_source(before: KeyParts, parts: KeyParts, step: Step) -> str:
    for name, old, new in _differences(before.params, parts.params):
        return f"parameter {name}: {_plain(old)} → {_plain(new)}"
    for name, old, new in _differences(before.code, parts.code):
        return _code(name, old, new, step)
    for name, _, _ in _differences(before.held, parts.held):
        return f"the value of `{name}`, which its function carries, changed"
    return ""


def _differences(
    before: Mapping[str, str | None], now: Mapping[str, str | None]
) -> list[tuple[str, str | None, str | None]]:
    names = [*now, *(name for name in before if name not in now)]
    gone = object()
    return [
        (name, before.get(name), now.get(name))
        for name in names
        if before.get(name, gone) != now.get(name, gone)
    ]


def _code(name: str, old: str | None, new: str | None, step: Step) -> str:
    module, _, definition = name.rpartition(".")
    if name.endswith(LEVEL):
        return f"module-level code of `{name.removesuffix('.' + LEVEL)}` changed"
    if name.endswith(WHOLE):
        return f"module `{name.removesuffix('.' + WHOLE)}` changed"
    shown = definition if definition == step.name else name
    if old is None:
        return f"code: it now uses `{module}.{definition}`"
    return f"code: it no longer uses `{name}`" if new is None else f"code of `{shown}` changed"


def _file(name: str, old: str | None, new: str | None) -> str:
    kind = "folder" if name.endswith("/") else "file"
    name = name.removesuffix(IS_THERE).removesuffix(STATUS)
    return f"{kind} {name} " + ("appeared" if old is None else "is gone" if new is None else "changed")


def _plain(value: str | None) -> str:
    """A parameter as it was kept ("float 1.0") without its type."""
    return "nothing" if value is None else value.partition(" ")[2]
