"""CSV and TSV files, read strictly: what is broken is named by its line, nothing is filled in or cut off.

polars reads the values; Python's `csv` first walks the rows, for it knows in which line a row stands.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from ropeway.data.file_errors import BadHeader, BrokenRow, FileEmpty, FileUnreadable, NotUtf8
from ropeway.data.kinds import infer, parse

DELIMITERS = (",", ";", "\t", "|")
BLOCK_BYTES = 1 << 20
HEADER_BYTES = 1 << 20
"""A header is not longer."""
FIELD_LIMIT = 1 << 30
"""Python's own limit for one field is 128 KB: less than a long text."""


def read_delimited(path: Path, kinds: Mapping[str, str] | None = None, *, shown: Path) -> pl.DataFrame:
    """A CSV file's rows.

    Args:
        path: where the bytes are.
        kinds: the kinds that columns are known to have; the others are inferred from all values. A column
            with a value that does not fit is inferred too, for the contract to complain about.
        shown: the path that errors name.

    Raises:
        NotUtf8, FileEmpty, BadHeader, BrokenRow: as they say.
    """
    text = _decode(path, shown)
    delimiter = _delimiter(text)
    header, blank, records = _walk(text, delimiter, shown)
    try:
        frame = pl.read_csv(
            text.encode(), separator=delimiter, infer_schema=False, new_columns=header, raise_if_empty=False
        )
    except pl.exceptions.PolarsError as error:
        raise FileUnreadable(shown, f"polars says {str(error).splitlines()[0]!r}") from error
    if frame.height != records:
        raise FileUnreadable(
            shown, f"its quotes are ambiguous: {records:,} records read as {frame.height:,} rows"
        )
    if blank:
        kept = pl.int_range(frame.height, eager=True).is_in(blank).not_()
        frame = frame.filter(kept)
    return frame.with_columns(_typed(frame[name], (kinds or {}).get(name)) for name in frame.columns)


def header_of(data: bytes) -> tuple[list[str], str, int]:
    """The names in the first record of a file that was read before, its delimiter, and how long it is."""
    data = data[:HEADER_BYTES]
    text = data.decode("utf-8-sig", errors="replace")
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(reader)]
    # A quoted name may hold a line's end, so the record is as many lines long as the reader took.
    return header, delimiter, sum(len(line) for line in data.splitlines(keepends=True)[: reader.line_num])


def _decode(path: Path, shown: Path) -> str:
    """The file's text without byte-order mark; its bytes must be UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    parts: list[str] = []
    line = 1
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            if not parts and block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise NotUtf8(shown, "it is UTF-16", next_step=_recode(shown, "UTF-16"))
            try:
                parts.append(decoder.decode(block))
            except UnicodeDecodeError as error:
                line += bytes(error.object)[: error.start].count(b"\n")
                byte = bytes(error.object)[error.start]
                raise NotUtf8(
                    shown,
                    f"line {line:,} is not UTF-8 (byte 0x{byte:02x})",
                    next_step=_recode(shown, "WINDOWS-1252"),
                ) from None
            line += block.count(b"\n")
    if decoder.getstate()[0]:
        raise NotUtf8(shown, f"line {line:,} ends within a UTF-8 character: the file was cut off")
    text = "".join(parts)
    if not text.strip():
        raise FileEmpty(shown, "it is empty")
    # A file of old Macs ends its lines with CR alone.
    return text if "\n" in text else text.replace("\r", "\n")


def _recode(path: Path, encoding: str) -> str:
    return f"iconv -f {encoding} -t UTF-8 '{path}' > '{path.stem}-utf8{path.suffix}'"


def _delimiter(text: str) -> str:
    """The sign that cuts the header into the most names; a comma when none does."""
    header = text.partition("\n")[0]

    def names(sign: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(header, newline=""), delimiter=sign), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=names)


def _walk(text: str, delimiter: str, shown: Path) -> tuple[list[str], list[int], int]:
    """Check every row against the header; give the names, which records are blank, and how many there are."""
    records = _records(text, delimiter, shown)
    _, header = next(records)
    header = [name.strip() for name in header]
    if not header:
        raise BadHeader(shown, "the first line is blank")
    _check_header(header, shown)
    blank: list[int] = []
    broken: list[tuple[int, int]] = []
    rows = 0
    for rows, (line, record) in enumerate(records, 1):
        if not record and len(header) > 1:
            blank.append(rows - 1)
        elif record and len(record) != len(header):
            broken.append((line, len(record)))
    if broken:
        line, got = broken[0]
        raise BrokenRow(
            shown,
            line,
            expected=f"{_fields(len(header))}, as the header has ({', '.join(header[:8])})",
            got=_fields(got),
            others=len(broken) - 1,
        )
    if rows == len(blank):
        raise FileEmpty(shown, "it has a header and no rows")
    return header, blank, rows


def _records(text: str, delimiter: str, shown: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line in which it starts."""
    csv.field_size_limit(FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "an opened quote that is never closed" if "end of data" in str(error) else str(error)
        raise BrokenRow(shown, line, expected="fields quoted as RFC 4180 says", got=reason) from error


def _check_header(header: list[str], shown: Path) -> None:
    for number, name in enumerate(header, 1):
        if not name:
            raise BadHeader(shown, f"column {number} has no name")
        if name in header[: number - 1]:
            raise BadHeader(shown, f"'{name}' is the name of column {header.index(name) + 1} and of {number}")


def _typed(texts: pl.Series, kind: str | None) -> pl.Series:
    if kind is not None:
        parsed, broken = parse(texts, kind)
        if not broken.any():
            return parsed
    return infer(texts)


def _fields(many: int) -> str:
    return "1 field" if many == 1 else f"{many} fields"
