"""A folder of files as a dataset: images, documents, whatever has no rows of its own.

Its rows are its files: `path`, `size` in bytes, `digest`. The bytes lie in the store, as a tree. Folders
without a file in them are not kept, as in Git.
"""

from pathlib import Path

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.file_errors import FileEmpty, FileUnreadable
from ropeway.store import Store
from ropeway.store.errors import CannotKeep
from ropeway.store.folders import list_files
from ropeway.store.trees import is_inside

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
    try:
        names = [each[0] for each in list_files(path)]
    except CannotKeep as error:
        raise FileUnreadable(path, f"'{_below(path, error.path)}' in it is a link or no file") from error
    except OSError as error:
        raise FileUnreadable(Path(error.filename or path), error.strerror or "it cannot be listed") from error
    for name in names:
        if not is_nameable(name):
            raise FileUnreadable(path, f"the name {name!r} in it cannot be kept on every system")
    if not names:
        raise FileEmpty(path, "there is no file in it")
    return names


def is_nameable(name: str) -> bool:
    """Whether a file's name can stand in a tree: text, relative, and leading nowhere else."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return is_inside(name)


def folder_frame(store: Store, tree: Digest) -> pl.DataFrame:
    """A kept folder's files as rows."""
    entries = store.read_tree(tree)
    digests = list(entries.values())
    return frame_of(sorted(zip(entries, store.sizes(digests), digests, strict=True)))


def frame_of(files: list[tuple[str, int, str]]) -> pl.DataFrame:
    """Paths, sizes and digests as rows."""
    schema = {"path": pl.String(), "size": pl.Int64(), "digest": pl.String()}
    return pl.DataFrame(files, schema=schema, orient="row")


def _below(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix()
