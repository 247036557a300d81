"""Write a version's files back, exactly as they were brought.

Nothing is lost by it: a file that is overwritten is a version of the same dataset, unless `force` says
otherwise. All that could refuse is looked at before the first byte is written; each file is whole or absent,
and so is a folder that was not there before.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.data.errors import FilesInTheWay, NotRestorable
from ropeway.data.file_errors import FileUnreadable
from ropeway.data.naming import FORMATS, check_name
from ropeway.data.operations import list_versions, resolve_version
from ropeway.data.pins import read_pin
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.workspace import Workspace


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What came of restoring.

    Attributes:
        version: which.
        path: where it now stands.
        written: how many files were written.
        unchanged: how many stood there already, byte by byte.
        others: how many other files the folder holds, which were left alone.
    """

    version: DatasetVersion
    path: str
    written: int
    unchanged: int
    size_bytes: int
    others: int = 0


def restore(workspace: Workspace, reference: str, to: Path | None = None, *, force: bool = False) -> Restored:
    """Write a version's bytes back as a file, or as a folder of files.

    Args:
        workspace: where.
        reference: which version.
        to: where to; by default under the name that it was brought by, in the working folder. A file's
            version goes into a folder that is there under that name.
        force: overwrite files that are no version of the dataset too.

    Raises:
        DatasetNotFound: there is no such version.
        BadName: what a server says that it is called is no name.
        NotRestorable: it is referred to, not kept.
        FilesInTheWay: files would be lost; nothing was written.
        FileUnreadable: the way there leads through a link or a file.
        ObjectMissing, ObjectDamaged: the bytes are not here as they were.
    """
    version = resolve_version(workspace, reference=reference)
    # A file or a folder will be called after it, and it may be a server that says what it is.
    check_name(version.name)
    if not version.is_kept:
        raise NotRestorable(version.shown, read_pin(workspace.store, version).uri)
    is_folder = version.format == FOLDER
    if is_folder:
        target = to if to is not None else Path(version.name)
        entries = workspace.store.read_tree(version.version)
    else:
        target = _file_target(version, to)
        entries = {target.name: version.version}
    root = target if is_folder else target.parent
    missing = _to_write(workspace, version, root, entries, force=force)
    if missing and is_folder:
        workspace.store.restore_folder(version.version, root, only=missing, durable=True)
    elif missing:
        root.mkdir(parents=True, exist_ok=True)
        workspace.store.restore_file(version.version, target, durable=True)
    others = sum(1 for name in _files_under(root) if name not in entries) if is_folder else 0
    return Restored(
        version=version,
        path=str(target),
        written=len(missing),
        unchanged=len(entries) - len(missing),
        size_bytes=version.size_bytes,
        others=others,
    )


def file_name(version: DatasetVersion) -> str:
    """The name that a version's file was brought by, where that is known and is no more than a name."""
    said = version.source or ""
    is_name = (
        Path(said).suffix.lower() in FORMATS
        and said == Path(said).name
        and "\\" not in said
        and not said.startswith(".")
        and said.isprintable()
    )
    ending = version.format if version.format.isalnum() else "data"
    return said if is_name else f"{version.name}.{ending}"


def _file_target(version: DatasetVersion, to: Path | None) -> Path:
    if to is None:
        return Path(file_name(version))
    return to / file_name(version) if to.is_dir() else to


def _to_write(
    workspace: Workspace, version: DatasetVersion, root: Path, entries: dict[str, Digest], *, force: bool
) -> list[str]:
    """The names whose files must be written.

    Raises:
        FilesInTheWay, FileUnreadable: as `restore` says.
    """
    if not root.exists():
        return list(entries)
    for folder in sorted({name.rpartition("/")[0] for name in entries}):
        _check_way(root, folder)
    known: set[Digest] | None = None
    wanted: list[str] = []
    lost: list[str] = []
    for name, digest in entries.items():
        path = root / name
        found = _digest_there(path)
        if found == digest:
            continue
        wanted.append(name)
        if found is None:
            continue
        known = known if known is not None else set(_known_bytes(workspace, version))
        if found not in known:
            lost.append(str(path))
    if lost and not force:
        target = root if version.format == FOLDER else root / next(iter(entries))
        raise FilesInTheWay(version.shown, lost, f"ropeway data restore {version.shown} {target}")
    return wanted


def _check_way(root: Path, folder: str) -> None:
    """Refuse a folder whose way leads through a link or a file: the bytes would land elsewhere."""
    path = root
    for part in folder.split("/") if folder else ():
        path = path / part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise FileUnreadable(path, "it is a link or a file where a folder is needed, and is not followed")


def _digest_there(path: Path) -> Digest | None:
    """The digest of what stands at a file's place; None where nothing does."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise FileUnreadable(path, "it is a link or a folder where a file is needed")
    return digest_file(path)


def _known_bytes(workspace: Workspace, version: DatasetVersion) -> Iterator[Digest]:
    """The digests of all files of all versions of the dataset: what is kept, and so not lost."""
    for each in list_versions(workspace, name=version.name):
        if each.format == FOLDER:
            yield from workspace.store.read_tree(each.version).values()
        elif each.is_kept:
            yield each.version


def _files_under(root: Path) -> Iterator[str]:
    start = len(os.fspath(root)) + 1
    for folder, _, files in os.walk(root):
        prefix = f"{folder[start:]}/" if len(folder) > start else ""
        for file in files:
            yield prefix + file
