"""A segment as it lies: its header and its sound records, each with the ordinal that its id has."""

import re
from pathlib import Path

import msgspec

from ropeway.core.ids import ALPHABET
from ropeway.predictions.errors import SegmentMisnamed
from ropeway.predictions.identity import segment_name
from ropeway.predictions.record import SegmentHeader
from ropeway.store import read_segment, salvage_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.store.segments import FRAME, MAGIC

SEGMENTS = "segments"
"""The folder of all segments, below the workspace's home."""

_NAME = re.compile(rf"([{ALPHABET}]+)-([0-9]{{1,15}})\.seg", re.ASCII)
_decode_header = msgspec.json.Decoder(SegmentHeader).decode


class Lying(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment's file holds.

    Attributes:
        header: who wrote it.
        header_bytes: the header as written.
        records: with their ordinals; None behind damage that hides how many records it took.
        torn: the last record was cut off, as a kill leaves it.
        damaged: anything else is not as it was written.
    """

    header: SegmentHeader
    header_bytes: bytes
    records: list[tuple[int | None, bytes]]
    torn: bool
    damaged: bool


def read_lying(path: Path) -> Lying:
    """All that is sound in a segment, whether its writer lives or not.

    Raises:
        SegmentDamaged: its header is not sound, so nobody knows whose records these are.
        SegmentMisnamed: its header tells another name: a copy, whose records must not count twice.
        FileNotFoundError: it is not there, or not any more.
    """
    whole = read_segment(path)
    try:
        header = _decode_header(whole.header)
    except msgspec.MsgspecError as error:
        raise SegmentDamaged(str(path)) from error
    name = segment_name(header.replica, header.segment)
    if path.name != name:
        raise SegmentMisnamed(str(path), name)
    if not whole.torn:
        return Lying(
            header=header,
            header_bytes=whole.header,
            records=list(enumerate(whole.records)),
            torn=False,
            damaged=False,
        )
    salvage = salvage_segment(path)
    return Lying(
        header=header,
        header_bytes=whole.header,
        records=_numbered(path.read_bytes(), len(whole.header), salvage.records),
        torn=salvage.torn,
        damaged=salvage.damaged,
    )


def open_segments(home: Path, kind: str) -> list[Path]:
    """The files of a kind's segments, in the order of their places; a hidden one is not yet made."""
    placed = [(place_of(path), path) for path in (home / SEGMENTS / kind).glob("[!.]*.seg")]
    return [path for _, path in sorted(placed)]


def place_of(path: Path) -> tuple[str, int]:
    """The replica and the segment that a file is named after; of another file its name, and 0."""
    match = _NAME.fullmatch(path.name)
    return (match[1], int(match[2])) if match else (path.name, 0)


def _numbered(data: bytes, header_length: int, records: list[bytes]) -> list[tuple[int | None, bytes]]:
    """Salvaged records with their ordinals, found again by where they lie.

    A wrong ordinal would join what people said to another prediction, so one that is not sure is None.
    """
    at = len(MAGIC) + FRAME.size + header_length
    ordinal: int | None = 0
    numbered: list[tuple[int | None, bytes]] = []
    for record in records:
        begins = data.find(record, at + FRAME.size) - FRAME.size
        # A live writer may have added to the file since it was salvaged, never taken from it.
        lost = _frames_between(data, at, begins)
        ordinal = None if ordinal is None or lost is None else ordinal + lost
        numbered.append((ordinal, record))
        ordinal = None if ordinal is None else ordinal + 1
        at = begins + FRAME.size + len(record)
    return numbered


def _frames_between(data: bytes, at: int, end: int) -> int | None:
    """How many frames stand there, by their lengths; None when those do not lead to the end."""
    count = 0
    while at < end:
        at += FRAME.size + FRAME.unpack_from(data, at)[0]
        count += 1
    return count if at == end else None
