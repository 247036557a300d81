"""A recipe: which chunks, in order, make a large object. Reading one needs no chunker.

magic (4) · version u8 · chunker u8 · zero u16 · object's length u64 · number of chunks u64 ·
for each chunk: digest (32), length u32 · BLAKE3 of all before (32)
"""

import struct

import blake3
import msgspec

from ropeway.store.chunking import CHUNKER

MAGIC = b"RWRC"
VERSION = 1
HEAD = struct.Struct("<4sBBHQQ")
PART = struct.Struct("<32sI")
SEAL_BYTES = 32


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One chunk of an object."""

    digest: bytes
    length: int


class Recipe(msgspec.Struct, frozen=True):
    """The chunks of an object, and its length in bytes."""

    length: int
    parts: tuple[Part, ...]

    def to_bytes(self) -> bytes:
        """As it is stored."""
        head = HEAD.pack(MAGIC, VERSION, CHUNKER, 0, self.length, len(self.parts))
        body = head + b"".join(PART.pack(part.digest, part.length) for part in self.parts)
        return body + blake3.blake3(body).digest()


def recipe_of(data: bytes) -> Recipe | None:
    """The recipe that some bytes hold; None where they are not what was written."""
    body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if len(body) < HEAD.size or blake3.blake3(body).digest() != seal:
        return None
    magic, version, _chunker, _, length, count = HEAD.unpack_from(body)
    if (magic, version) != (MAGIC, VERSION) or len(body) != HEAD.size + count * PART.size:
        return None
    parts = tuple(Part(*part) for part in PART.iter_unpack(body[HEAD.size :]))
    return Recipe(length, parts) if sum(part.length for part in parts) == length else None
