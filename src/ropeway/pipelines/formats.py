"""Values as bytes in formats that are safe to load, and the canonical digest of what they hold.

Frames as Arrow, arrays as `.npy`, scikit-learn estimators by skops, and plain values (numbers, text, lists,
tuples, sets, maps, dates) around them as a MessagePack tree. Nothing here ever pickles: a value without a
safe form is said to have none, and why.

The content digest is of what a value holds, not of the file: two files of one model give one digest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ropeway.core.ids import Digest
from ropeway.pipelines import array_format, polars_format
from ropeway.pipelines.value_kinds import (
    is_estimator,
    is_lazy,
    is_numpy,
    is_numpy_scalar,
    is_pandas,
    is_polars,
    is_sparse,
    kind_of,
)
from ropeway.pipelines.writing import Node, NoFormat, Trust, Writing

FORMAT = "ropeway-value-1"
MAX_DEPTH = 100
INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as bytes."""

    data: bytes
    content: Digest
    """The canonical digest of what the value holds."""
    kind: str
    """What it is, in words: "frame", "estimator" …"""
    has_project_types: bool = False
    """Whether its meaning depends on classes or functions of the project's own code."""


def encode(value: Any, trust: Trust | None = None) -> Encoded:
    """A value as bytes, with its content digest.

    Raises:
        NoFormat: it, or something in it, has no safe form.

    Example:
        >>> encode({"mean": 1.5}).kind
        'map'
    """
    writing = Writing(trust or Trust())
    node = _write(value, writing, 0)
    data = msgspec.msgpack.encode({"format": FORMAT, "value": node})
    return Encoded(data, Digest(writing.hasher.hexdigest()), kind_of(value), writing.has_project_types)


def decode(data: bytes, trust: Trust | None = None) -> Any:
    """The value that `encode` wrote.

    Raises:
        UntrustedTypes: an estimator in it holds types that nobody has reviewed.
        ValueError: these bytes are not such a value.
    """
    document = msgspec.msgpack.decode(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("these bytes are not a value that Ropeway wrote")
    return _read(document["value"], trust or Trust())


def _write(value: Any, writing: Writing, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise NoFormat("it is nested more than 100 deep, or holds itself")
    plain = type(value)
    if value is None or plain in (bool, str, float):
        writing.note(plain.__name__, repr(value) if plain is not str else value)
        return value if plain is not str else _text(value)
    if plain is int:
        writing.note("int", str(value))
        return value if -INT64 <= value < INT64 else {"k": "int", "v": str(value)}
    if plain is bytes:
        writing.note("bytes", value)
        return value
    if plain in (list, tuple):
        writing.note(plain.__name__, str(len(value)))
        return {"k": plain.__name__, "v": [_write(each, writing, depth + 1) for each in value]}
    if plain is dict:
        return _write_dict(value, writing, depth)
    if plain in (set, frozenset):
        return _write_set(value, writing, depth)
    if plain in (datetime, date, time, timedelta, Decimal):
        return _write_scalar(value, writing)
    for belongs, write in _WRITERS:
        if belongs(value):
            return write(value, writing)
    raise NoFormat(f"a {plain.__module__}.{plain.__qualname__} has no safe format")


def _text(value: str) -> Node:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"k": "surrogates", "v": value.encode("utf-8", "surrogatepass")}
    return value


def _write_dict(value: dict[Any, Any], writing: Writing, depth: int) -> Node:
    writing.note("dict", str(len(value)))
    pairs = [
        [_write(key, writing, depth + 1), _write(each, writing, depth + 1)] for key, each in value.items()
    ]
    return {"k": "dict", "v": pairs}


def _write_set(value: Any, writing: Writing, depth: int) -> Node:
    # A set has no order: its members' own digests give it one.
    members = []
    for each in value:
        inner = Writing(writing.trust)
        members.append((inner, _write(each, inner, depth + 1)))
    members.sort(key=lambda pair: str(pair[0].hasher.hexdigest()))
    writing.note(type(value).__name__, *(inner.hasher.hexdigest() for inner, _ in members))
    return {"k": type(value).__name__, "v": [node for _, node in members]}


def _write_scalar(value: Any, writing: Writing) -> Node:
    kind = type(value).__name__
    text = str(value)
    if isinstance(value, timedelta):
        text = f"{value.days},{value.seconds},{value.microseconds}"
    elif isinstance(value, datetime | date | time):
        zone = getattr(value, "tzinfo", None)
        if zone is not None and not str(zone).startswith("UTC"):
            raise NoFormat(f"a {kind} in the zone {zone}: turn it into UTC")
        text = value.isoformat()
    writing.note(kind, text)
    return {"k": kind, "v": text}


def _write_numpy(value: Any, writing: Writing) -> Node:
    if value.dtype.hasobject:
        if value.dtype != object:
            raise NoFormat("a structured array with Python objects has no safe format")
        writing.note("objects", str(value.shape))
        return {
            "k": "objects",
            "shape": list(value.shape),
            "v": [_write(each, writing, 1) for each in value.flat],
        }
    return array_format.write(value, writing)


def _write_estimator(value: Any, writing: Writing) -> Node:
    from ropeway.pipelines import estimators

    dumped = estimators.dump(value, writing.trust)
    writing.has_project_types |= dumped.has_project_types
    writing.note("skops", dumped.content)
    return {"k": "skops", "v": dumped.data}


def _write_pandas(value: Any, writing: Writing) -> Node:
    from ropeway.pipelines import pandas_format

    node = pandas_format.write(value)
    writing.note("pandas")
    return {"k": "pandas", "v": _write(node, writing, 1)}


_WRITERS = (
    (is_polars, polars_format.write),
    (is_lazy, polars_format.refuse_lazy),
    (is_numpy, _write_numpy),
    (is_numpy_scalar, array_format.write_scalar),
    (is_sparse, array_format.write_sparse),
    (is_pandas, _write_pandas),
    (is_estimator, _write_estimator),
)


def _read(node: Node, trust: Trust) -> Any:
    if not isinstance(node, dict):
        return node
    kind, value = node["k"], node["v"]
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](_read_all(value, trust))
    if kind == "dict":
        return {_read(key, trust): _read(each, trust) for key, each in value}
    if kind in _SCALARS:
        return _SCALARS[kind](value)
    if kind in ("polars", "polars-series"):
        return polars_format.read(kind, value, node["rows"])
    if kind in ("array", "scalar"):
        return array_format.read(kind, node)
    if kind == "objects":
        return _read_objects(node, trust)
    if kind == "sparse":
        return array_format.read_sparse(node)
    if kind == "skops":
        from ropeway.pipelines import estimators

        return estimators.load(value, trust)
    if kind == "pandas":
        from ropeway.pipelines import pandas_format

        return pandas_format.read(_read(value, trust))
    raise ValueError(f"unknown kind of value {kind!r}")


def _read_all(nodes: list[Node], trust: Trust) -> Iterator[Any]:
    return (_read(each, trust) for each in nodes)


def _timedelta(text: str) -> timedelta:
    days, seconds, microseconds = (int(part) for part in text.split(","))
    return timedelta(days, seconds, microseconds)


_CONTAINERS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_SCALARS: dict[str, Any] = {
    "int": int,
    "surrogates": lambda data: data.decode("utf-8", "surrogatepass"),
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": _timedelta,
    "Decimal": Decimal,
}


def _read_objects(node: dict[str, Any], trust: Trust) -> Any:
    import numpy as np

    array = np.empty(len(node["v"]), dtype=object)
    for index, each in enumerate(_read_all(node["v"], trust)):
        array[index] = each
    return array.reshape(node["shape"])
