"""Writing objects back as files: verified, whole or not at all, never outside the folder that was named."""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import blake3
import msgspec

from ropeway.core.ids import Digest, new_id
from ropeway.store.errors import InTheWay, ObjectDamaged
from ropeway.store.files import in_our_words, sync_file_system, sync_folder, write_all
from ropeway.store.folders import OWN_DRAFT
from ropeway.store.packed import Bulk

if TYPE_CHECKING:
    from ropeway.store.objects import Store

READ_BYTES = 1 << 20
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FILE_MODE = 0o666
FOLDER_MODE = 0o777
"""As any program makes files and folders: the user's mask takes from it."""
FICLONE = 0x40049409


class Restored(msgspec.Struct, frozen=True):
    """What restoring a folder did."""

    written: int
    unchanged: int


def restore_folder(
    store: "Store", tree: Digest, path: Path, *, only: Collection[str] | None, durable: bool
) -> Restored:
    """Write a tree's files into a folder. Other files that are there are left alone.

    A folder that is not there yet appears whole or not at all; in one that is, each file does.

    Raises:
        InTheWay: a link stands where a folder should be, or a folder where a file should be.
        ObjectDamaged: some bytes are not what they were.
    """
    entries = store.read_tree(tree)
    if only is not None:
        entries = {name: entries[name] for name in only}
    with in_our_words(path):
        if path.exists():
            done = Restored(*_fill(store, entries, path, is_fresh=False))
            if durable and done.written:
                sync_file_system(path)
            return done
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(OWN_DRAFT + new_id("folder"))
        draft.mkdir()
        try:
            done = Restored(*_fill(store, entries, draft, is_fresh=True))
            # One step for all of them: a sync for each of many files takes longer by orders of magnitude.
            if durable:
                sync_file_system(draft)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        if durable:
            sync_folder(path.parent)
        return done


def _fill(store: "Store", entries: dict[str, Digest], path: Path, *, is_fresh: bool) -> tuple[int, int]:
    """Write what is not there; gives how many files were written, and how many were there."""
    groups = [
        (parent, list(members))
        for parent, members in groupby(sorted(entries.items(), key=_by_parent), key=lambda e: _parent(e[0]))
    ]
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with store.packed.bulk() as bulk:
            filler = _Filler(store, bulk, root, path, is_fresh=is_fresh)
            written = sum(filler.fill(parent, members) for parent, members in groups)
    finally:
        os.close(root)
    return written, len(entries) - written


class _Filler:
    """Writes the files of one folder of a tree after the other."""

    def __init__(self, store: "Store", bulk: Bulk, root: int, path: Path, *, is_fresh: bool) -> None:
        self._store = store
        self._bulk = bulk
        self._root = root
        self._path = path
        self._is_fresh = is_fresh

    def fill(self, parent: str, members: list[tuple[str, Digest]]) -> int:
        """Write the files of one folder; gives how many were not there."""
        start = len(parent) + 1 if parent else 0
        with _folder(self._root, parent, self._path) as folder:
            return sum(self._write(folder, name, name[start:], digest) for name, digest in members)

    def _write(self, folder: int, name: str, base: str, digest: Digest) -> bool:
        found = self._bulk.find(digest)
        if not self._is_fresh:
            size = found[1].raw if found is not None else self._store.size(digest)
            if _is_there(folder, base, digest, size, self._path / name):
                return False
        data = None if found is None else self._bulk.raw(*found)
        if data is None:
            _write_any(self._store, digest, folder, base)
        elif self._is_fresh:
            _write_new(folder, base, data)
        else:
            with _drafted(folder, base) as draft:
                write_all(draft, data)
        return True


def restore_file(store: "Store", digest: Digest, path: Path, *, link: bool, durable: bool) -> None:
    """Write an object to a file, or link it there; see `Store.restore_file`."""
    with in_our_words(path.parent):
        if link and _linked(store, digest, path):
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _write_any(store, digest, folder, path.name, durable=durable)
            if durable:
                os.fsync(folder)
        except IsADirectoryError as error:
            raise InTheWay(str(path), "folder") from error
        finally:
            os.close(folder)


def _linked(store: "Store", digest: Digest, path: Path) -> bool:
    """Share the store's verified, read-only file; not where it has none, or lies on another disk."""
    if not store.loose.path(digest).exists():
        return False
    draft = path.with_name(OWN_DRAFT + new_id("link"))
    try:
        os.link(store.open_path(digest), draft)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            return False
        raise
    try:
        draft.rename(path)
    except OSError:
        draft.unlink()
        raise
    # A rename onto a link of the same file does nothing, and leaves both.
    draft.unlink(missing_ok=True)
    return True


def _write_any(store: "Store", digest: Digest, folder: int, name: str, *, durable: bool = False) -> None:
    """Write an object of any length under a temporary name, and rename it when it has proved right."""
    with _drafted(folder, name) as draft:
        if store.loose.path(digest).exists():
            _copy(store.open_path(digest), draft, digest)
        else:
            store.packed.write(digest, draft)
        if durable:
            os.fsync(draft)


def _write_new(folder: int, name: str, data: bytes | memoryview) -> None:
    """Write a file into a folder that nobody else knows yet."""
    descriptor = os.open(name, NEW, FILE_MODE, dir_fd=folder)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _drafted(folder: int, name: str) -> Iterator[int]:
    temporary = OWN_DRAFT + new_id("file")
    descriptor = os.open(
        temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=folder
    )
    try:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _copy(source: Path, target: int, digest: Digest) -> None:
    """Copy a loose object, sharing its blocks where the file system can; what was copied is verified."""
    with source.open("rb", buffering=0) as file:
        with contextlib.suppress(OSError):
            fcntl.ioctl(target, FICLONE, file.fileno())
            return
        hasher = blake3.blake3()
        while block := file.read(READ_BYTES):
            hasher.update(block)
            write_all(target, block)
    if hasher.hexdigest() != digest:
        raise ObjectDamaged(digest, hasher.hexdigest())


@contextlib.contextmanager
def _folder(root: int, parent: str, path: Path) -> Iterator[int]:
    """A folder below the root, made where absent. No link is followed on the way."""
    descriptor = os.dup(root)
    try:
        for name in parent.split("/") if parent else ():
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, FOLDER_MODE, dir_fd=descriptor)
            try:
                inner = os.open(
                    name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor
                )
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise InTheWay(str(path / parent), "link or file") from error
                raise
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _is_there(folder: int, name: str, digest: Digest, size: int, path: Path) -> bool:
    """Whether the file stands there with just these bytes."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise InTheWay(str(path), "folder")
    if not stat.S_ISREG(status.st_mode) or status.st_size != size:
        return False
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    hasher = blake3.blake3()
    try:
        while block := os.read(descriptor, READ_BYTES):
            hasher.update(block)
    finally:
        os.close(descriptor)
    return hasher.hexdigest() == digest


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _by_parent(entry: tuple[str, Digest]) -> tuple[str, str]:
    return _parent(entry[0]), entry[0]
