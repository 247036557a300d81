"""Files of one form, on this disk (`file`) or in a bucket (`s3`): those that are new, or all of them.

With `mode = "append"` only what is new or changed is read; with `"replace"` all, once any of it changed.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import msgspec
import polars as pl

from ropeway.core.hashing import digest_file
from ropeway.data.file_errors import UnknownFormat
from ropeway.data.naming import FORMATS
from ropeway.data.read import read_table
from ropeway.data.sources.errors import RowsDoNotFit, SourceMissing, SourceTooLarge
from ropeway.data.sources.state import Fetched, Spool, State, rows_in_words
from ropeway.workspace.tables.source import Source

Opened = Callable[[str], Path]


def fetch_files(name: str, source: Source, state: State, root: Path, kinds: dict[str, str]) -> Fetched | None:
    """The rows of the files of a glob within the project; None where nothing changed.

    Raises:
        SourceMissing: no file answers to the glob, now or ever.
        FileUnreadable, BrokenRow, BadHeader, RowsDoNotFit: a file cannot be read, or not beside the others.
    """
    inside = root.resolve()
    found = sorted(
        path
        for path in root.glob(source.path or "")
        if path.is_file() and path.resolve().is_relative_to(inside)
    )
    sizes = {path.relative_to(root).as_posix(): path.stat().st_size for path in found}
    _check_size(name, source, sum(sizes.values()))
    members = {each: str(digest_file(root / each)) for each in sizes}
    return _read(source, state, members, lambda each: root / each, kinds)


def fetch_objects(
    name: str, source: Source, state: State, spool: Spool, kinds: dict[str, str]
) -> Fetched | None:
    """The rows of the objects under a prefix; None where nothing changed.

    Raises:
        BucketsUnsupported, SourceUnreachable: the bucket cannot be asked.
        SourceMissing: nothing is under the prefix, now or ever.
        FileUnreadable, BrokenRow, BadHeader, RowsDoNotFit: one cannot be read, or not beside others.
    """
    from ropeway.data.buckets import list_objects

    listed, fetch = list_objects(source.url or "", endpoint=source.endpoint, region=source.region)
    rows = [each for each in listed if each.size_bytes]
    members = {each.key: each.etag for each in rows}
    wanted = set(_wanted(source, state, members))
    _check_size(name, source, sum(each.size_bytes for each in rows if each.key in wanted))

    def opened(key: str) -> Path:
        path = spool()
        with path.open("xb") as file:
            fetch(key, file.write)
        return path

    return _read(source, state, members, opened, kinds)


def _wanted(source: Source, state: State, members: dict[str, str]) -> list[str]:
    """The names to be read: none where nothing changed."""
    if members == state.members:
        return []
    if source.mode == "replace":
        return list(members)
    return [each for each, mark in members.items() if state.members.get(each) != mark]


def _read(
    source: Source, state: State, members: dict[str, str], opened: Opened, kinds: dict[str, str]
) -> Fetched | None:
    if not members and not state.members:
        raise SourceMissing(source.url or source.path or "")
    wanted = _wanted(source, state, members)
    if not wanted:
        return None
    frames: list[pl.DataFrame] = []
    only = len(members) == len(wanted) == 1
    for each in wanted:
        form = FORMATS.get(PurePosixPath(each).suffix.lower())
        if form is None:
            raise UnknownFormat(Path(each), "its ending is none that is known")
        path = opened(each)
        digest = digest_file(path) if only else None
        frames.append(read_table(path, form=form, kinds=kinds, shown=Path(each)))
    rows = joined(frames, wanted)
    files = f"{len(wanted):,} {'file' if len(wanted) == 1 else 'files'}"
    moved = msgspec.structs.replace(state, members=members)
    return Fetched(
        rows,
        moved,
        f"{rows_in_words(rows)} from {files}",
        path if only else None,
        str(form) if only else "parquet",
        digest,
    )


def joined(frames: list[pl.DataFrame], names: list[str]) -> pl.DataFrame:
    """Rows of several files, one below the other; a column that one lacks is missing there.

    Raises:
        RowsDoNotFit: a column holds what cannot stand in one column.
    """
    if len(frames) == 1:
        return frames[0]
    try:
        return pl.concat(frames, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise RowsDoNotFit(names[-1], str(error).splitlines()[0]) from error


def _check_size(name: str, source: Source, size: int) -> None:
    if size > source.max_bytes:
        raise SourceTooLarge(name, size, source.max_bytes)
