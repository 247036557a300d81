"""What an `MLmodel` file says: which flavor reads the model, from which file, and what it takes.

Only data comes out of it: nothing that it names is imported, and no path in it leads out of the package.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from ropeway.core.plain_yaml import read_yaml
from ropeway.models.adopting.errors import PackageUnreadable

LARGEST_BYTES = 1 << 20
TYPES = {
    "boolean": "Boolean",
    "integer": "Int32",
    "long": "Int64",
    "float": "Float32",
    "double": "Float64",
    "string": "String",
    "datetime": "Datetime(time_unit='us', time_zone=None)",
}
"""MLflow's names of column types, and ours."""
TENSORS = {"bool": "Boolean", "int32": "Int32", "int64": "Int64", "float32": "Float32", "float64": "Float64",
           "str": "String", "object": "String"}  # fmt: skip


class Column(NamedTuple):
    """One column of a request; `name` is empty where the signature names none."""

    name: str
    kind: str
    is_required: bool = True


class Packaged(msgspec.Struct, frozen=True, kw_only=True):
    """What a package says of itself.

    Attributes:
        flavor: MLflow's word for the library.
        loader: which of ours opens it; see `loaders`.
        entry: the model's file in the package; empty where the whole folder is it.
        kind: the class or format that the flavor names, by its last word.
        columns: what it takes; None where it says nothing.
        runs_code: why loading it runs what is in it; empty where it does not.
        tool: the tool that packaged it, with its version.
    """

    flavor: str
    loader: str
    entry: str
    kind: str
    columns: list[Column] | None
    runs_code: str
    tool: str


def read_mlmodel(ref: str, raw: bytes, files: Collection[str]) -> Packaged:
    """What an `MLmodel` file says.

    Args:
        ref: the version, for messages.
        raw: the file.
        files: the paths of all files of the package.

    Raises:
        PackageUnreadable: it is none, or names nothing that is here.
    """
    told = _document(ref, raw)
    flavors = told.get("flavors")
    if not isinstance(flavors, dict):
        raise PackageUnreadable(ref, "its MLmodel names no flavors")
    flavor, loader, entry, kind = _way(ref, flavors)
    if entry and entry not in files:
        raise PackageUnreadable(ref, f"it names the file '{entry[:200]}', which is not in it")
    return Packaged(
        flavor=flavor,
        loader=loader,
        entry=entry,
        kind=kind,
        columns=_columns(ref, told.get("signature")),
        runs_code=_WHY.get(loader, "").format(entry=entry),
        tool=f"mlflow {str(told.get('mlflow_version', '')).strip()}".strip(),
    )


_WHY = {
    "pickle": "'{entry}' is a pickle",
    "pyfunc": "it has only the flavor python_function, which is code and pickles",
}


def _document(ref: str, raw: bytes) -> dict[str, Any]:
    try:
        told = read_yaml(raw, LARGEST_BYTES)
    except ValueError as error:
        raise PackageUnreadable(ref, f"its MLmodel cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise PackageUnreadable(ref, "its MLmodel says nothing")
    return told


def _way(ref: str, flavors: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """The first flavor that can be loaded without running anything; else one that cannot."""
    pickled = None
    for name, entry_key, kind_key, native in _FLAVORS:
        said = flavors.get(name)
        if not isinstance(said, dict):
            continue
        entry, kind = str(said.get(entry_key) or ""), str(said.get(kind_key) or "").rpartition(".")[2]
        loader = "skops" if entry.endswith(".skops") else native
        if name in ("sklearn", "lightgbm") and not entry.endswith((".skops", ".lgb", ".txt")):
            pickled = pickled or (name, "pickle", entry, kind)
            continue
        if entry:
            return name, loader, entry, kind
    if pickled is not None and pickled[2]:
        return pickled
    if "python_function" in flavors:
        return "python_function", "pyfunc", "", ""
    raise PackageUnreadable(ref, f"it has the flavors {', '.join(map(str, flavors))[:200] or 'none'}")


_FLAVORS = (
    ("onnx", "data", "", "onnx"),
    ("sklearn", "pickled_model", "", "skops"),
    ("xgboost", "data", "model_class", "xgboost"),
    ("lightgbm", "data", "model_class", "lightgbm"),
    ("catboost", "data", "model_type", "catboost"),
)
"""Flavor, where it names its file, where it names its class, and our loader."""


def _columns(ref: str, signature: object) -> list[Column] | None:
    told = signature.get("inputs") if isinstance(signature, dict) else None
    if not told:
        return None
    try:
        specs = json.loads(told)
        columns = [each for spec in specs for each in _column(ref, spec)]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise PackageUnreadable(ref, "its signature cannot be read") from error
    named = [each.name for each in columns if each.name]
    if len(set(named)) != len(named):
        raise PackageUnreadable(ref, "its signature names a column twice")
    return columns


def _column(ref: str, spec: Mapping[str, Any]) -> list[Column]:
    name, kind = str(spec.get("name") or ""), spec.get("type")
    if kind != "tensor":
        if kind not in TYPES:
            raise PackageUnreadable(ref, f"its signature has a column of type '{kind}', which no request has")
        return [Column(name, TYPES[kind], bool(spec.get("required", True)))]
    dtype, shape = spec["tensor-spec"]["dtype"], spec["tensor-spec"]["shape"]
    if dtype not in TENSORS or len(shape) > 2 or (len(shape) == 2 and not 0 < int(shape[1]) <= 100_000):
        raise PackageUnreadable(ref, f"its signature wants a tensor of {dtype} {shape}, and rows are flat")
    if len(shape) < 2 or shape[1] == 1:
        return [Column(name, TENSORS[dtype])]
    return [Column("", TENSORS[dtype])] * int(shape[1])
