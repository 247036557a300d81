"""Rows of our own making as the bytes that are kept of them."""

import io

import polars as pl


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A frame as Parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
