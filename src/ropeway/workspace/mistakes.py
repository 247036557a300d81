"""What is wrong in a project file, in its own words and with the line where it stands.

msgspec says what does not fit a struct and where; this turns it into what a person would say of the file.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from ropeway.core.errors import did_you_mean
from ropeway.workspace.errors import ProjectInvalid

ANY = "..."
"""Stands for a key that the file's author chose, or an item, in a path such as `labels.….scale`."""

WORDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date such as 2027-03-01",
}


def explain_syntax(path: Path, text: str, reason: str) -> ProjectInvalid:
    """Why the file is not TOML."""
    found = re.search(r"line (\d+)", reason)
    line = int(found[1]) if found else None
    what = re.sub(r" \(at .*\)$", "", reason)
    if what.startswith(("Cannot overwrite", "Cannot declare")):
        # The parser stops behind the second one.
        lines = text.splitlines()[:line]
        line = next((n for n in range(len(lines), 0, -1) if lines[n - 1].strip()), line)
        what = "a setting or table stands here for the second time"
    return ProjectInvalid(path, line, f"this is not TOML: {what}")


def explain(path: Path, text: str, reason: str, root: type[msgspec.Struct]) -> ProjectInvalid:
    """Why the file does not fit the struct that it should be."""
    what, _, place = reason.partition(" - at `$")
    keys = re.findall(r"\[(?:\.\.\.|\d+)\]|[^.\[\]`]+", place)
    keys = [ANY if key.startswith("[") else key for key in keys]
    named = re.search(r"[`']([^`']+)[`']", what)
    name = named[1] if named else ""
    line = _line_of(text, [*keys, name]) if name else None
    line = line or _line_of(text, keys)
    table = ".".join("…" if key == ANY else key for key in keys)
    where = f"[{table}]" if table else "the project file"
    if what.startswith("Object contains unknown field"):
        hint = did_you_mean(name, set(_settings(root)))
        return ProjectInvalid(path, line, f"{where} has no setting '{name}'", hint=hint)
    if what.startswith("Object missing required field"):
        return ProjectInvalid(path, line, f"{where} lacks the setting '{name}'")
    if what.startswith("Invalid enum value"):
        allowed = _allowed(root, keys)
        hint = did_you_mean(name, allowed)
        says = f"'{table}' cannot be '{name}'"
        if keys and keys[-1] == ANY:
            # An item of a list: which one, its own text says.
            *tables, setting = keys[:-1]
            says = f"[{'.'.join(tables)}] {setting} cannot have '{name}'"
        return ProjectInvalid(
            path,
            _line_of(text, keys),
            says,
            hint=hint,
            expected="one of " + ", ".join(allowed),
        )
    typed = re.fullmatch(r"Expected `(.+)`, got `(.+)`", what)
    if typed:
        expected = " or ".join(WORDS.get(each, each) for each in typed[1].split(" | ") if each != "null")
        got = WORDS.get(typed[2], typed[2])
        return ProjectInvalid(path, _line_of(text, keys), f"'{table}' is {got}", expected=expected)
    what, ask, guess = what.partition(" Did you mean")
    says = f"{table + ': ' if table else ''}{what.rstrip('.')}"
    return ProjectInvalid(path, line or _anywhere(text, name), says, hint=ask + guess)


def _line_of(text: str, keys: list[str]) -> int | None:
    """The line of a key, or of the nearest table above it."""
    for depth in range(len(keys), 0, -1):
        found = _find(text, keys[: depth - 1], keys[depth - 1])
        if found is not None:
            return found
    return None


def _find(text: str, head: list[str], last: str) -> int | None:
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+([^\]]+)\]+", line)
        if header:
            table = [part.strip().strip("\"'") for part in header[1].split(".")]
            if _matches([*head, last], table):
                return number
        elif _matches(head, table) and re.match(rf"\s*[\"']?{re.escape(last)}[\"']?\s*=", line):
            return number
    return None


def _anywhere(text: str, name: str) -> int | None:
    """The first line that sets this name, in whatever table."""
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if re.match(rf"\s*{re.escape(name)}\s*=", line)), None)


def _matches(keys: list[str], table: list[str]) -> bool:
    return len(keys) == len(table) and all(key in (ANY, part) for key, part in zip(keys, table, strict=True))


def _settings(root: object) -> Iterator[str]:
    """The name of every setting below a struct."""
    for inner in get_args(root):
        yield from _settings(inner)
    if isinstance(root, type) and issubclass(root, msgspec.Struct):
        for field in msgspec.structs.fields(root):
            yield field.encode_name
            yield from _settings(field.type)


def _allowed(root: type[msgspec.Struct], keys: list[str]) -> list[str]:
    """The values that a setting may have, where it has a list of them."""
    kind: Any = root
    for key in keys:
        # A table that may be absent is the one of the options that holds anything.
        kind = next((each for each in _options(kind) if each is not type(None)), kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = next((each.type for each in msgspec.structs.fields(kind) if each.encode_name == key), None)
        elif get_origin(kind) in (dict, list):
            kind = get_args(kind)[-1]
    options = _options(kind)
    return [str(value) for option in options if get_origin(option) is Literal for value in get_args(option)]


def _options(kind: Any) -> list[Any]:
    return list(get_args(kind)) if get_origin(kind) in (Union, UnionType) else [kind]
