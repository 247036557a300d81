"""The layout of a pack, version 1: what its bytes mean, and nothing about files.

    magic (8) · entries · index · footer

    entry   header (60): kind u8, coding u8, zero u16, CRC-32 of coded bytes u32, raw length u64,
            stored length u64, digest (32), CRC-32 of these 56 bytes u32; then the stored bytes
    index   for each entry in order: digest (32), offset u64, stored length u64, raw length u64,
            coded CRC u32, kind u8, coding u8, zero u16
    footer  (56): number of entries u64, BLAKE3 of index and number (32), zero u64, end magic (8)

Numbers are little-endian. Entries follow each other without gaps, so that the index can be made again by
walking the headers. For a recipe the raw length is that of the object it makes.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import blake3

MAGIC = b"RWPACK\x01\n"
END_MAGIC = b"RWEND\x01\r\n"
HEADER = struct.Struct("<BBHIQQ32s")
HEADER_CRC = struct.Struct("<I")
HEADER_BYTES = HEADER.size + HEADER_CRC.size
RECORD = struct.Struct("<32sQQQIBBH")
FOOTER = struct.Struct("<Q32sQ8s")

OBJECT = 1
"""A whole object."""
CHUNK = 2
"""A piece of large objects; no object by itself."""
RECIPE = 3
"""Which chunks make an object."""


class Entry(NamedTuple):
    """Where something lies in a pack. `offset` is that of its header."""

    digest: bytes
    offset: int
    stored: int
    raw: int
    crc: int
    kind: int
    coding: int

    @property
    def payload_at(self) -> int:
        """Where its bytes begin."""
        return self.offset + HEADER_BYTES

    @property
    def end(self) -> int:
        """Where the next entry begins."""
        return self.offset + HEADER_BYTES + self.stored


def header_of(entry: Entry) -> bytes:
    """The bytes that stand before an entry's payload."""
    head = HEADER.pack(entry.kind, entry.coding, 0, entry.crc, entry.raw, entry.stored, entry.digest)
    return head + HEADER_CRC.pack(zlib.crc32(head))


def entry_at(header: bytes, offset: int) -> Entry | None:
    """The entry that a header announces; None where it is no sound header."""
    if len(header) < HEADER_BYTES:
        return None
    head = header[: HEADER.size]
    if HEADER_CRC.unpack_from(header, HEADER.size)[0] != zlib.crc32(head):
        return None
    kind, coding, _, crc, raw, stored, digest = HEADER.unpack(head)
    return Entry(digest, offset, stored, raw, crc, kind, coding)


def index_of(entries: Sequence[Entry]) -> bytes:
    """Index and footer."""
    index = b"".join([RECORD.pack(*entry, 0) for entry in entries])
    return index + FOOTER.pack(len(entries), _seal(index, len(entries)), 0, END_MAGIC)


def footer_of(footer: bytes, length: int) -> tuple[int, bytes] | None:
    """How many entries the index has, and its seal; None where it is no sound footer of a file so long."""
    if len(footer) != FOOTER.size:
        return None
    count, seal, zero, magic = FOOTER.unpack(footer)
    fits = len(MAGIC) + count * RECORD.size + FOOTER.size <= length
    return (count, seal) if magic == END_MAGIC and not zero and fits else None


def entries_of(index: bytes, count: int, seal: bytes) -> list[Entry] | None:
    """The entries of an index; None where it is not what was written."""
    if _seal(index, count) != seal:
        return None
    return [Entry(*record[:7]) for record in _records(index)]


def _records(index: bytes) -> Iterator[tuple[bytes, int, int, int, int, int, int, int]]:
    return RECORD.iter_unpack(index)


def _seal(index: bytes, count: int) -> bytes:
    return blake3.blake3(index).update(count.to_bytes(8, "little")).digest()
