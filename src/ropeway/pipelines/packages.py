"""The versions of the packages that a project's modules import."""

import ast
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from ropeway.core.hashing import digest_json
from ropeway.tracking.environment import installed_packages

# Where the name to import is not the name to install; others are looked up, which takes longer.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "google": "protobuf",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# What a result passes through although the project never names it.
ALWAYS = ("numpy", "polars")
BESIDES = {"sklearn": ("scipy", "joblib"), "pandas": (), "lightgbm": ("scipy",), "xgboost": ("scipy",)}


def package_versions(imported: Iterable[str]) -> dict[str, str]:
    """The version of each package, by the name under which it is installed.

    A package that is imported from a source tree (an editable install, PYTHONPATH) counts with the sizes and
    times of its files, since its version does not tell when they change.

    Args:
        imported: top-level names that project modules import.
    """
    names = {*imported, *ALWAYS} - sys.stdlib_module_names
    names |= {other for name in names for other in BESIDES.get(name, ())}
    installed, homes = _installed()
    versions: dict[str, str] = {}
    waiting = sorted(names, reverse=True)
    while waiting:
        name = waiting.pop()
        distribution = _distribution(name, installed)
        version = installed.get(distribution)
        tree = None if name == "ropeway" else _source_tree(name, homes)
        if version is not None or tree is not None:
            versions[distribution] = " ".join(part for part in (version, tree) if part)
        if tree is not None:
            # What a source tree imports may be a source tree as well.
            more = {each for file in _source_files(name) for each in _imported(file, _changed_at(file))}
            more -= {*names, *sys.stdlib_module_names, "ropeway"}
            names |= more
            waiting.extend(sorted(more))
    return versions


def _installed() -> tuple[dict[str, str], frozenset[str]]:
    """All distributions, and their folders; a folder is read again only when it changed."""
    packages: dict[str, str] = {}
    homes: set[str] = set()
    for folder in sys.path:
        try:
            changed = Path(folder or ".").stat().st_mtime_ns
        except OSError:
            continue
        listed = _listing(folder or ".", changed)
        if listed:
            homes.add(os.path.realpath(folder or "."))
        for name, version in listed.items():
            packages.setdefault(name, version)
    return packages, frozenset(homes)


@lru_cache(maxsize=64)
def _listing(folder: str, _changed: int) -> dict[str, str]:
    return installed_packages([folder])


def _distribution(name: str, installed: dict[str, str]) -> str:
    known = DISTRIBUTIONS.get(name, name).lower().replace("_", "-")
    if known in installed or name in DISTRIBUTIONS:
        return known
    owners = _owners().get(name)
    return owners[0].lower().replace("_", "-") if owners else known


@cache
def _owners() -> dict[str, list[str]]:
    return {name: list(owners) for name, owners in importlib.metadata.packages_distributions().items()}


def _origin(name: str) -> str | None:
    module = sys.modules.get(name)
    origin = getattr(module, "__file__", None)
    if origin is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        origin = spec.origin if spec is not None else None
    return origin if origin is not None and Path(origin).is_absolute() else None


def _source_files(name: str) -> list[Path]:
    origin = _origin(name)
    if origin is None:
        return []
    path = Path(origin)
    return sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]


def _changed_at(file: Path) -> int:
    return file.stat().st_mtime_ns


@lru_cache(maxsize=4096)
def _imported(file: Path, _changed: int) -> frozenset[str]:
    """The top-level names of the packages that a source file imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def _source_tree(name: str, homes: frozenset[str]) -> str | None:
    """A digest of a package's source files where it does not stand in an installation."""
    origin = _origin(name)
    if origin is None:
        return None
    path = Path(origin)
    folder = path.parent if path.name == "__init__.py" else None
    home = os.path.realpath(folder.parent if folder else path.parent)
    if home in homes or origin.startswith((sys.prefix, sys.base_prefix)):
        return None
    stats = [(str(file), file.stat().st_size, _changed_at(file)) for file in _source_files(name)]
    return f"source {digest_json([[str(part) for part in entry] for entry in stats])[:12]}"
