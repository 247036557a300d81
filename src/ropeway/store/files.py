"""Publishing a file so that it is whole or absent: temporary name, fsync, rename, fsync of the folder."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from ropeway.core.ids import new_id
from ropeway.store.errors import OutOfSpace


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
    """
    temporary = scratch / new_id("tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fill(descriptor)
            os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(target)
        # Only now does the name survive power loss as well as the bytes.
        if durable:
            sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(str(target.parent)) from error
        raise


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
