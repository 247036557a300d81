"""A small disk of its own, to fill: a tmpfs, which takes root to mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLOCK = 4096
FILLER = "filler"


class SmallDisk:
    """A mounted disk that can be filled to the last bytes and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def free_bytes(self) -> int:
        """What is left."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self, *, leave: int = 0) -> None:
        """Leave only so many bytes."""
        descriptor = os.open(self.folder / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while self.free_bytes() > leave:
                os.write(descriptor, bytes(min(BLOCK, self.free_bytes() - leave)))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Give the space back."""
        (self.folder / FILLER).unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[SmallDisk | str]:
    """A small disk at `folder`, or the words why there is none."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        yield f"no small disk can be mounted here, which takes root: {done.stderr.strip()}"
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def why_not(folder: Path) -> str:
    """Why no small disk can be mounted; empty when one can."""
    with mounted(folder / "trial", megabytes=1) as found:
        return found if isinstance(found, str) else ""
