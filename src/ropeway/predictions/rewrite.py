"""A sealed segment without some of its records: for erasure, which no other reason rewrites one for."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.core.ids import Digest
from ropeway.predictions.columns import KINDS, to_records
from ropeway.predictions.compact import GROUP_ROWS, HEADER, SALT
from ropeway.predictions.events import SegmentRewritten
from ropeway.predictions.merkle import new_salt, root_of
from ropeway.predictions.sealed import SealedSegment, parquet_of
from ropeway.store import Store

if TYPE_CHECKING:
    import polars as pl


def records_of(home: Path, sealed: SealedSegment) -> "pl.DataFrame":
    """A sealed segment's records as columns, with their places."""
    return KINDS[sealed.kind].read_parquet([parquet_of(home, sealed)]).collect()


def rewrite(
    home: Path, store: Store, sealed: SealedSegment, unwanted: "pl.Series", *, certificate: str
) -> SegmentRewritten:
    """Keep a segment's other records as a Parquet of their own; gives the event that says so, not recorded.

    Args:
        home: the workspace's folder.
        store: where the Parquet goes.
        sealed: the segment.
        unwanted: for each record, in order, whether it must go.
        certificate: the erasure that this is part of.
    """
    import polars as pl

    kind = KINDS[sealed.kind]
    header = pl.read_parquet_metadata(parquet_of(home, sealed))[HEADER]
    frame = records_of(home, sealed).filter(~unwanted)
    salt, records = new_salt(), to_records(kind, frame)
    written = io.BytesIO()
    told = {HEADER: header, SALT: salt.hex()}
    frame.write_parquet(written, compression="zstd", row_group_size=GROUP_ROWS, metadata=told)
    return SegmentRewritten(
        kind=sealed.kind,
        replica=sealed.replica,
        segment=sealed.segment,
        records=frame.height,
        erased=int(unwanted.sum()),
        root=root_of(salt, [header.encode(), *records]),
        content=store.put(written.getvalue()),
        replaced=Digest(sealed.content),
        certificate=certificate,
    )
