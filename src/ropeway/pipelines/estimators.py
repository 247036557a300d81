"""scikit-learn estimators as skops files: written in one canonical form, loaded only with reviewed types.

skops names arrays and objects by their addresses in memory, so two files of one model differ. Here they are
named by order and content, volatile attributes are passed over, and the content digest is of what remains.
Classes and functions of the project's own code are written under `ropeway_project.` and found again in
whichever load of that code is given.
"""

import io
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import blake3
import msgspec

from ropeway.core.hashing import digest_bytes
from ropeway.pipelines import reviewed_types
from ropeway.pipelines.askers import PROJECT_PREFIX
from ropeway.pipelines.errors import UntrustedTypes
from ropeway.pipelines.writing import NoFormat, Trust

PROJECT = "ropeway_project"
SCHEMA = "schema.json"
# Addresses in memory that scikit-learn keeps to notice a changed setting; they say nothing about the model.
VOLATILE_ATTRIBUTES = frozenset(("_stop_words_id",))
ALWAYS_THE_SAME_DATE = (1980, 1, 1, 0, 0, 0)
COMPRESSION_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Dumped:
    """An estimator as bytes."""

    data: bytes
    content: str
    has_project_types: bool


def dump(estimator: Any, trust: Trust) -> Dumped:
    """An estimator as a skops file in canonical form.

    Raises:
        NoFormat: skops cannot write it, or it holds types that could not be loaded again.
    """
    try:
        from skops import io as skops_io
    except ImportError:
        raise NoFormat(
            "keeping a scikit-learn estimator needs skops: pip install 'ropeway[sklearn]'"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = skops_io.dumps(estimator)
    # skops runs the object's own __getstate__ and __reduce__, which may raise anything.
    except Exception as error:
        raise NoFormat(f"skops cannot write it ({error})") from error
    canonical = _Canonical(raw)
    unknown = untrusted(canonical.data, trust)
    if unknown:
        listed = ", ".join(f'"{name}"' for name in unknown)
        raise NoFormat(
            f"it holds types that nobody has reviewed; if they are safe, [models] trusted_types = [{listed}]"
        )
    return Dumped(canonical.data, canonical.content, canonical.has_project_types)


def load_estimator(data: bytes, trusted_extra: tuple[str, ...] = ()) -> Any:
    """The estimator in a skops file, if every type in it is trusted.

    Args:
        data: the file.
        trusted_extra: full names of types beyond skops' own and the reviewed list.

    Raises:
        UntrustedTypes: it holds others; they are named, with the setting that would trust them.
        ValueError: an index in it points outside its array.
    """
    return load(data, Trust(extra=trusted_extra))


def load(data: bytes, trust: Trust) -> Any:
    """As `load_estimator`, with the project's own classes."""
    from skops import io as skops_io

    found = skops_io.get_untrusted_types(data=data)
    unknown = _unreviewed(found, trust)
    if unknown:
        raise UntrustedTypes(unknown)
    _check_structure(data)
    if trust.code is not None and has_project_types(data):
        data = _renamed(data, f"{PROJECT}.", f"{trust.code.prefix}.")
        found = [name.replace(f"{PROJECT}.", f"{trust.code.prefix}.", 1) for name in found]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skops_io.loads(data, trusted=found)


def untrusted(data: bytes, trust: Trust) -> list[str]:
    """The types in a file that nobody has reviewed."""
    from skops import io as skops_io

    return _unreviewed(skops_io.get_untrusted_types(data=data), trust)


def _unreviewed(found: list[str], trust: Trust) -> list[str]:
    allowed = reviewed_types.reviewed() | set(trust.extra)
    return [name for name in found if name not in allowed and not _is_of_project(name, trust)]


def content_digest(data: bytes) -> str:
    """The digest of what a skops file holds, whoever wrote it.

    Example:
        Two fits of one model on the same rows give one digest, though the files differ.
    """
    return _Canonical(data).content


def has_project_types(data: bytes) -> bool:
    """Whether a file holds classes or functions of the project's own code."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return f'"{PROJECT}.'.encode() in archive.read(SCHEMA)


def _is_of_project(name: str, trust: Trust) -> bool:
    """Whether a type is defined (not merely imported) in the project's code, which runs anyway."""
    if not name.startswith(f"{PROJECT}.") or trust.code is None:
        return False
    module_name, _, attribute = name.removeprefix(f"{PROJECT}.").rpartition(".")
    try:
        module = trust.code.require(module_name)
    except ModuleNotFoundError:
        return False
    found = getattr(module, attribute, None)
    return getattr(found, "__module__", None) == module.__name__


class _Canonical:
    """A skops file rewritten: names by order and content, dates fixed, compressed."""

    def __init__(self, raw: bytes) -> None:
        self.has_project_types = False
        self._ids: dict[int, int] = {}
        self._files: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            self._archive = archive
            schema = msgspec.json.decode(archive.read(SCHEMA))
            bare = self._rewrite(schema)
            for volatile in ("protocol", "_skops_version"):
                bare.pop(volatile, None)
            hasher = blake3.blake3(msgspec.json.encode(bare, order="sorted"))
            self.content = hasher.hexdigest()
            self.data = self._pack(schema)

    def _rewrite(self, node: Any) -> Any:
        """Rename in place, and give what remains of the node for the digest."""
        if isinstance(node, list):
            return [self._rewrite(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "__loader__" in node:
            self._rename(node)
        bare = {
            key: self._rewrite(value)
            for key, value in node.items()
            if key != "__id__" and key not in VOLATILE_ATTRIBUTES
        }
        if node.get("__loader__") == "SetNode":
            bare["content"].sort(key=lambda each: msgspec.json.encode(each, order="sorted"))
        if isinstance(node.get("file"), str) and "__loader__" in node:
            bare["file"] = self._digests[node["file"]]
        return bare

    def _rename(self, node: dict[str, Any]) -> None:
        old = node.get("__id__")
        if isinstance(old, int):
            node["__id__"] = self._ids.setdefault(old, len(self._ids) + 1)
        module = node.get("__module__")
        if isinstance(module, str):
            if module.startswith(PROJECT_PREFIX):
                node["__module__"] = module = f"{PROJECT}.{module.partition('.')[2]}"
            self.has_project_types |= module.startswith(f"{PROJECT}.")
        name = node.get("file")
        if isinstance(name, str):
            node["file"] = self._file(name)

    def _file(self, name: str) -> str:
        """The new name of a member: order of appearance, so that it can be written in one go."""
        if name not in self._files:
            suffix = name.rpartition(".")[2]
            self._files[name] = new = f"{len(self._files)}.{suffix}"
            self._digests[new] = _member_digest(self._archive.read(name), suffix)
        return self._files[name]

    def _pack(self, schema: Any) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as packed:
            for old, new in self._files.items():
                packed.writestr(_member(new), self._archive.read(old))
            packed.writestr(_member(SCHEMA), msgspec.json.encode(schema))
        return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ALWAYS_THE_SAME_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _member_digest(data: bytes, suffix: str) -> str:
    """The digest of an array's values; padding between the fields of a record does not count."""
    import numpy as np

    if suffix == "npz":
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            parts = [f"{name}={_member_digest(inner.read(name), 'npy')}" for name in sorted(inner.namelist())]
        return digest_bytes("\n".join(parts).encode())
    if suffix == "npy":
        array = np.load(io.BytesIO(data), allow_pickle=False)
        if array.dtype.names:
            hasher = blake3.blake3(f"{array.dtype.descr} {array.shape}".encode())
            for name in array.dtype.names:
                hasher.update(np.ascontiguousarray(array[name]).tobytes())
            return hasher.hexdigest()
    return digest_bytes(data)


def _renamed(data: bytes, old: str, new: str) -> bytes:
    """The file with a module prefix replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(buffer, "w") as packed:
        for name in archive.namelist():
            member = archive.read(name)
            if name == SCHEMA:
                schema = msgspec.json.decode(member)
                for node in _nodes(schema):
                    module = node.get("__module__")
                    if isinstance(module, str) and module.startswith(old):
                        node["__module__"] = new + module.removeprefix(old)
                member = msgspec.json.encode(schema)
            packed.writestr(_member(name), member)
    return buffer.getvalue()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


@dataclass(slots=True)
class _Checker:
    """Checks the indices of one file's trees and sparse matrices."""

    archive: zipfile.ZipFile
    found: list[str] = field(default_factory=list)

    def walk(self, node: Any, features: int | None) -> None:
        """Go through the schema; `features` is what the nearest estimator says of its input."""
        if isinstance(node, list):
            for each in node:
                self.walk(each, features)
        elif isinstance(node, dict):
            attributes = node.get("content")
            if isinstance(attributes, dict):
                features = self._features(attributes.get("n_features_in_"), features)
            name = f"{node.get('__module__')}.{node.get('__class__')}"
            if name in reviewed_types.CHECKED_TREES or node.get("__loader__") == "TreeNode":
                self._check_tree(node, features)
            if node.get("__loader__") == "SparseMatrixNode":
                self._check_sparse(node)
            for each in node.values():
                self.walk(each, features)

    @staticmethod
    def _features(node: Any, default: int | None) -> int | None:
        if isinstance(node, dict) and node.get("__loader__") == "JsonNode":
            value = msgspec.json.decode(node["content"])
            return value if isinstance(value, int) else default
        return default

    def _array(self, node: Any) -> Any:
        import numpy as np

        if not isinstance(node, dict) or node.get("type") != "numpy":
            raise ValueError("a tree in the model file has no node table")
        return np.load(io.BytesIO(self.archive.read(node["file"])), allow_pickle=False)

    def _check_tree(self, node: dict[str, Any], features: int | None) -> None:
        """Every child must stand further down in the table, every feature exist."""
        import numpy as np

        state = node.get("content", {})
        state = state.get("content", state) if isinstance(state, dict) else {}
        table = self._array(state.get("nodes"))
        if table.dtype.names is None or table.ndim != 1:
            raise ValueError("a tree in the model file has no node table")
        is_boosted = "is_leaf" in table.dtype.names
        left, right, feature = (
            table[name].astype(np.int64)
            for name in (
                ("left", "right", "feature_idx") if is_boosted else ("left_child", "right_child", "feature")
            )
        )
        inner = table["is_leaf"] == 0 if is_boosted else left != -1
        place = np.arange(len(table))
        limit = features if features is not None else np.iinfo(np.int32).max
        for child in (left, right):
            if np.any((child <= place)[inner]) or np.any((child >= len(table))[inner]):
                raise ValueError("a tree in the model file points outside its own nodes")
        if np.any(feature[inner] < 0) or np.any(feature[inner] >= limit):
            raise ValueError("a tree in the model file asks for a feature that the model does not have")
        if is_boosted:
            self._check_bitsets(table, state)

    def _check_bitsets(self, table: Any, state: dict[str, Any]) -> None:
        sets = min(
            len(self._array(state.get(name))) for name in ("binned_left_cat_bitsets", "raw_left_cat_bitsets")
        )
        used = table["bitset_idx"][table["is_categorical"] != 0]
        if used.size and int(used.max()) >= sets:
            raise ValueError("a tree in the model file points outside its own categories")

    def _check_sparse(self, node: dict[str, Any]) -> None:
        from scipy import sparse

        matrix = sparse.load_npz(io.BytesIO(self.archive.read(node["file"])))
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)


def _check_structure(data: bytes) -> None:
    """Refuse trees and matrices whose indices point elsewhere: compiled code would follow them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _Checker(archive).walk(msgspec.json.decode(archive.read(SCHEMA)), None)
