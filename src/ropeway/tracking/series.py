"""Points in columns: a key, a time, a step and a value each; packed into few bytes, and back.

The packed form is released with every database and object that holds it and is read for ever: a head, the
names of the keys as msgpack, then one column after the other, of integers the differences, bytes of equal
weight side by side, all of it compressed with zstd where that pays. A checksum of the whole tells damage.

No point is an object here: columns are arrays of numpy.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ropeway.core.zstd import BadFrame, compress, decompress
from ropeway.tracking.errors import PointsDamaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_STEP = -(2**63)
"""Stands in the column of steps where a point has none; no step is as low."""
MAGIC = b"RWP1"
HEAD = struct.Struct("<4sBIII")
CRC = struct.Struct("<I")
COMPRESSED, CALLS = 1, 2
"""Flags: the columns are compressed; there is a column that says where a call of `log` begins."""
LEVEL = 3
SMALL_BYTES = 200
"""What is shorter is not compressed."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points in the order in which they were logged; all columns are equally long.

    Attributes:
        keys: the names of metrics.
        key: of each point, the place of its name in `keys`; 32 bits.
        at_us: microseconds since 1970; 64 bits.
        step: `NO_STEP` where there is none; 64 bits.
        value: double precision; NaN and infinities are values.
        begins: whether the point is the first of a call of `log`.
    """

    keys: list[str]
    key: "NDArray[np.int32]"
    at_us: "NDArray[np.int64]"
    step: "NDArray[np.int64]"
    value: "NDArray[np.float64]"
    begins: "NDArray[np.bool_]"

    def __len__(self) -> int:
        """How many points."""
        return self.value.size

    def take(self, where: Any) -> "Series":
        """Some of the points: a mask, places, or a slice."""
        columns = (self.key, self.at_us, self.step, self.value, self.begins)
        return Series(self.keys, *(column[where] for column in columns))

    def of_key(self, name: str) -> "Series":
        """The points of one metric."""
        if name not in self.keys:
            return self.take(slice(0))
        return self if len(self.keys) == 1 else self.take(self.key == self.keys.index(name))

    def ordered(self) -> "Series":
        """By step, then time, then value, as MLflow orders a history; a point without a step is at 0."""
        import numpy as np

        step = np.where(self.step == NO_STEP, 0, self.step)
        if _grows(step):
            return self
        return self.take(np.lexsort((self.value, self.at_us, step)))

    def distinct(self) -> "Series":
        """Without repeated points: the same key, step, time and value (bit by bit) is one point."""
        import numpy as np

        if _grows(self.at_us):
            return self
        bits = self.value.view(np.int64)
        order = np.lexsort((bits, self.at_us, self.step, self.key))
        same = np.ones(len(self) - 1, dtype=bool)
        for column in (self.key, self.step, self.at_us, bits):
            sorted_column = column[order]
            same &= sorted_column[1:] == sorted_column[:-1]
        if not same.any():
            return self
        # The sort is stable: of equal points the one that came first stays.
        keep = np.ones(len(self), dtype=bool)
        keep[order[1:][same]] = False
        return self.take(keep)


def columns(
    keys: Sequence[str],
    values: Iterable[float],
    at_us: Iterable[int],
    steps: Iterable[int],
) -> Series:
    """Points from columns with a name each, every point a call of its own.

    Args:
        keys: the metric of each point.
        values: its value.
        at_us: its time, microseconds since 1970.
        steps: its step; `NO_STEP` for none.
    """
    import numpy as np

    places: dict[str, int] = {}
    key = np.fromiter((places.setdefault(name, len(places)) for name in keys), np.int32, count=len(keys))
    return Series(
        list(places),
        key,
        np.array(at_us, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.array(values, dtype=np.float64),
        np.ones(len(keys), dtype=bool),
    )


def nothing() -> Series:
    """No points."""
    return columns([], [], [], [])


def joined(parts: Sequence[Series]) -> Series:
    """Several in a row, under one list of keys."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    if not parts:
        return nothing()
    places: dict[str, int] = {}
    key = []
    for part in parts:
        new = [places.setdefault(name, len(places)) for name in part.keys]
        is_same = new == list(range(len(new)))
        key.append(part.key if is_same else np.array(new, dtype=np.int32)[part.key])
    return Series(
        list(places),
        np.concatenate(key),
        np.concatenate([part.at_us for part in parts]),
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.begins for part in parts]),
    )


def pack(series: Series) -> bytes:
    """The points as bytes; see the module."""
    import numpy as np

    calls = not series.begins.all()
    width = _width(len(series.keys))
    parts = [_names(series.keys)]
    if width:
        parts.append(series.key.astype(f"<u{width}").tobytes())
    if calls:
        parts.append(np.packbits(series.begins).tobytes())
    parts += [
        _shuffled(_differences(series.step)),
        _shuffled(_differences(series.at_us)),
        _shuffled(series.value.view(np.int64)),
    ]
    raw = b"".join(parts)
    flags, stored = CALLS if calls else 0, raw
    if len(raw) >= SMALL_BYTES:
        shorter = compress(raw, LEVEL)
        if len(shorter) < len(raw):
            flags, stored = flags | COMPRESSED, shorter
    head = HEAD.pack(MAGIC, flags, len(series), len(raw), len(parts[0]))
    return head + CRC.pack(zlib.crc32(stored, zlib.crc32(head))) + stored


def unpack(data: bytes | memoryview) -> Series:
    """The points of what `pack` made.

    Raises:
        PointsDamaged: the bytes are not what `pack` made.
    """
    if len(data) < HEAD.size + CRC.size or data[:4] != MAGIC:
        raise PointsDamaged("they do not begin as packed points do")
    _, flags, count, raw_bytes, names_bytes = HEAD.unpack_from(data)
    (crc,) = CRC.unpack_from(data, HEAD.size)
    stored = memoryview(data)[HEAD.size + CRC.size :]
    if zlib.crc32(stored, zlib.crc32(data[: HEAD.size])) != crc:
        raise PointsDamaged("their checksum is another")
    raw = memoryview(_decompress(stored, raw_bytes)) if flags & COMPRESSED else stored
    try:
        keys = msgspec.msgpack.decode(raw[:names_bytes], type=list[str])
        return _columns_of(raw[names_bytes:], keys, count, has_calls=bool(flags & CALLS))
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise PointsDamaged(str(error)) from error


def _columns_of(raw: memoryview, keys: list[str], count: int, *, has_calls: bool) -> Series:
    import numpy as np

    width, at = _width(len(keys)), 0
    key = np.zeros(count, dtype=np.int32)
    if width:
        key = np.frombuffer(raw, f"<u{width}", count, at).astype(np.int32)
        at += width * count
    begins = np.ones(count, dtype=bool)
    if has_calls:
        packed = (count + 7) // 8
        begins = np.unpackbits(np.frombuffer(raw, np.uint8, packed, at), count=count).astype(bool)
        at += packed
    step = np.cumsum(_unshuffled(raw, at, count))
    at_us = np.cumsum(_unshuffled(raw, at + 8 * count, count))
    value = _unshuffled(raw, at + 16 * count, count).view(np.float64)
    if at + 24 * count != len(raw) or (count and int(key.max()) >= len(keys)):
        raise PointsDamaged("their columns have other lengths than they say")
    return Series(keys, key, step=step, at_us=at_us, value=value, begins=begins)


def _grows(column: "NDArray[np.int64]") -> bool:
    """Whether each is higher than the one before, so that nothing need be sorted."""
    return bool((column[1:] > column[:-1]).all())


def _width(keys: int) -> int:
    """How many bytes say which of so many keys."""
    return 0 if keys <= 1 else 1 if keys <= 1 << 8 else 2 if keys <= 1 << 16 else 4


def _differences(column: "NDArray[np.int64]") -> "NDArray[np.int64]":
    import numpy as np

    # Wraps around where a step is missing, and back again when it is summed up.
    return np.diff(column, prepend=np.int64(0))


def _shuffled(column: "NDArray[np.int64]") -> bytes:
    import numpy as np

    little = np.ascontiguousarray(column, dtype="<i8")
    return little.view(np.uint8).reshape(-1, 8).T.tobytes()


def _unshuffled(raw: memoryview, at: int, count: int) -> "NDArray[np.int64]":
    import numpy as np

    planes = np.frombuffer(raw, np.uint8, 8 * count, at).reshape(8, count)
    return np.ascontiguousarray(planes.T).reshape(-1).view("<i8")


def _names(keys: list[str]) -> bytes:
    return msgspec.msgpack.encode(keys)


def _decompress(stored: memoryview, raw_bytes: int) -> bytes:
    try:
        return decompress(stored, raw_bytes)
    except BadFrame as error:
        raise PointsDamaged(str(error)) from error
