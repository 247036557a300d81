"""How bytes are stored: as they are, or compressed where that pays. The digest is of the raw ones."""

import zlib

from ropeway.core.zstd import BadFrame, compress, decompress
from ropeway.store.errors import CodingUnavailable

RAW = 0
ZSTD = 1
LEVEL = 1
SAMPLE_BYTES = 16 << 10
"""So many bytes from the middle are tried before the whole is compressed."""
WORTHWHILE = 0.9
"""Compressed is kept where it is shorter than this share of the raw bytes."""
SMALL_BYTES = 512
"""What is shorter is not compressed."""
GLANCE_BYTES = 128
RANDOM_FROM = 88
"""So many different ones among 128: compressed or encrypted already. Text has under 50, random bytes 101."""
LARGEST_DECODED = 64 << 20
"""No entry is longer: a chunk has at most 4 MiB, a packed object at most 8."""


class Undecodable(Exception):
    """Stored bytes that are not what their entry says. Never seen by users: becomes ObjectDamaged."""


def encode(data: bytes | memoryview) -> tuple[int, bytes | memoryview]:
    """The coding, and the bytes to be stored."""
    if len(data) < SMALL_BYTES or _looks_random(data):
        return RAW, data
    try:
        if len(data) > SAMPLE_BYTES:
            at = (len(data) - SAMPLE_BYTES) // 2
            if len(compress(data[at : at + SAMPLE_BYTES], LEVEL)) > WORTHWHILE * SAMPLE_BYTES:
                return RAW, data
        packed = compress(data, LEVEL)
    except ImportError:
        return RAW, data
    return (ZSTD, packed) if len(packed) < WORTHWHILE * len(data) else (RAW, data)


def decode(coding: int, stored: bytes, raw_bytes: int) -> bytes:
    """The raw bytes; never more than the entry declares, whatever the stored ones say.

    Raises:
        Undecodable: they do not say what the entry declares.
        CodingUnavailable: they are compressed, and the library is missing.
    """
    if coding == RAW and len(stored) == raw_bytes:
        return stored
    if coding != ZSTD or raw_bytes > LARGEST_DECODED:
        raise Undecodable
    try:
        return decompress(stored, raw_bytes)
    except ImportError as error:
        raise CodingUnavailable from error
    except BadFrame as error:
        raise Undecodable from error


def check(coding: int, stored: bytes | memoryview) -> int:
    """A checksum of coded bytes: a flipped bit there need not change what they decode to."""
    return 0 if coding == RAW else zlib.crc32(stored)


def _looks_random(data: bytes | memoryview) -> bool:
    at = (len(data) - GLANCE_BYTES) // 2
    return len(set(data[at : at + GLANCE_BYTES])) >= RANDOM_FROM
