"""Append-only files of framed records, for what is too frequent to be an event: points, predictions.

Contract: `append` that returned survives `kill -9` (one `write` to the file, nothing kept back in memory); it
survives power loss after `flush`. A torn tail, left by a kill or a full disk, is recognised and passed over.
One writer a file, which holds a lock on it while it lives, so that others can tell a dead one.

Layout: magic, then frames of length (u32), CRC-32 of the payload (u32), payload; first of all the header's.
"""

import contextlib
import errno
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ropeway.store.errors import SegmentDamaged
from ropeway.store.files import in_our_words, make_private, sync_folder, write_all

MAGIC = b"RWSEG\x00\x01\n"
FRAME = struct.Struct("<II")
SALVAGED_BYTES = 1 << 21
"""A longer record is not looked for behind a damaged place, where any four bytes may pass for a length."""


class Segment(msgspec.Struct, frozen=True):
    """A segment as read: its header, its whole records in order, and whether a torn tail was passed over."""

    header: bytes
    records: list[bytes]
    torn: bool


class Salvage(msgspec.Struct, frozen=True):
    """What is sound in a segment that may be damaged.

    Attributes:
        records: all that are whole, in order, those behind a damaged place too; the header is not among them.
        torn: whether the last record was cut off, as a kill leaves it.
        damaged: whether anything else is not as it was written.
    """

    records: list[bytes]
    torn: bool
    damaged: bool


class SegmentWriter:
    """Writes one new segment.

    Args:
        path: the file; must not exist yet. Its folder is made when absent.
        header: opaque bytes that stand first.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        self.count = 0
        with in_our_words(path.parent):
            self._begin(header)

    def _begin(self, header: bytes) -> None:
        path = self.path
        make_private(path.parent)
        # Locked under another name first, so that nobody ever sees it unlocked and takes it for abandoned.
        newborn = path.with_name(f".{path.name}.new")
        self._descriptor = os.open(
            newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        self._lock = threading.Lock()
        self._is_open = True
        self._flushed_bytes = 0
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_all(self._descriptor, MAGIC + frame_of(header))
            self.size_bytes = len(MAGIC) + FRAME.size + len(header)
            newborn.rename(path)
        # A segment that was never whole must leave no file and no lock; what was raised goes on its way.
        except BaseException:
            os.close(self._descriptor)
            newborn.unlink(missing_ok=True)
            raise

    def append(self, record: bytes) -> int:
        """Write one record; gives its ordinal, from 0. Survives `kill -9` on return.

        Raises:
            OutOfSpace: the disk is full; the record is not there, those before it are.
        """
        frame = frame_of(record)
        with self._lock:
            self.append_frame(frame)
            return self.count - 1

    def append_frame(self, frame: bytes) -> None:
        """As `append`, of what `frame_of` gave, for a caller whose own lock keeps other threads away."""
        try:
            if os.write(self._descriptor, frame) < len(frame):
                _cut_short()
        except OSError:
            # Half a frame would hide every later one from readers.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size_bytes)
            with in_our_words(self.path.parent):
                raise
        self.size_bytes += len(frame)
        self.count += 1

    def flush(self) -> None:
        """Make everything appended so far survive power loss."""
        if not self._is_open:
            return
        size = self.size_bytes
        if size > self._flushed_bytes:
            with in_our_words(self.path.parent):
                os.fsync(self._descriptor)
            # The name needs it once; renaming or moving the file later is not this writer's doing.
            if not self._flushed_bytes:
                sync_folder(self.path.parent)
            self._flushed_bytes = size

    def close(self) -> None:
        """Flush, and let go of the file and its lock. Closing twice is harmless."""
        if self._is_open:
            self.flush()
            self._is_open = False
            os.close(self._descriptor)


def frame_of(payload: bytes) -> bytes:
    """A record as it stands in the file."""
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def read_segment(path: Path) -> Segment:
    """All whole records of a segment, whether its writer lives or not.

    Raises:
        SegmentDamaged: it does not begin as a segment does.
    """
    data = path.read_bytes()
    frames = list(_frames(data, path))
    end = len(MAGIC) + sum(FRAME.size + len(frame) for frame in frames)
    return Segment(header=frames[0], records=frames[1:], torn=end < len(data))


def read_frames(path: Path, at: int, limit_bytes: int) -> tuple[list[bytes], int]:
    """Whole records of a segment from a place on, as many as a limit takes in, and the place behind them.

    The records end where one is not whole: it may be being written. A record longer than the limit is given
    alone.

    Args:
        path: the file, whose writer may live.
        at: where to begin: 0, or what an earlier call gave.
        limit_bytes: how much is read at once.

    Raises:
        SegmentDamaged: it does not begin as a segment does.
    """
    with path.open("rb") as source:
        source.seek(at)
        data = source.read(limit_bytes)
        if len(data) >= FRAME.size and at:
            longest = FRAME.size + FRAME.unpack_from(data)[0]
            if len(data) < longest <= SALVAGED_BYTES:
                data += source.read(longest - len(data))
    if not at:
        frames = list(_frames(data, path))
        return frames[1:], len(MAGIC) + sum(FRAME.size + len(frame) for frame in frames)
    frames = list(_frames(MAGIC + data, path)) if _sound_frame(data, 0) is not None else []
    return frames, at + sum(FRAME.size + len(frame) for frame in frames)


def salvage_segment(path: Path) -> Salvage:
    """Read what can be read of a segment, however damaged.

    A frame whose length alone is wrong is known by its checksum, once the next sound frame shows its end.
    Empty records are not found: eight zero bytes would be one.
    """
    data = path.read_bytes()
    records: list[bytes] = []
    at = len(MAGIC)
    torn, damaged = len(data) <= at, not MAGIC.startswith(data[:at])
    while at < len(data):
        payload, after = _sound_frame(data, at), 0
        if payload is None:
            after = next((n for n in range(at + 1, len(data)) if _sound_frame(data, n)), len(data))
            payload = _of_another_length(data, at, after)
            is_tail = payload is None and after == len(data) and _is_torn_tail(data, at)
            torn, damaged = is_tail, damaged or not is_tail
        if payload is not None and at > len(MAGIC):
            records.append(payload)
        at = after or at + FRAME.size + len(payload or b"")
    return Salvage(records=records, torn=torn, damaged=damaged)


def read_record(path: Path, ordinal: int) -> bytes | None:
    """The record with that ordinal, or None when the segment has none."""
    for position, frame in enumerate(_frames(path.read_bytes(), path), start=-1):
        if position == ordinal:
            return frame
    return None


def is_abandoned(path: Path) -> bool:
    """Whether the segment's writer is gone: nobody holds its lock."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a segment whose writer is gone, so that one process at a time makes something of it.

    False where its writer lives, where another holds it, or where it is gone by now.
    """
    try:
        # To write: else a network's file system gives nobody a lock that is one's own.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before may have finished with it.
        is_ours = path.exists()
    except BlockingIOError:
        is_ours = False
    try:
        yield is_ours
    finally:
        os.close(descriptor)


def _cut_short() -> None:
    """A short write means that the disk is full."""
    raise OSError(errno.ENOSPC, "short write")


def _sound_frame(data: bytes, at: int) -> bytes | None:
    """The payload of the frame there; None where its checksum is wrong, or it is empty or too long to try."""
    if at + FRAME.size > len(data):
        return None
    length, crc = FRAME.unpack_from(data, at)
    if not 0 < length <= min(SALVAGED_BYTES, len(data) - at - FRAME.size):
        return None
    payload = data[at + FRAME.size : at + FRAME.size + length]
    return payload if zlib.crc32(payload) == crc else None


def _of_another_length(data: bytes, at: int, after: int) -> bytes | None:
    """What lies between two places, when it is the payload that the damaged frame's checksum is of."""
    payload = data[at + FRAME.size : after]
    return payload if payload and zlib.crc32(payload) == FRAME.unpack_from(data, at)[1] else None


def _is_torn_tail(data: bytes, at: int) -> bool:
    """Whether what is left is a frame not written to its end, or the zeros that power loss leaves."""
    rest = data[at:]
    is_cut = len(rest) < FRAME.size or FRAME.unpack_from(rest)[0] > len(rest) - FRAME.size
    return is_cut or not rest.strip(b"\0")


def _frames(data: bytes, path: Path) -> Iterator[bytes]:
    """The whole frames from the start to the first that is torn."""
    if not data.startswith(MAGIC):
        raise SegmentDamaged(str(path))
    at, is_first = len(MAGIC), True
    while at + FRAME.size <= len(data):
        length, crc = FRAME.unpack_from(data, at)
        payload = data[at + FRAME.size : at + FRAME.size + length]
        if len(payload) < length or zlib.crc32(payload) != crc:
            break
        yield payload
        is_first = False
        at += FRAME.size + length
    if is_first:
        raise SegmentDamaged(str(path))
