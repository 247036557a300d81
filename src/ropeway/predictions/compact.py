"""A segment as Parquet, and the check that the Parquet is what was sealed."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ropeway.predictions.columns import KINDS, Kind, to_frame, to_records
from ropeway.predictions.errors import SealBroken
from ropeway.predictions.merkle import new_salt, root_of
from ropeway.predictions.record import SegmentHeader
from ropeway.predictions.sealed import SealedSegment, parquet_of
from ropeway.predictions.segments import Lying

if TYPE_CHECKING:
    import polars as pl

HEADER, SALT = "ropeway.header", "ropeway.salt"
GROUP_ROWS = 8_192
"""Rows of a row group: finding one record decodes as many."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """A segment's Parquet, the root over what it holds, and that as a table."""

    parquet: bytes
    root: str
    frame: "pl.DataFrame"


class Unpacked(msgspec.Struct, frozen=True):
    """What a sealed segment's Parquet holds, as it was written: the header, and the records."""

    header: bytes
    records: list[bytes]


def compact(kind: Kind, lying: Lying) -> Compacted:
    """Put a segment's records into Parquet, with a fresh salt."""
    records = [record for _, record in lying.records]
    frame, salt = to_frame(kind, lying.header, lying.records), new_salt()
    assert to_records(kind, frame) == records, "columns give back the records that they were made of"
    written = io.BytesIO()
    told = {HEADER: lying.header_bytes.decode(), SALT: salt.hex()}
    frame.write_parquet(written, compression="zstd", row_group_size=GROUP_ROWS, metadata=told)
    return Compacted(written.getvalue(), root_of(salt, [lying.header_bytes, *records]), frame)


def unpack(home: Path, sealed: SealedSegment) -> Unpacked:
    """A sealed segment's records, held against the root that its event tells.

    Raises:
        SealBroken: they are not those that were sealed.
        ObjectMissing, ObjectDamaged: the Parquet is not there, or not what it was.
    """
    import polars as pl

    path = parquet_of(home, sealed)
    told = pl.read_parquet_metadata(path)
    kind = KINDS[sealed.kind]
    header, records = told[HEADER].encode(), to_records(kind, kind.read_parquet([path]).collect())
    if root_of(bytes.fromhex(told[SALT]), [header, *records]) != sealed.root:
        raise SealBroken(sealed.kind, sealed.file_name)
    return Unpacked(header, records)


def header_of(path: Path) -> SegmentHeader:
    """The header that stands in a sealed segment's Parquet."""
    import polars as pl

    return msgspec.json.decode(pl.read_parquet_metadata(path)[HEADER], type=SegmentHeader)
