"""Bytes: objects by digest, trees, segments, and a cache that may vanish. Only this room writes bytes.

An object is kept loose (one file), packed with others, or in chunks that a recipe names; who reads need not
know. `backends` is where blobs can lie besides: a folder or a bucket.

Not here: what the bytes mean (the rooms above), and which of them are still needed.
"""

from ropeway.store.objects import Store
from ropeway.store.segments import (
    Salvage,
    Segment,
    SegmentWriter,
    claimed,
    is_abandoned,
    read_frames,
    read_record,
    read_segment,
    salvage_segment,
)

__all__ = [
    "Salvage",
    "Segment",
    "SegmentWriter",
    "Store",
    "claimed",
    "is_abandoned",
    "read_frames",
    "read_record",
    "read_segment",
    "salvage_segment",
]
