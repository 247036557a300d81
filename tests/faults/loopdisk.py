"""A disk whose power can be cut: ext4 on a loop device over a file, which takes root.

The loop device writes past the page cache (`--direct-io`), and the file system is told to stop dead before
its file is copied: the copy holds what had reached the disk and nothing else. ext4 commits its journal only
when asked (`commit=3600`), so that what nobody flushed is lost for sure.
"""

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP = 0x8004587D
"""EXT4_IOC_SHUTDOWN: no request reaches the device any more."""
WITHOUT_FLUSH = (2).to_bytes(4, "little")
OPTIONS = "commit=3600,noinit_itable,nodiscard"
NEEDED = ("losetup", "mkfs.ext4", "e2fsck", "mount", "umount", "cp")


class LoopDisk:
    """One small disk.

    Args:
        folder: where it is mounted; made when absent.
        image: the file behind it.
    """

    def __init__(self, folder: Path, image: Path, *, megabytes: int = 512) -> None:
        self.folder = folder
        self._image = image
        self._device = ""
        folder.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))

    def attach(self) -> None:
        """Mount it; what the journal holds is put in its place."""
        self._device = _run("losetup", "--direct-io=on", "--show", "--find", str(self._image)).strip()
        _run("mount", "-t", "ext4", "-o", OPTIONS, self._device, str(self.folder))
        (self.folder / "lost+found").is_dir() and (self.folder / "lost+found").rmdir()

    def detach(self) -> None:
        """Unmount it in good order."""
        if self._device:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)
            _run("losetup", "--detach", self._device)
            self._device = ""

    def settle(self) -> None:
        """Everything so far is on the disk."""
        _run("sync", "--file-system", str(self.folder))

    def stop(self) -> None:
        """Cut the power: whatever is under way ends in an error, and nothing more is written."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, STOP, WITHOUT_FLUSH)
        except OSError as error:
            # Stopped already.
            if error.errno != errno.EIO:
                raise
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """After `stop`: the copy of the file, as it was then, is the disk from now on."""
        copy = self._image.with_suffix(".copy")
        _run("cp", "--sparse=always", str(self._image), str(copy))
        self.detach()
        copy.replace(self._image)
        self.attach()

    def problems(self) -> list[str]:
        """What e2fsck finds, once unmounted; mounted again after."""
        self.detach()
        done = subprocess.run(
            ["e2fsck", "-f", "-n", str(self._image)], capture_output=True, text=True, check=False
        )
        self.attach()
        return [] if done.returncode == 0 else [f"e2fsck: {done.stdout.strip()}"]


@contextmanager
def loop_disk(folder: Path, image: Path) -> Iterator[LoopDisk]:
    """A disk for as long as the block runs, mounted."""
    disk = LoopDisk(folder, image)
    try:
        disk.attach()
        yield disk
    finally:
        disk.detach()


def why_not(scratch: Path) -> str:
    """Why no power can be cut here; empty when it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    if os.geteuid() != 0:
        return "mounting a disk of its own takes root"
    try:
        with loop_disk(scratch / "trial", scratch / "trial.img") as disk:
            disk.stop()
            disk.come_back()
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        return f"no loop device with ext4 can be mounted and stopped: {said.strip()}"
    return ""


def _run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
