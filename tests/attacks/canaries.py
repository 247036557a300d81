"""Thirty files that would run something if a program loaded them: all that they run is to make a file."""

import base64
import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import msgspec

from ropeway.pipelines.formats import FORMAT


class Canary:
    """Pickled, it is a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.open, (str(self.path), os.O_CREAT | os.O_WRONLY))


def canaries(path: Path) -> dict[str, bytes]:
    """Every kind, by name; loading any of them makes the file `path`."""
    evil = Canary(path)
    plain = pickle.dumps(evil, protocol=2)
    made = {f"pickle protocol {number}": pickle.dumps(evil, protocol=number) for number in range(6)}
    made |= {
        "pickle in a pickle": pickle.dumps(_Again(plain), protocol=4),
        "pickle with a text before": b"# just a comment\n" + plain,
        "pickle, gzip": gzip.compress(plain),
        "pickle, bzip2": bz2.compress(plain),
        "pickle, xz": lzma.compress(plain),
        "pickle, zlib": zlib.compress(plain),
        "pickle in a zip": _zip({"data.pkl": plain}),
        "joblib": _joblib(evil, 0),
        "joblib, compressed": _joblib(evil, 3),
        "npy of objects": _npy(evil),
        "npz of objects": _npz(evil),
        "torch, zip": _zip({"archive/data.pkl": plain, "archive/version": b"3\n"}),
        "torch, before zip": pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(1001) + plain,
        "keras lambda": _zip({"config.json": _keras(path), "metadata.json": b"{}"}),
        "MLmodel loader_module": _zip(
            {"MLmodel": b"flavors:\n  python_function:\n    loader_module: evil\n"}
        ),
        "YAML !!python": f"!!python/object/apply:builtins.open ['{path}', 'w']\n".encode(),
        "YAML !!python/object/new": f"!!python/object/new:os.system ['touch {path}']\n".encode(),
        "python source": f"open({str(path)!r}, 'w')\n".encode(),
        "shell": f"#!/bin/sh\ntouch {path}\n".encode(),
        "marshalled code": marshal.dumps(compile(f"open({str(path)!r}, 'w')", "x", "exec")),
        "cloudpickle": _cloudpickle(path),
    }
    made |= {f"skops {name}": data for name, data in _skops(path).items()}
    made |= {f"our own form around {name}": data for name, data in _ours(evil, path).items()}
    return made


class _Again:
    def __init__(self, inner: bytes) -> None:
        self.inner = inner

    def __reduce__(self) -> tuple[Any, ...]:
        return (pickle.loads, (self.inner,))


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _joblib(evil: Canary, compress: int) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump({"model": evil}, buffer, compress=compress)
    return buffer.getvalue()


def _npy(evil: Canary) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.array([evil], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _npz(evil: Canary) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, data=np.array([evil], dtype=object))
    return buffer.getvalue()


def _keras(path: Path) -> bytes:
    code = base64.b64encode(marshal.dumps(compile(f"open({str(path)!r}, 'w')", "x", "exec"))).decode()
    layer = {
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": code}}},
    }
    return json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}).encode()


def _cloudpickle(path: Path) -> bytes:
    import cloudpickle

    target = str(path)
    return bytes(cloudpickle.dumps(_Call(lambda: os.open(target, os.O_CREAT | os.O_WRONLY))))


class _Call:
    def __init__(self, function: Any) -> None:
        self.function = function

    def __reduce__(self) -> tuple[Any, ...]:
        return (_call, (self.function,))


def _call(function: Any) -> Any:
    return function()


def _text(value: str) -> dict[str, Any]:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def _skops(path: Path) -> dict[str, bytes]:
    """Files in the form of skops whose nodes name a function to be called while they are built."""
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [_text(str(path)), _text("w")],
    }
    names = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    state = {
        "__class__": "dict",
        "__module__": "builtins",
        "__loader__": "DictNode",
        "content": {},
        "key_types": names,
    }
    nodes = {
        "reduce": {
            "__class__": "open",
            "__module__": "builtins",
            "__loader__": "ReduceNode",
            "__reduce__": {"args": arguments},
            "content": state,
        },
        "operator": {
            "__class__": "attrgetter",
            "__module__": "operator",
            "__loader__": "OperatorFuncNode",
            "attrs": arguments,
        },
        "partial": {
            "__class__": "partial",
            "__module__": "functools",
            "__loader__": "PartialNode",
            "content": {
                "func": {
                    "__class__": "open",
                    "__module__": "builtins",
                    "__loader__": "FunctionNode",
                    "content": {"module_path": "builtins", "function": "open"},
                },
                "args": arguments,
                "kwds": state,
                "namespace": state,
            },
        },
        "object": {
            "__class__": "Popen",
            "__module__": "subprocess",
            "__loader__": "ObjectNode",
            "content": state,
        },
        "method": {
            "__class__": "method",
            "__module__": "builtins",
            "__loader__": "MethodNode",
            "content": {"func": "write_text", "obj": _text(str(path))},
        },
    }
    return {
        name: _zip({"schema.json": json.dumps({**node, "protocol": 2, "_skops_version": "0.16.0"}).encode()})
        for name, node in nodes.items()
    }


def _ours(evil: Canary, path: Path) -> dict[str, bytes]:
    nodes: dict[str, Any] = {
        "an array of objects": {"k": "array", "v": _npy(evil)},
        "a sparse matrix": {
            "k": "sparse",
            "type": "csr_matrix",
            "shape": [1, 1],
            "v": {name: _npy(evil) for name in ("data", "indices", "indptr")},
        },
        "a function of scipy": {"k": "sparse", "type": "load_npz", "shape": [1, 1], "v": {}},
        "a pandas column": {
            "k": "pandas",
            "v": {"k": "dict", "v": [["series", {"k": "array", "v": _npy(evil)}]]},
        },
        "an unknown kind": {"k": "pickle", "v": pickle.dumps(evil)},
    }
    nodes |= {f"skops {name}": {"k": "skops", "v": data} for name, data in _skops(path).items()}
    return {name: msgspec.msgpack.encode({"format": FORMAT, "value": node}) for name, node in nodes.items()}
