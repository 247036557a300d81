"""Putting things into a backup's store: what is there already is not written again."""

import os
import tempfile
from pathlib import Path

from sqlalchemy import Connection

from ropeway.core.clock import Clock
from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest, new_id
from ropeway.keeping.errors import BackupDamaged
from ropeway.keeping.manifest import Kept
from ropeway.ledger.move import copy_to_file
from ropeway.store import Store

PIECE_BYTES = 1 << 20


class Copier:
    """Puts things into a backup's store, and counts what was new."""

    def __init__(self, target: Store) -> None:
        self._target = target
        self._written: list[Digest] = []
        self.copied_bytes = 0

    def ledger(self, connection: Connection, clock: Clock) -> Kept:
        """The history as the snapshot sees it, as one SQLite file, wherever it is kept."""
        # Not in the backup's folder, which may lie where no ledger may be opened: a network drive.
        with tempfile.TemporaryDirectory(prefix="ropeway-backup-") as scratch:
            path = Path(scratch) / "ledger.db"
            copy_to_file(connection, path, clock)
            return self.file(path)

    def piece(self, descriptor: int, length: int) -> Kept:
        """The first bytes of an open file, as many as it had when it was opened."""
        path = self._target.scratch / new_id("piece")
        try:
            with path.open("xb") as copy:
                for offset in range(0, length, PIECE_BYTES):
                    copy.write(os.pread(descriptor, min(PIECE_BYTES, length - offset), offset))
            return self.file(path)
        finally:
            path.unlink(missing_ok=True)

    def file(self, path: Path) -> Kept:
        """A file."""
        size = path.stat().st_size
        return Kept(digest=self._note(self._target.put_file(path), size), size_bytes=size)

    def bytes(self, data: bytes) -> Kept:
        """Some bytes."""
        return Kept(digest=self._note(self._target.put(data), len(data)), size_bytes=len(data))

    def has_copied(self, source: Store, digest: Digest) -> bool:
        """Bring an object that is not there yet; False where it is missing or damaged."""
        if self._target.has(digest):
            return True
        try:
            path = source.open_path(digest)
            size = path.stat().st_size
            return self._note(self._target.put_file(path), size) == digest
        except (Damaged, FileNotFoundError):
            return False

    def read_back(self) -> None:
        """Read what was written from the disk again.

        Raises:
            BackupDamaged: it is not what was written.
        """
        found = []
        for digest in self._written:
            try:
                self._target.verify(digest)
            except Damaged as error:
                found.append(error.what)
        if found:
            raise BackupDamaged("that was being made", found)

    def _note(self, digest: Digest, size: int) -> Digest:
        self._written.append(digest)
        self.copied_bytes += size
        return digest
