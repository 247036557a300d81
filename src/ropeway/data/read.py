"""Files of rows → frames: CSV, Parquet and JSON lines, each mistake with its place and the next step."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

from ropeway.data.apart import PIECE_BYTES, pieces_apart
from ropeway.data.delimited import read_delimited
from ropeway.data.file_errors import (
    BadHeader,
    BrokenRow,
    FileEmpty,
    FileMissing,
    FileUnreadable,
    NotUtf8,
    UnknownFormat,
)
from ropeway.data.kinds import SCALARS, kind_of, parse, without_wide_integers
from ropeway.data.naming import FORMATS


def format_of(path: Path) -> str:
    """The format of an existing file, by its ending.

    Raises:
        FileMissing: nothing is there.
        FileUnreadable: a folder.
        UnknownFormat: the ending says nothing that is known.
    """
    if path.is_dir():
        files = sorted(file.name for file in path.iterdir() if file.suffix.lower() in FORMATS)
        step = f"ropeway data add '{path / files[0]}' --name NAME" if files else ""
        raise FileUnreadable(path, "it is a folder", next_step=step)
    if not path.exists():
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        raise FileMissing(path, (file.name for file in beside if file.suffix.lower() in FORMATS))
    known = FORMATS.get(path.suffix.lower())
    if known is None:
        reason = f"'{path.suffix}' is no format that is known" if path.suffix else "its name has no ending"
        step = "write one JSON object a line and name the file .jsonl" if path.suffix == ".json" else ""
        raise UnknownFormat(path, reason, next_step=step)
    return known


def read_table(
    path: Path,
    *,
    form: str,
    kinds: Mapping[str, str] | None = None,
    shown: Path | None = None,
    is_foreign: bool = False,
) -> pl.DataFrame:
    """The rows of a file.

    Args:
        path: where the bytes are.
        form: `csv`, `parquet` or `jsonl`.
        kinds: the kinds that columns are known to have. A text file's values are read as these where they
            fit; read again with the kinds that came out, it gives the same frame for ever.
        shown: the path that errors name, when it is not where the bytes are.
        is_foreign: whoever asks may have brought it: Parquet is then read apart.

    Raises:
        FileUnreadable: empty, truncated or of another encoding (with its own code for each).
        BadHeader: columns without a name, or of the same name.
        BrokenRow: a row that does not fit, with its line.
    """
    shown = shown or path
    if path.stat().st_size == 0:
        raise FileEmpty(shown, "it is empty")
    match form:
        case "csv":
            frame = read_delimited(path, kinds, shown=shown)
        case "parquet":
            frame = _read_apart(path, shown) if is_foreign else _read_parquet(path, shown)
        case "jsonl":
            frame = _read_json_lines(path, kinds or {}, shown)
        case _:
            raise FileUnreadable(shown, f"a version of the format '{form}' has no rows that are read here")
    frame = without_wide_integers(frame)
    if not frame.width:
        raise BadHeader(shown, "there are none")
    if not frame.height:
        raise FileEmpty(shown, "it has columns and no rows")
    return frame


def _read_parquet(path: Path, shown: Path) -> pl.DataFrame:
    try:
        # Not from a memory map: a frame may outlive the file that it came from.
        return pl.read_parquet(path, memory_map=False)
    except pl.exceptions.DuplicateError as error:
        raise BadHeader(shown, str(error).splitlines()[0]) from error
    # Boundary: a damaged file makes the reader raise of many kinds, some of them its own panics. Rarely it
    # aborts the process (an allocation as large as damaged bytes say), which nothing here can catch; nothing
    # was written by then, and a child process to read in first would make every file be read twice.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileUnreadable(shown, f"it is no whole Parquet file ({first})") from error


def _read_apart(path: Path, shown: Path) -> pl.DataFrame:
    pieces = list(pieces_apart(path, piece_bytes=PIECE_BYTES, shown=shown))
    if not pieces:
        raise FileEmpty(shown, "it has no rows")
    return pl.concat(pieces)


def _read_json_lines(path: Path, kinds: Mapping[str, str], shown: Path) -> pl.DataFrame:
    rows = _walk_json_lines(path, shown)
    if not rows:
        raise FileEmpty(shown, "it has no rows")
    # The walk has found every line to be one object, so what is left to polars is types.
    try:
        frame = pl.read_ndjson(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise FileUnreadable(
            shown, f"its lines do not form a table ({str(error).splitlines()[0]})"
        ) from error
    if frame.height != rows:
        raise FileUnreadable(shown, f"{rows:,} lines gave {frame.height:,} rows")
    return frame.with_columns(as_kind(frame[name], kinds.get(name)) for name in frame.columns)


def _walk_json_lines(path: Path, shown: Path) -> int:
    """Check that every line is a JSON object; give how many there are."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    rows = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not content.strip():
                continue
            try:
                decoder.decode(content)
            except UnicodeDecodeError:
                raise NotUtf8(shown, f"line {number:,} is not UTF-8") from None
            except msgspec.DecodeError as error:
                raise BrokenRow(shown, number, expected="one JSON object", got=_what_else(error)) from None
            rows += 1
    return rows


def _what_else(error: msgspec.DecodeError) -> str:
    """What stands on a line that is no JSON object."""
    if isinstance(error, msgspec.ValidationError):
        found = re.search(r"got `(\w+)`", str(error))
        return f"JSON of another kind: {found[1]}" if found else "JSON of another kind"
    place = re.search(r"byte (\d+)", str(error))
    if place:
        return f"no JSON from byte {int(place[1]) + 1:,} on"
    return "JSON that breaks off before its end"


def as_kind(series: pl.Series, kind: str | None) -> pl.Series:
    """A JSON column as the kind it is known to have, where nothing is lost by that."""
    if kind is None or kind not in SCALARS or kind_of(series.dtype) == kind:
        return series
    if series.null_count() == len(series) or (kind == "number" and kind_of(series.dtype) == "integer"):
        return series.cast(SCALARS[kind])
    if kind in {"date", "datetime"} and series.dtype == pl.String:
        parsed, broken = parse(series, kind)
        return series if broken.any() else parsed
    return series
