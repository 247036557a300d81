"""Publishing a file so that it is whole or absent: temporary name, fsync, rename, fsync of the folder."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ropeway.core.ids import new_id
from ropeway.store.errors import DiskFailing, OutOfSpace

PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for its owner alone, whatever the mask.

    `mkdir(parents=True, mode=…)` gives its mode to the last one only.
    """
    for each in reversed((folder, *folder.parents)):
        if not each.is_dir():
            each.mkdir(exist_ok=True, mode=PRIVATE)


def publish(target: Path, scratch: Path, fill: Callable[[int], None], *, durable: bool, mode: int) -> None:
    """Write a file under a temporary name and rename it to its place.

    Args:
        target: where it shall stand; an older file there is replaced.
        scratch: a folder on the same file system for the temporary name.
        fill: writes the content to the file descriptor that it is given.
        durable: whether the file and its name must survive power loss when this returns.
        mode: the file's permission bits.

    Raises:
        OutOfSpace: the disk is full; no trace is left.
        DiskFailing: the disk failed; it may stand there, and is not acknowledged.
    """
    with drafted(target, scratch) as (temporary, descriptor):
        try:
            fill(descriptor)
            settle(descriptor, temporary, target, durable=durable, mode=mode)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def drafted(target: Path, scratch: Path) -> Iterator[tuple[Path, int]]:
    """A new file under a temporary name, open for writing; who asks closes it. Removed when the work fails.

    Raises:
        OutOfSpace, DiskFailing: the disk is full, or failed; no trace is left.
    """
    temporary = scratch / new_id("tmp")
    with in_our_words(target.parent):
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield temporary, descriptor
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def settle(descriptor: int, temporary: Path, target: Path, *, durable: bool, mode: int) -> None:
    """Give a written file its place."""
    os.fchmod(descriptor, mode)
    if durable:
        os.fsync(descriptor)
    temporary.rename(target)
    # Only now does the name survive power loss as well as the bytes.
    if durable:
        sync_folder(target.parent)


@contextlib.contextmanager
def in_our_words(where: Path) -> Iterator[None]:
    """Turn what the disk does to us into our errors: full, failing. Others pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(str(where)) from error
        if error.errno in (errno.EIO, errno.EROFS):
            raise DiskFailing(str(where), error.strerror or str(error)) from error
        raise


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive power loss."""
    with in_our_words(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
