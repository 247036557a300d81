"""Which other files a model of ONNX has its weights in: such a path would be opened where this process runs.

What opens the model takes a path in it as one below the folder that the process is in, and earlier releases
as any. So whoever wrote the model could have a file of this machine told in its answers.

Read without ONNX's own library: protobuf's wire format, and of the schema where tensors can be.
"""

from collections.abc import Iterator
from typing import NamedTuple

_HOLDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
}
"""Of each message, the fields that hold others of these."""
_EXTERNAL, _LOCATION = 13, 14
"""A tensor's fields that say in which file its numbers are."""
_OTHER_FORM = b"ORTM"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    value: int
    part: memoryview | None


def files_named(data: bytes) -> set[str]:
    """The files that tensors anywhere in a model say their numbers are in; "" where one says none.

    Raises:
        ValueError: it is no model of ONNX.
    """
    if data[4:8] == _OTHER_FORM:
        raise ValueError("it is in onnxruntime's own form")
    waiting = [("model", memoryview(data))]
    named: set[str] = set()
    while waiting:
        kind, message = waiting.pop()
        if kind == "tensor":
            named |= _files_of(message)
            continue
        for field in _fields(message):
            held = _HOLDS[kind].get(field.number)
            if held is not None and field.part is not None:
                waiting.append((held, field.part))
    return named


def _files_of(tensor: memoryview) -> set[str]:
    """The files of one tensor. A key may be said twice, and then each counts."""
    is_elsewhere = False
    named = set()
    for field in _fields(tensor):
        if field.number == _LOCATION and (field.value or field.part is not None):
            is_elsewhere = True
        elif field.number == _EXTERNAL and field.part is not None:
            is_elsewhere = True
            pair = list(_fields(field.part))
            if any(each.number == 1 and bytes(each.part or b"") == b"location" for each in pair):
                named |= {str(each.part or b"", "utf-8", "replace") for each in pair if each.number == 2}
    return named or {""} if is_elsewhere else set()


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        # Its own reader drops what is above 32 bits, and would take it for another field.
        if tag >> 32:
            raise ValueError("a field of an unknown kind, with a number that is too large")
        number, wire, value = tag >> 3, tag & 7, 0
        part = None
        if wire == _VARINT:
            value, at = _varint(message, at)
        elif wire == _BYTES:
            length, at = _varint(message, at)
            part, at = message[at : at + length], at + length
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"a field of an unknown kind, {wire}")
        if at > len(message):
            raise ValueError("it is cut off")
        yield _Field(number, value, part)


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("it is cut off")
