"""Blobs as files below a folder: a disk, or one that is mounted from elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj

from ropeway.store.backends.backend import Backend, Blob, checked_name
from ropeway.store.errors import BackendUnavailable, BadRange, BlobMissing
from ropeway.store.files import make_private, publish, sync_folder, write_all

SCRATCH = "tmp"
READ_ONLY = 0o400
PRIVATE = 0o700


class LocalBackend:
    """Blobs below a folder.

    Args:
        folder: made when absent; nothing else should lie in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "blobs"
        self._scratch = folder / SCRATCH
        try:
            for each in (self._folder, self._scratch):
                make_private(each)
        except OSError as error:
            raise BackendUnavailable(str(folder), error.strerror or str(error)) from error

    def put(self, name: str, data: bytes | memoryview | Path) -> None:
        """See `Backend`."""
        path = self._path(name)
        self._make_folders(path.parent)

        def fill(descriptor: int) -> None:
            if isinstance(data, Path):
                with data.open("rb") as source, os.fdopen(os.dup(descriptor), "wb") as target:
                    copyfileobj(source, target, 1 << 20)
            else:
                write_all(descriptor, data)

        publish(path, self._scratch, fill, durable=True, mode=READ_ONLY)

    def get(self, name: str) -> bytes:
        """See `Backend`."""
        try:
            return self._path(name).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise BlobMissing(name) from error

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """See `Backend`."""
        try:
            with self._path(name).open("rb") as file:
                file.seek(max(0, start))
                data = file.read(length) if start >= 0 and length > 0 else b""
        except (FileNotFoundError, IsADirectoryError) as error:
            raise BlobMissing(name) from error
        if len(data) != length or not data:
            raise BadRange(name, start, length)
        return data

    def has(self, name: str) -> bool:
        """See `Backend`."""
        return self._path(name).is_file()

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """See `Backend`."""
        start = self._path(prefix) if prefix else self._folder
        for path in start.rglob("*"):
            try:
                if path.is_file():
                    yield Blob(path.relative_to(self._folder).as_posix(), path.stat().st_size)
            except FileNotFoundError:
                continue  # deleted meanwhile

    def delete(self, name: str) -> None:
        """See `Backend`."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / checked_name(name)

    def _make_folders(self, folder: Path) -> None:
        """Make what is missing of the way to a blob, durably."""
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(exist_ok=True, mode=PRIVATE)
        sync_folder(folder.parent)


_conforms: type[Backend] = LocalBackend
