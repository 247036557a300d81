"""Files that steps touch, as a key has them: what they are called there, and what they are known by."""

# ruff: noqa: PTH116, PTH118, PTH206, PTH208  runs at every `open`

import os
import stat
import sys
import sysconfig
from functools import cache
from pathlib import Path

from ropeway.core.hashing import digest_bytes, digest_file, digest_json

QUIET_FOLDERS = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/opt/conda/")
OWN_FOLDERS = frozenset((".ropeway", ".git"))
SKIPPED_FOLDERS = frozenset(("__pycache__", "site-packages", "node_modules", ".venv", "venv"))
IS_THERE = " (whether it is there)"
STATUS = " (its size and time)"
"""Ends of names in `Observation.files` that stand for what a file is, not for what it holds."""


def verify_file(root: Path, name: str) -> str | None:
    """The digest of a file now; None when absent. A name with `/` at its end is a folder."""
    bare = name.removesuffix(IS_THERE).removesuffix(STATUS)
    path = os.path.join(root, bare)
    try:
        if name.endswith("/"):
            return digest_json(sorted(os.listdir(path)))
        found = os.stat(path)
        kind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
        if name.endswith(IS_THERE):
            return kind
        if name.endswith(STATUS):
            size = f" {found.st_size}" if kind == "file" else ""
            return f"{kind} {found.st_mode:o}{size} {found.st_mtime_ns}"
        if kind != "file":
            return kind
        return digest_file(Path(path)) if found.st_size else digest_bytes(b"")
    except (OSError, ValueError):
        return None


def project_name(root: Path, path: str, *, is_ours: bool = False) -> str | None:
    """How a file is called in a key: relative inside the project; None when it does not count.

    Args:
        root: the project's folder.
        path: absolute.
        is_ours: the project's own code asked: then the system's files count too.
    """
    relative = os.path.relpath(path, root)
    if relative == ".." or relative.startswith("../"):
        return None if path.startswith(_installations() if is_ours else _quiet_folders()) else path
    return None if _is_skipped(relative) or path.startswith(_installations_in(root)) else relative


def _is_skipped(relative: str) -> bool:
    parts = relative.split(os.sep)
    return parts[0] in OWN_FOLDERS or not SKIPPED_FOLDERS.isdisjoint(parts)


@cache
def _installations() -> tuple[str, ...]:
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    return tuple(place.rstrip("/") + "/" for place in places if place and place != "/usr")


@cache
def _quiet_folders() -> tuple[str, ...]:
    return (*QUIET_FOLDERS, *_installations())


@cache
def _installations_in(root: Path) -> tuple[str, ...]:
    """Python installations that stand in a project's folder."""
    return tuple(place for place in _installations() if place.startswith(f"{root}/"))
