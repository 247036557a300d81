"""Pixels as a PNG file, written here: no image library is needed for an array."""

import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's colour type by the number of channels: grey, grey and alpha, RGB, RGBA."""
LEVEL = 6


def png(array: Any) -> bytes:
    r"""An array of pixels as PNG.

    Args:
        array: height x width, or height x width x 1 to 4 channels, or channels x height x width as PyTorch
            has them: whole numbers from 0 to 255, yes and no, floats from 0 to 1 (beyond them, the nearest).

    Raises:
        ValueError: it has another shape, or numbers that are no pixels.

    Example:
        >>> png([[0, 255]])[:4]
        b'\x89PNG'
    """
    pixels = _pixels(array)
    height, width, channels = pixels.shape
    # Each row stands behind a byte that says how it was filtered: not at all.
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, LEVEL)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixels(array: Any) -> "NDArray[np.uint8]":
    import numpy as np

    found = np.asarray(array)
    if found.ndim == 2:
        found = found[:, :, np.newaxis]
    # As PyTorch lays them out, where it can be nothing else.
    if found.ndim == 3 and found.shape[2] not in COLOURS and found.shape[0] in (1, 3, 4):
        found = found.transpose(1, 2, 0)
    if found.ndim != 3 or found.shape[2] not in COLOURS or not found.size:
        raise ValueError(f"it has the shape {np.shape(array)}")
    if found.dtype == bool:
        found = found * np.uint8(255)
    elif found.dtype.kind == "f":
        found = np.rint(np.clip(np.nan_to_num(found), 0.0, 1.0) * 255)
    elif found.dtype.kind not in "iu" or found.min() < 0 or found.max() > 255:
        raise ValueError(f"its numbers are {found.dtype} and not all from 0 to 255")
    return np.ascontiguousarray(found.astype(np.uint8))
