"""Digests of bytes, files and values: BLAKE3, 64 hex digits."""

from pathlib import Path

import blake3

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest

SHORT_LENGTH = 10


def digest_bytes(data: bytes | memoryview) -> Digest:
    """The digest of some bytes."""
    return Digest(blake3.blake3(data).hexdigest())


def digest_file(path: Path) -> Digest:
    """The digest of a file's content, read in bounded memory."""
    return Digest(blake3.blake3().update_mmap(path).hexdigest())


def digest_json(value: object) -> Digest:
    """The digest of a value's canonical JSON."""
    return digest_bytes(canonical(value))


def short(digest: str) -> str:
    """The first ten digits, for people."""
    return digest[:SHORT_LENGTH]
