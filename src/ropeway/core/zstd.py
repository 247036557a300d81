"""zstd, which Python has from 3.14 on and its backport before: frames made, and read as they should be."""

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdCompressor
    else:
        from backports.zstd import ZstdCompressor


class _Own(threading.local):
    """Each thread's compressors, by level."""

    def __init__(self) -> None:
        self.compressors: dict[int, ZstdCompressor] = {}


_own = _Own()


class BadFrame(ValueError):
    """Bytes that are not one whole frame of the length that they should have. Never seen by users."""


def compress(data: bytes | memoryview, level: int) -> bytes:
    """One frame, which says how long it is unpacked.

    Raises:
        ImportError: neither this Python nor a package has zstd; likewise from `decompress`.
    """
    compressor = _compressor(level)
    return compressor.compress(data, compressor.FLUSH_FRAME)


def decompress(frame: bytes | memoryview, raw_bytes: int) -> bytes:
    """What one frame holds; never more memory than `raw_bytes`, whatever it announces.

    Raises:
        BadFrame: it is damaged, is not alone, or holds fewer or more bytes.
    """
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError, get_frame_info
    else:
        from backports.zstd import ZstdDecompressor, ZstdError, get_frame_info

    try:
        # A frame that announces another length would be given as much memory as it asks for.
        if get_frame_info(frame).decompressed_size != raw_bytes:
            raise BadFrame("it announces another length")
        reader = ZstdDecompressor()
        raw = reader.decompress(frame, raw_bytes)
        # At the length asked for it may not have looked at the end yet.
        beyond = b"" if reader.eof else reader.decompress(b"", 1)
    except ZstdError as error:
        raise BadFrame(str(error)) from error
    if len(raw) != raw_bytes or beyond or not reader.eof or reader.unused_data:
        raise BadFrame("it ends elsewhere than it says")
    return raw


def _compressor(level: int) -> "ZstdCompressor":
    """This thread's own, since making one costs more than what is short."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdCompressor
    else:
        from backports.zstd import ZstdCompressor

    if level not in _own.compressors:
        _own.compressors[level] = ZstdCompressor(level)
    return _own.compressors[level]
