"""A version's rows piece by piece, for what walks through all of them in memory that does not grow.

Each piece has the types that `read.read_table` gave the whole. A file whose form does not let it be cut
where it is (a CSV file with blank lines, with one column, or with stray quotes; JSON of objects within
objects) comes as one piece, as `data add` read it.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from ropeway.data.apart import PIECE_BYTES, pieces_apart
from ropeway.data.delimited import header_of
from ropeway.data.file_errors import FileUnreadable
from ropeway.data.kinds import SCALARS, parse
from ropeway.data.parquet import parquet_pieces
from ropeway.data.read import as_kind, read_table

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


class Pieces(Protocol):
    """The rows of something, to be walked through as often as is needed."""

    def __call__(self) -> Iterator[pl.DataFrame]:
        """Begin anew."""
        ...


def pieces(
    path: Path,
    *,
    form: str,
    kinds: Mapping[str, str],
    rows: int,
    piece_bytes: int = PIECE_BYTES,
    shown: Path | None = None,
    is_foreign: bool = False,
) -> Iterator[pl.DataFrame]:
    """The rows of a file that was read before, in its order.

    Args:
        path: where the bytes are.
        form: `csv`, `parquet` or `jsonl`.
        kinds: the kinds of all columns, as they were recorded.
        rows: how many there are.
        piece_bytes: about so much of the file at a time.
        shown: what errors call it, where that is not the path.
        is_foreign: whoever asks may have brought it: Parquet is then read apart.

    Raises:
        FileUnreadable: it is not what it was recorded as.
        UnpacksTooFar: it is foreign, and a bomb.
    """
    found: Iterator[pl.DataFrame] | None = None
    if form == "parquet" and is_foreign:
        found = pieces_apart(path, piece_bytes=piece_bytes, shown=shown)
    elif form == "parquet":
        found = parquet_pieces(path, piece_bytes)
    elif form == "csv" and path.stat().st_size > piece_bytes:
        found = _of_csv(path, kinds, rows, piece_bytes)
    elif form == "jsonl" and path.stat().st_size > piece_bytes:
        found = _of_json_lines(path, kinds, piece_bytes)
    if found is None:
        yield read_table(path, form=form, kinds=kinds, shown=shown)
        return
    try:
        yield from found
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileUnreadable(shown or path, f"it is no {form} file of these columns ({first})") from error


def _of_json_lines(path: Path, kinds: Mapping[str, str], piece_bytes: int) -> Iterator[pl.DataFrame] | None:
    schema = {name: _json_type(kind) for name, kind in kinds.items()}
    known = {name: dtype for name, dtype in schema.items() if dtype is not None}
    return _json_pieces(path, known, kinds, piece_bytes) if len(known) == len(schema) else None


def _json_pieces(
    path: Path, schema: Mapping[str, pl.DataType], kinds: Mapping[str, str], piece_bytes: int
) -> Iterator[pl.DataFrame]:
    with path.open("rb") as file:
        while lines := file.readlines(piece_bytes):
            text = b"".join(line for line in lines if line.strip()).removeprefix(b"\xef\xbb\xbf")
            if text:
                frame = pl.read_ndjson(io.BytesIO(text), schema=schema)
                yield frame.with_columns(as_kind(frame[name], kinds[name]) for name in frame.columns)


def _json_type(kind: str) -> pl.DataType | None:
    """What a kind is read as; None for one that only the whole file tells."""
    if kind.startswith("list["):
        inner = _json_type(kind[5:-1])
        return None if inner is None else pl.List(inner)
    # JSON has no dates: they are read as texts first.
    return pl.String() if kind in {"date", "datetime"} else SCALARS.get(kind)


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Where a CSV file can be cut, and what was counted on the way."""

    places: list[int]
    records: int
    blanks: int


def _of_csv(
    path: Path, kinds: Mapping[str, str], rows: int, piece_bytes: int
) -> Iterator[pl.DataFrame] | None:
    cuts = _csv_cuts(path, piece_bytes)
    # Quotes that do not come in pairs, lines that end otherwise: counted so, the records are others.
    if cuts.blanks or cuts.records != rows + 1 or len(kinds) < 2:
        return None
    return _csv_pieces(path, kinds, cuts.places)


def _csv_pieces(path: Path, kinds: Mapping[str, str], places: list[int]) -> Iterator[pl.DataFrame]:
    with path.open("rb") as file:
        for number, (start, end) in enumerate(zip([0, *places], places, strict=False)):
            file.seek(start)
            block = file.read(end - start)
            if not number:
                header, delimiter, length = header_of(block)
                block = block[length:]
            if not block:
                continue
            frame = pl.read_csv(
                io.BytesIO(block),
                separator=delimiter,
                has_header=False,
                schema=dict.fromkeys(header, pl.String()),
                raise_if_empty=False,
            )
            yield frame.with_columns(parse(frame[name], kinds[name])[0] for name in frame.columns)


def _csv_cuts(path: Path, piece_bytes: int) -> _Cuts:
    """Ends of records about a piece apart: newlines before which quotes came in pairs."""
    status = path.stat()
    return _cuts_of(path, piece_bytes, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _cuts_of(path: Path, piece_bytes: int, *_identity: int) -> _Cuts:
    places: list[int] = []
    records = blanks = at = last_end = last_byte = 0
    is_quoted = False
    with path.open("rb") as file:
        while block := file.read(piece_bytes):
            data = np.frombuffer(block, dtype=np.uint8)
            is_end = data == _NEWLINE
            if is_quoted or _QUOTE in block:
                # In bytes: 256 is even, so that a count that runs over says the same of pairs.
                inside = (np.cumsum(data == _QUOTE, dtype=np.uint8) + np.uint8(is_quoted)) & 1
                is_end &= inside == 0
                is_quoted = bool(inside[-1])
            local = np.flatnonzero(is_end)
            if len(local):
                lengths = np.diff(local + at + 1, prepend=last_end)
                before = np.where(local > 0, data[local - 1], last_byte)
                blanks += int(((lengths == 1) | ((lengths == 2) & (before == _RETURN))).sum())
                records += len(local)
                last_end = int(local[-1]) + at + 1
                places.append(last_end)
            at += len(block)
            last_byte = block[-1]
    if at > last_end:
        records += 1
        places.append(at)
    return _Cuts(places, records, blanks)
