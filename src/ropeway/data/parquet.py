"""Rows of our own making as the bytes that are kept of them."""

import io

import polars as pl


def parquet_bytes(frame: pl.DataFrame, **told: str) -> bytes:
    """A frame as Parquet; what is `told` stands beside the rows."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", metadata=told or None)
    return buffer.getvalue()
