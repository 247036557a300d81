"""Keeping a whole folder: unchanged files cost a look, the others are read once and packed.

What is kept are names and contents. Modes, times and empty folders are not; links and special files are
refused rather than followed, and so are names that could not be written back everywhere.
"""

import contextlib
import os
import stat
import time
from collections import deque
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.core.ids import Digest
from ropeway.store.errors import CannotKeep
from ropeway.store.intake import LARGE_BYTES, Intake
from ropeway.store.stat_index import FolderIndex
from ropeway.store.trees import are_inside, is_inside, tree_bytes

if TYPE_CHECKING:
    from ropeway.store.objects import Store

OWN_FOLDER = ".ropeway"
OWN_DRAFT = ".ropeway-tmp_"
"""What a restore was killed in the middle of begins so; it is nobody's data."""
OPENED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
AHEAD_FILES = 32
Seen = tuple[str, int, int, int, int]
"""A name, and what a stat index compares."""


def put_folder(store: "Store", path: Path) -> Digest:
    """Keep a folder's files as a tree; gives its digest. Durable on return.

    Raises:
        CannotKeep: something in it is no plain file, or has a name that cannot be kept.
    """
    root = path.resolve()
    with store.gate.putting():
        known = store.stat_index.folder(root)
        began_ns = time.time_ns()
        seen = list_files(root)
        if known is not None and known.files == seen:
            store.recent.add([bytes.fromhex(known.tree)])
            return known.tree
        _check_names(root, seen)
        with store.intake() as intake:
            digests = _take_files(intake, root, seen, known)
            tree = intake.take(tree_bytes(dict(zip((each[0] for each in seen), digests, strict=True))))
            intake.commit()
        # The tree stands for all that it names.
        store.recent.add([bytes.fromhex(tree)])
        store.stat_index.keep_folder(root, began_ns, tree, seen, digests)
    return tree


def list_files(root: Path) -> list[Seen]:
    """Every file below a folder, by name, with its status.

    Raises:
        CannotKeep: something is neither a file nor a folder.
    """
    found: list[Seen] = []
    todo = [("", os.fspath(root))]
    while todo:
        prefix, folder = todo.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name, status = entry.name, entry.stat(follow_symlinks=False)
                kind = stat.S_IFMT(status.st_mode)
                if kind not in (stat.S_IFREG, stat.S_IFDIR):
                    raise CannotKeep(entry.path, "link" if kind == stat.S_IFLNK else "special file")
                if name.startswith(OWN_DRAFT):
                    continue
                if kind == stat.S_IFREG:
                    times = status.st_mtime_ns, status.st_ctime_ns
                    found.append((prefix + name, status.st_size, *times, status.st_ino))
                elif name != OWN_FOLDER:
                    todo.append((f"{prefix}{name}/", entry.path))
    found.sort()
    return found


def _check_names(root: Path, seen: list[Seen]) -> None:
    names = [each[0] for each in seen]
    if "".join(names).isascii() and are_inside(names):
        return
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise CannotKeep(str(root / ascii(name)), "name that is no UTF-8") from None
        if not is_inside(name):
            raise CannotKeep(str(root / name), "name with a character that other systems read as a path")


def _take_files(intake: Intake, root: Path, seen: list[Seen], known: FolderIndex | None) -> list[Digest]:
    """The digest of each file: from the index where it is unchanged, else by reading it."""
    index = {} if known is None else dict(zip(known.files, known.digests, strict=True))
    folder = f"{root}/"
    changed = [each for each in seen if each not in index]
    with contextlib.closing(_opened(folder + each[0] for each in changed)) as opened:
        for each, descriptor in zip(changed, opened, strict=True):
            index[each] = _take_file(intake, descriptor, each[1])
    return [index[each] for each in seen]


def _opened(paths: Iterable[str]) -> Generator[int, None, None]:
    """Each file, opened; who takes it closes it. The disk is asked for the next ones meanwhile."""
    waiting: deque[int] = deque()
    try:
        for path in paths:
            # Between listing and opening, somebody may have put a link or a pipe there.
            descriptor = os.open(path, OPENED)
            waiting.append(descriptor)
            _ask_for(descriptor)
            if len(waiting) > AHEAD_FILES:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for descriptor in waiting:
            os.close(descriptor)


def _ask_for(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # a pipe has nothing to be read ahead
            os.posix_fadvise(descriptor, 0, LARGE_BYTES, os.POSIX_FADV_WILLNEED)


def _take_file(intake: Intake, descriptor: int, size: int) -> Digest:
    try:
        if size >= LARGE_BYTES:
            return intake.take_large(lambda view: os.readv(descriptor, [view]))
        data = _read_all(descriptor, size)
    finally:
        os.close(descriptor)
    return intake.take(data)


def _read_all(descriptor: int, size: int) -> bytes:
    """The bytes of a file that had so many when it was listed, and may have others now."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    pieces = [data]
    while piece := os.read(descriptor, LARGE_BYTES):
        pieces.append(piece)
    return b"".join(pieces)
