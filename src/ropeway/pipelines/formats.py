"""Values as bytes in formats that are safe to load, and the canonical digest of what they hold.

Frames as Arrow, arrays as `.npy`, scikit-learn estimators by skops, and plain values (numbers, text, lists,
tuples, sets, maps, dates) around them as a MessagePack tree. Nothing here ever pickles: a value without a
safe form is said to have none, and why.

The content digest is of what a value holds, not of the file: two files of one model give one digest.
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import blake3
import msgspec

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest

if TYPE_CHECKING:
    from ropeway.pipelines.code import Code

FORMAT = "ropeway-value-1"
MAX_DEPTH = 100
INT64 = 2**63

Node = Any  # what MessagePack holds: None, bool, int, float, str, bytes, or {"k": kind, …}


class NoFormat(Exception):
    """A value that has no safe form; the text says why."""


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


@dataclass(slots=True)
class Trust:
    """Whose types may be loaded: skops' own, the reviewed list, and these."""

    extra: tuple[str, ...] = ()
    code: "Code | None" = None
    """The project's own code, whose classes a value may hold."""


@dataclass(slots=True)
class _Writing:
    """One encoding: a running digest and what was met."""

    trust: Trust
    hasher: Any = field(default_factory=blake3.blake3)
    has_project_types: bool = False

    def note(self, *parts: bytes | str) -> None:
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            # Length first: ("ab", "c") and ("a", "bc") must differ.
            self.hasher.update(len(raw).to_bytes(8, "little"))
            self.hasher.update(raw)


def encode(value: Any, trust: Trust | None = None) -> Encoded:
    """A value as bytes, with its content digest.

    Raises:
        NoFormat: it, or something in it, has no safe form.

    Example:
        >>> encode({"mean": 1.5}).kind
        'map'
    """
    writing = _Writing(trust or Trust())
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


def kind_of(value: Any) -> str:
    """What a value is, in one word for people."""
    for name, belongs in (
        ("frame", is_polars),
        ("frame", _is_pandas),
        ("array", _is_numpy),
        ("sparse", _is_sparse),
    ):
        if belongs(value):
            return name
    if is_estimator(value):
        return "estimator"
    names = {
        dict: "map",
        list: "list",
        tuple: "list",
        bytes: "bytes",
        str: "text",
        bool: "flag",
        type(None): "nothing",
    }
    return names.get(type(value), "number" if isinstance(value, int | float) else type(value).__name__)


def row_count(value: Any) -> int | None:
    """How many rows a value has; None when the question does not apply (a map, a tuple, a number)."""
    if is_polars(value) or _is_pandas(value) or isinstance(value, list):
        return len(value)
    if _is_numpy(value) or _is_sparse(value):
        return int(value.shape[0]) if value.ndim else None
    return None


def _write(value: Any, writing: _Writing, depth: int) -> Node:
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


def _write_dict(value: dict[Any, Any], writing: _Writing, depth: int) -> Node:
    writing.note("dict", str(len(value)))
    pairs = [
        [_write(key, writing, depth + 1), _write(each, writing, depth + 1)] for key, each in value.items()
    ]
    return {"k": "dict", "v": pairs}


def _write_set(value: Any, writing: _Writing, depth: int) -> Node:
    # A set has no order: its members' own digests give it one.
    members = []
    for each in value:
        inner = _Writing(writing.trust)
        members.append((inner, _write(each, inner, depth + 1)))
    members.sort(key=lambda pair: str(pair[0].hasher.hexdigest()))
    writing.note(type(value).__name__, *(inner.hasher.hexdigest() for inner, _ in members))
    return {"k": type(value).__name__, "v": [node for _, node in members]}


def _write_scalar(value: Any, writing: _Writing) -> Node:
    kind = type(value).__name__
    text = repr(value.total_seconds()) if isinstance(value, timedelta) else str(value)
    if isinstance(value, timedelta):
        text = f"{value.days},{value.seconds},{value.microseconds}"
    elif isinstance(value, datetime | date | time):
        zone = getattr(value, "tzinfo", None)
        if zone is not None and not str(zone).startswith("UTC"):
            raise NoFormat(f"a {kind} in the zone {zone}: turn it into UTC")
        text = value.isoformat()
    writing.note(kind, text)
    return {"k": kind, "v": text}


def is_mutable(value: Any) -> bool:
    """Whether a step could change this value under the hands of others, and a look would be cheap."""
    return type(value) in (dict, list, set, tuple) or any(
        belongs(value) for belongs in (_is_numpy, _is_pandas, _is_sparse)
    )


def is_polars(value: Any) -> bool:
    """Whether it is a polars frame or series."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.DataFrame | polars.Series)


def _is_lazy(value: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.LazyFrame)


def _is_pandas(value: Any) -> bool:
    # Another thread may be importing it at this moment: then a part of it is not there yet.
    pandas = sys.modules.get("pandas")
    kinds = [getattr(pandas, name, None) for name in ("DataFrame", "Series")]
    return any(kind is not None and isinstance(value, kind) for kind in kinds)


def _is_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return type(value) is getattr(numpy, "ndarray", None)


def _is_numpy_scalar(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    generic = getattr(numpy, "generic", None)
    return generic is not None and isinstance(value, generic)


def _is_sparse(value: Any) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and hasattr(sparse, "issparse") and bool(sparse.issparse(value))


def is_estimator(value: Any) -> bool:
    """Whether it is an estimator of scikit-learn, or of a library that follows it."""
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    return base is not None and isinstance(value, base)


def _refuse_lazy(_value: Any, _writing: _Writing) -> Node:
    raise NoFormat("a LazyFrame is a query, not a result: return .collect()")


def _write_polars(value: Any, writing: _Writing) -> Node:
    import polars as pl

    is_series = isinstance(value, pl.Series)
    frame = value.to_frame() if is_series else value
    if any(_holds_objects(kind) for kind in frame.dtypes):
        raise NoFormat("a polars column of Python objects has no safe format")
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
    kind = "polars-series" if is_series else "polars"
    # The height is said apart: a frame without columns has one.
    writing.note(kind, str(frame.height), repr(list(frame.schema.items())))
    for column in frame:
        _note_column(column, writing)
    return {"k": kind, "v": buffer.getvalue(), "rows": frame.height}


def _note_column(column: Any, writing: _Writing) -> None:
    """Digest a column's values: not its buffers, which keep traces of how it was made."""
    import polars as pl

    if column.null_count():
        # What stands under a null is left over from whatever was there before, and says nothing.
        writing.note(column.is_null().cast(pl.UInt8).to_numpy().tobytes())
    kind = column.dtype
    if kind.is_nested():
        buffer = io.BytesIO()
        column.rechunk().to_frame().write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
        writing.note(buffer.getvalue())
    elif kind == pl.Boolean:
        writing.note(column.fill_null(value=False).cast(pl.UInt8).to_numpy().tobytes())
    elif kind.is_numeric() and not kind.is_decimal() and "128" not in str(kind):
        writing.note(column.fill_null(0).to_numpy().tobytes())
    elif kind.is_temporal():
        writing.note(column.to_physical().fill_null(0).to_numpy().tobytes())
    else:
        text = (column.bin.encode("hex") if kind == pl.Binary else column.cast(pl.String)).fill_null("")
        writing.note(text.str.len_bytes().to_numpy().tobytes(), text.str.join("").item() if len(text) else "")


def _holds_objects(kind: Any) -> bool:
    import polars as pl

    if isinstance(kind, pl.Struct):
        return any(_holds_objects(each.dtype) for each in kind.fields)
    inner = getattr(kind, "inner", None)
    return bool(kind == pl.Object) or (inner is not None and _holds_objects(inner))


def _array_bytes(array: Any) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _write_numpy(value: Any, writing: _Writing) -> Node:
    if value.dtype.hasobject:
        if value.dtype != object:
            raise NoFormat("a structured array with Python objects has no safe format")
        writing.note("objects", str(value.shape))
        return {
            "k": "objects",
            "shape": list(value.shape),
            "v": [_write(each, writing, 1) for each in value.flat],
        }
    data = _array_bytes(value)
    writing.note("array", data)
    return {"k": "array", "v": data}


def _write_numpy_scalar(value: Any, writing: _Writing) -> Node:
    import numpy as np

    data = _array_bytes(np.asarray(value))
    writing.note("scalar", data)
    return {"k": "scalar", "v": data}


_SPARSE_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}


_SPARSE_TYPES = frozenset(f"{form}_{kind}" for form in _SPARSE_PARTS for kind in ("matrix", "array"))


def _write_sparse(value: Any, writing: _Writing) -> Node:
    names = _SPARSE_PARTS.get(value.format)
    if names is None or value.ndim != 2:
        raise NoFormat(f"a sparse {value.format} matrix has no safe format: return .tocsr()")
    kind = type(value).__name__
    parts = {name: _array_bytes(getattr(value, name)) for name in names}
    writing.note("sparse", kind, str(value.shape), *parts.values())
    return {"k": "sparse", "type": kind, "shape": list(value.shape), "v": parts}


def _write_estimator(value: Any, writing: _Writing) -> Node:
    from ropeway.pipelines import estimators

    dumped = estimators.dump(value, writing.trust)
    writing.has_project_types |= dumped.has_project_types
    writing.note("skops", dumped.content)
    return {"k": "skops", "v": dumped.data}


def _write_pandas(value: Any, writing: _Writing) -> Node:
    from ropeway.pipelines import pandas_format

    node = pandas_format.write(value)
    writing.note("pandas")
    return {"k": "pandas", "v": _write(node, writing, 1)}


_WRITERS = (
    (is_polars, _write_polars),
    (_is_lazy, _refuse_lazy),
    (_is_numpy, _write_numpy),
    (_is_numpy_scalar, _write_numpy_scalar),
    (_is_sparse, _write_sparse),
    (_is_pandas, _write_pandas),
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
        return _read_polars(kind, value, node["rows"])
    if kind in ("array", "scalar", "objects", "sparse"):
        return _read_array(kind, node, trust)
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


def _read_polars(kind: str, data: bytes, rows: int) -> Any:
    import polars as pl

    frame = pl.read_ipc(io.BytesIO(data), use_pyarrow=False)
    if frame.width == 0 and rows:
        frame = pl.DataFrame(height=rows)
    return frame.to_series() if kind == "polars-series" else frame


def _read_array(kind: str, node: dict[str, Any], trust: Trust) -> Any:
    import numpy as np

    if kind == "objects":
        array = np.empty(len(node["v"]), dtype=object)
        for index, each in enumerate(_read_all(node["v"], trust)):
            array[index] = each
        return array.reshape(node["shape"])
    if kind == "sparse":
        return _read_sparse(node)
    array = np.load(io.BytesIO(node["v"]), allow_pickle=False)
    return array[()] if kind == "scalar" else array


def _read_sparse(node: dict[str, Any]) -> Any:
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


def digest_of_parts(*parts: str) -> Digest:
    """One digest of several texts."""
    return digest_bytes(b"".join(len(part).to_bytes(8, "little") + part.encode() for part in parts))
