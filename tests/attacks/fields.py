"""Every string of every operation's arguments, found in the signatures: new operations are covered."""

import types
import typing
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec
from tests.models.models_packages import TABLE

from ropeway.core.ids import DatasetName, Digest, ModelName, PersonId, PredictionId, RunId
from ropeway.workspace.operation import Operation

SENSIBLE: dict[Any, str] = {
    Digest: TABLE,
    RunId: "run_000000000001",
    DatasetName: "tweets",
    ModelName: "sentiment",
    PersonId: "person_000000000001",
    PredictionId: "p0000000000000000000000000",
}
BY_NAME = {
    "ref": "sentiment@1",
    "reference": "tweets@v1",
    "before": "tweets@v1",
    "name": "sentiment",
    "model": "sentiment",
    "dataset": "tweets",
    "environment": "production",
    "run": "run_000000000001",
    "grace": "1d",
    "lasts": "1d",
    "subject": "dataset:tweets@v1",
}
Path = tuple[str | int, ...]


class Field(NamedTuple):
    """A place for a string in an operation's arguments, which are fine but for what stands there."""

    operation: Operation[..., Any]
    path: Path
    arguments: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.operation.name} {'.'.join(map(str, self.path))}"

    def filled(self, text: str) -> dict[str, Any]:
        """The arguments with this text in that place."""
        filled = msgspec.json.decode(msgspec.json.encode(self.arguments))
        at = filled
        for part in self.path[:-1]:
            at = at[part]
        if self.path[-1] == KEY:
            at[text] = at.pop(next(iter(at)))
        else:
            at[self.path[-1]] = text
        return filled


KEY = "(key)"
"""Stands for the name in a map of names."""


def fields_of(operation: Operation[..., Any]) -> Iterator[Field]:
    """Every place of an operation's arguments where a string may stand."""
    known = msgspec.structs.fields(operation.arguments)
    needed = {each.name: sensible(each.type, each.name) for each in known if each.required}
    for each in known:
        arguments = {**needed, each.name: sensible(each.type, each.name)}
        for path in _places(arguments[each.name], (each.name,)):
            yield Field(operation, path, arguments)


def sensible(hint: Any, name: str = "", depth: int = 0) -> Any:
    """A value of a type that an operation might well be given."""
    if hint in SENSIBLE:
        return SENSIBLE[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return sensible(inner[0], name, depth)
    if origin in (Union, types.UnionType):
        members = [each for each in inner if each is not type(None)]
        return sensible(next((each for each in members if each is str), members[0]), name, depth)
    if origin is typing.Literal:
        return inner[0]
    if origin in (list, set, frozenset):
        return [sensible(inner[0], name, depth + 1)]
    if origin is tuple:
        return [sensible(each, name, depth + 1) for each in inner if each is not Ellipsis]
    if origin is dict:
        return {str(sensible(inner[0], name)): sensible(inner[1], "", depth + 1)}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, depth)
    moment = "2026-01-02T00:00:00Z" if name == "end" else "2026-01-01T00:00:00Z"
    plain = {bool: False, int: 1, float: 1.0, datetime: moment}
    return plain[hint] if hint in plain else BY_NAME.get(name, "x")


def _struct(hint: type[msgspec.Struct], depth: int) -> Any:
    known = msgspec.structs.fields(hint)
    values = {each.encode_name: sensible(each.type, each.name, depth + 1) for each in known if depth < 6}
    if hint.__struct_config__.tag is not None:
        values[hint.__struct_config__.tag_field or "type"] = hint.__struct_config__.tag
    return list(values.values()) if hint.__struct_config__.array_like else values


def _places(value: Any, path: Path) -> Iterator[Path]:
    """Where strings stand in a value of JSON."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _places(each, (*path, number))
    elif isinstance(value, dict):
        if len(value) == 1:
            yield (*path, KEY)
        for name, each in value.items():
            yield from _places(each, (*path, name))
