"""A folder of files as a dataset: images, documents, whatever has no rows of its own.

Its rows are its files: `path`, `size` in bytes, `digest`. The bytes lie in the store, as a tree. Folders
without a file in them are not kept, as in Git.
"""

import os
from pathlib import Path

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.errors import FileEmpty, FileUnreadable
from ropeway.store import Store

KEY = "path"
COLUMNS = ("path", "size", "digest")
PROJECT_MARKS = (".git", ".ropeway", "ropeway.toml")


def put_folder(store: Store, path: Path) -> Digest:
    """Keep a folder's files as one tree.

    Raises:
        FileEmpty: there are none.
        FileUnreadable: it is a project's folder, or holds what is no file or cannot be named in a tree.
    """
    files_of(path)
    return store.put_folder(path)


def files_of(path: Path) -> list[str]:
    """The names of the files in a folder and below, sorted, with `/`.

    Raises:
        FileEmpty, FileUnreadable: as `put_folder` does.
    """
    for mark in PROJECT_MARKS:
        if (path / mark).exists():
            raise FileUnreadable(path, f"it is a project's folder, with '{mark}' in it, and no data")
    names: list[str] = []
    for folder, _, files in os.walk(path, onerror=_raise):
        for file in files:
            full = Path(folder) / file
            name = full.relative_to(path).as_posix()
            if full.is_symlink() or not full.is_file():
                raise FileUnreadable(path, f"'{name}' in it is a link or no file")
            if not is_nameable(name):
                raise FileUnreadable(path, f"the name {name!r} in it cannot be kept on every system")
            names.append(name)
    if not names:
        raise FileEmpty(path, "there is no file in it")
    return sorted(names)


def is_nameable(name: str) -> bool:
    """Whether a file's name can stand in a tree: text, relative, and leading nowhere else."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    parts = name.split("/")
    return not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name or ":" in parts[0])


def folder_frame(store: Store, tree: Digest) -> pl.DataFrame:
    """A kept folder's files as rows."""
    entries = store.read_tree(tree)
    return frame_of([(name, store.size(digest), digest) for name, digest in sorted(entries.items())])


def frame_of(files: list[tuple[str, int, str]]) -> pl.DataFrame:
    """Paths, sizes and digests as rows."""
    schema = {"path": pl.String(), "size": pl.Int64(), "digest": pl.String()}
    return pl.DataFrame(files, schema=schema, orient="row")


def _raise(error: OSError) -> None:
    raise FileUnreadable(Path(error.filename or "."), error.strerror or "it cannot be listed") from error
