"""The port: blobs by name.

Contract: a name means the same bytes for ever, so that a `put` may be repeated by anybody, at any time. `put`
that returned is durable where the backend keeps things; a reader sees a whole blob or none. Nothing here
verifies what it reads: whoever asks knows the digest. Nothing relies on compare-and-swap. Safe for many
threads and processes. Every failure of the network, of rights or of the disk is `BackendUnavailable`, and may
be tried again.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from ropeway.store.errors import BadBlobName

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
LONGEST_NAME = 512


class Blob(msgspec.Struct, frozen=True):
    """What a listing says of a blob."""

    name: str
    size_bytes: int


class Backend(Protocol):
    """Where blobs lie."""

    def put(self, name: str, data: bytes | memoryview | Path) -> None:
        """Keep some bytes, or a file's, under a name. Durable on return.

        Raises:
            BadBlobName: the name is no name.
            BackendUnavailable: it could not be done now.
        """
        ...

    def get(self, name: str) -> bytes:
        """All bytes of a blob.

        Raises:
            BlobMissing: there is none.
        """
        ...

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """So many bytes of a blob, from `start` on.

        Raises:
            BlobMissing: there is none.
            BadRange: the blob does not have these bytes, or none were asked for.
        """
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a blob."""
        ...

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """The blobs in a folder, such as `packs`, and below it; all without one. In no particular order."""
        ...

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error."""
        ...


def checked_name(name: str) -> str:
    """The name that is given.

    Raises:
        BadBlobName: it is none: lower-case letters, digits, `.`, `_` and `-` in parts between `/`.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadBlobName(name)
    return name
