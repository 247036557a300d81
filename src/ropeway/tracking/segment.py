"""A run's points at rest: one object of packed columns, read as a whole or one metric at a time.

Layout: magic, the length of the header (u32), the header as JSON, then the parts that it lists, each as
`series.pack` makes it. An object that an earlier release sealed is a segment of records instead
(`tracking.harvest` reads those). Nothing in it may have to be erased: names of metrics, and numbers.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ropeway.core.ids import RunId
from ropeway.store.files import in_our_words
from ropeway.tracking.errors import PointsDamaged
from ropeway.tracking.series import Series, joined, pack, unpack

MAGIC = b"RWCOL\x00\x01\n"
PART_POINTS = 1 << 16
_LENGTH = struct.Struct("<I")


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One packed part: its length, how many points, and the places of the metrics that are in it."""

    size_bytes: int
    count: int
    keys: list[int]


class Header(msgspec.Struct, frozen=True, rename={"run": "points-of"}):
    """What a segment says of itself."""

    run: RunId
    count: int
    keys: list[str]
    parts: list[Part]


def write_segment(series: Series, run: RunId, path: Path) -> None:
    """Write points as a file to be put into the store."""
    packed: list[bytes] = []
    parts: list[Part] = []
    for piece in _pieces(series):
        used, piece = _own_keys(piece)  # noqa: PLW2901  the same points
        packed.append(pack(piece))
        parts.append(Part(len(packed[-1]), len(piece), used))
    header = msgspec.json.encode(Header(run, len(series), series.keys, parts))
    with in_our_words(path.parent), path.open("xb") as file:
        file.write(MAGIC + _LENGTH.pack(len(header)) + header)
        file.writelines(packed)


def is_segment(path: Path) -> bool:
    """Whether the file is such a segment, and none of records."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_points_of(path: Path, key: str = "") -> Series:
    """The points of a segment, or of one metric in it, in the order in which they were logged.

    Raises:
        PointsDamaged: it is not as it was written.
    """
    data = memoryview(path.read_bytes())
    at = len(MAGIC) + _LENGTH.size
    if len(data) < at or data[: len(MAGIC)] != MAGIC:
        raise PointsDamaged("the segment does not begin as one does")
    (length,) = _LENGTH.unpack_from(data, len(MAGIC))
    try:
        header = msgspec.json.decode(data[at : at + length], type=Header)
    except msgspec.MsgspecError as error:
        raise PointsDamaged(f"the head of the segment does not read ({error})") from error
    if key and key not in header.keys:
        return joined([])
    wanted = header.keys.index(key) if key else -1
    found, at = [], at + length
    for part in header.parts:
        if wanted < 0 or wanted in part.keys:
            piece = unpack(data[at : at + part.size_bytes])
            found.append(piece.of_key(key) if key else piece)
        at += part.size_bytes
    return joined(found)


def _pieces(series: Series) -> Iterator[Series]:
    for first in range(0, len(series), PART_POINTS):
        yield series.take(slice(first, first + PART_POINTS))


def _own_keys(piece: Series) -> tuple[list[int], Series]:
    """The places of the keys that a piece has, and the piece with those alone."""
    import numpy as np

    used, key = np.unique(piece.key, return_inverse=True)
    names = [piece.keys[place] for place in used.tolist()]
    own = Series(names, key.astype(np.int32), piece.at_us, piece.step, piece.value, piece.begins)
    return used.tolist(), own
