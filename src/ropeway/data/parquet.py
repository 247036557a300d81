"""Parquet: the bytes of rows of our own making, and the rows of a file piece by piece."""

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ropeway.data.kinds import without_wide_integers

MOST_ROWS = 250_000
"""Of a piece, however few bytes they take."""


def parquet_bytes(frame: pl.DataFrame, **told: str) -> bytes:
    """A frame as Parquet; what is `told` stands beside the rows."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", metadata=told or None)
    return buffer.getvalue()


def parquet_pieces(path: Path, piece_bytes: int) -> Iterator[pl.DataFrame]:
    """The rows of a Parquet file, about so much of the file at a time."""
    lazy = pl.scan_parquet(path)
    rows = int(lazy.select(pl.len()).collect().item())
    share = piece_bytes / max(path.stat().st_size, 1)
    step = max(1, min(MOST_ROWS, round(rows * share)))
    for start in range(0, rows, step):
        yield without_wide_integers(lazy.slice(start, step).collect())
