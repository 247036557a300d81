"""numpy's arrays and numbers as `.npy`, and sparse matrices as several of them. Nothing here unpickles."""

import io
from typing import Any

from ropeway.pipelines.writing import Node, NoFormat, Writing

_SPARSE_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
_SPARSE_TYPES = frozenset(f"{form}_{kind}" for form in _SPARSE_PARTS for kind in ("matrix", "array"))


def write(value: Any, writing: Writing) -> Node:
    """An array of anything but Python objects."""
    data = _bytes(value)
    writing.note("array", data)
    return {"k": "array", "v": data}


def write_scalar(value: Any, writing: Writing) -> Node:
    """A number of numpy's."""
    import numpy as np

    data = _bytes(np.asarray(value))
    writing.note("scalar", data)
    return {"k": "scalar", "v": data}


def write_sparse(value: Any, writing: Writing) -> Node:
    """A sparse matrix, by its parts.

    Raises:
        NoFormat: it is of a form that is not kept.
    """
    names = _SPARSE_PARTS.get(value.format)
    if names is None or value.ndim != 2:
        raise NoFormat(f"a sparse {value.format} matrix has no safe format: return .tocsr()")
    kind = type(value).__name__
    parts = {name: _bytes(getattr(value, name)) for name in names}
    writing.note("sparse", kind, str(value.shape), *parts.values())
    return {"k": "sparse", "type": kind, "shape": list(value.shape), "v": parts}


def read(kind: str, node: dict[str, Any]) -> Any:
    """The array or number that was written."""
    import numpy as np

    array = np.load(io.BytesIO(node["v"]), allow_pickle=False)
    return array[()] if kind == "scalar" else array


def read_sparse(node: dict[str, Any]) -> Any:
    """The matrix that `write_sparse` wrote.

    Raises:
        ValueError: it is of no kind that is known.
    """
    import numpy as np
    from scipy import sparse

    if node["type"] not in _SPARSE_TYPES:
        raise ValueError(f"{str(node['type'])[:80]!r} is no kind of sparse matrix")
    made = getattr(sparse, node["type"])
    parts = {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in node["v"].items()}
    shape = tuple(node["shape"])
    if "indptr" in parts:
        return made((parts["data"], parts["indices"], parts["indptr"]), shape=shape)
    if "row" in parts:
        return made((parts["data"], (parts["row"], parts["col"])), shape=shape)
    return made((parts["data"], parts["offsets"]), shape=shape)


def _bytes(array: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
