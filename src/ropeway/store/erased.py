"""Which objects were erased on purpose, and under which certificate: so that nobody takes it for damage.

A list beside the objects, one line each, made again from the ledger by whoever erases or checks. It is read
only where something is missing, and when bytes are brought: what was erased is not kept again.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ropeway.core.ids import Digest
from ropeway.store.errors import BytesErased, ObjectErased, ObjectMissing
from ropeway.store.files import publish, write_all

NAME = "erased"


class Erased:
    """The list of a store. A folder that holds none costs a look at its name."""

    def __init__(self, home: Path, scratch: Path) -> None:
        self._path = home / NAME
        self._scratch = scratch
        self._seen: tuple[int, int] | None = None
        self._known: dict[str, str] = {}

    def certificate(self, digest: str) -> str | None:
        """Under which certificate an object was erased; None where it was not."""
        return self._read().get(digest)

    def all(self) -> Mapping[str, str]:
        """Every erased object with its certificate."""
        return dict(self._read())

    def add(self, erased: Mapping[Digest, str]) -> None:
        """These were, or are about to be, erased; durable on return. The first certificate of each stays."""
        known = self._read()
        both = {str(digest): name for digest, name in erased.items()} | known
        if both == known:
            return
        text = "".join(f"{digest} {certificate}\n" for digest, certificate in sorted(both.items()))
        publish(
            self._path,
            self._scratch,
            lambda descriptor: write_all(descriptor, text.encode()),
            durable=True,
            mode=0o600,
        )
        self._seen = None

    def refuse(self, digest: Digest) -> None:
        """Keep nobody from bringing bytes, but for those that were erased.

        Raises:
            BytesErased: they were.
        """
        certificate = self.certificate(digest)
        if certificate is not None:
            raise BytesErased(digest, certificate)

    @contextlib.contextmanager
    def telling(self, digest: Digest) -> Iterator[None]:
        """While an object is looked for: one that is missing since it was erased is said to be erased.

        Raises:
            ObjectErased: in place of ObjectMissing.
        """
        try:
            yield
        except ObjectMissing as error:
            certificate = self.certificate(digest)
            if certificate is None:
                raise
            raise ObjectErased(digest, certificate) from error

    def _read(self) -> dict[str, str]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (status.st_ino, status.st_mtime_ns)
        if seen != self._seen:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
            self._known = dict(line.split(" ", 1) for line in lines if " " in line)
            self._seen = seen
        return self._known
