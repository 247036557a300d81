"""Whether a model of ONNX has weights in other files: such a path would be opened where this process runs.

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
    "tensor": {},
}
"""Of each message, the fields that hold others of these."""
_OF_FILES = (13, 14)
"""A tensor's fields that say in which file its numbers are."""
_OTHER_FORM = b"ORTM"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    number: int
    value: int
    part: memoryview | None


def names_files(data: bytes) -> bool:
    """Whether a tensor anywhere in a model is in another file.

    Raises:
        ValueError: it is no model of ONNX.
    """
    if data[4:8] == _OTHER_FORM:
        raise ValueError("it is in onnxruntime's own form")
    waiting = [("model", memoryview(data))]
    while waiting:
        kind, message = waiting.pop()
        for field in _fields(message):
            if kind == "tensor" and field.number in _OF_FILES and (field.part is not None or field.value):
                return True
            held = _HOLDS[kind].get(field.number)
            if held is not None and field.part is not None:
                waiting.append((held, field.part))
    return False


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
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
