"""What is wrong with a file that is brought.

Invalid    ── FileUnreadable   a folder, empty, header only, unknown format, not UTF-8, truncated, a bomb …
           ├─ BrokenRow        a row that does not fit the file's own header
           └─ BadHeader        columns without a name or with the same name
TooLarge   ── ListingTooLarge  a folder of a guest's with more files than a server lists
NotFound   ── FileMissing
Conflict   ── FileChanged      somebody wrote to it while it was read
"""

import difflib
from collections.abc import Iterable
from pathlib import Path

from ropeway.core.errors import Conflict, Invalid, NotFound, TooLarge

READABLE = "a .csv, .tsv, .parquet or .jsonl file"


class FileMissing(NotFound):
    """No file at the path.

    Args:
        path: where none is.
        beside: the names of the data files in that folder.
    """

    code = "file-missing"

    def __init__(self, path: Path, beside: Iterable[str]) -> None:
        # By the stem: a folder and an ending that both share would make any file look like a near miss.
        names = {Path(name).stem: name for name in beside}
        near = difflib.get_close_matches(path.stem, names, n=1)
        super().__init__("file", str(path), next_step=f"ls {path.parent}")
        self.what += f" Did you mean '{path.with_name(names[near[0]])}'?" if near else ""
        self.expected = READABLE


class FileUnreadable(Invalid):
    """A file that holds no table that can be read."""

    code = "file-unreadable"

    def __init__(self, path: Path, reason: str, *, next_step: str = "") -> None:
        super().__init__(
            f"'{path}' cannot be read: {reason}.", expected=READABLE, next_step=next_step, path=str(path)
        )


class UnknownFormat(FileUnreadable):
    """A file whose ending says nothing that is known."""

    code = "unknown-format"


class UnpacksTooFar(FileUnreadable):
    """A file that somebody brought, and that unpacks to far more than its size allows."""

    code = "unpacks-too-far"

    def __init__(self, path: Path, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            path,
            f"its {size_bytes:,} bytes unpack to more than {most_bytes:,}",
            next_step="restore the version (ropeway data restore) and look into it on your own machine",
        )
        self.expected = "a file that unpacks to what data of its size does"


class ListingTooLarge(TooLarge):
    """A folder of more files than a server lists at once."""

    code = "listing-too-large"

    def __init__(self, name: str, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"The folder for '{name}' has a listing of {size_bytes:,} bytes.",
            expected=f"at most {most_bytes:,} bytes, about a million files",
            next_step="bring it as several datasets, or pack its files",
        )


class FileEmpty(FileUnreadable):
    """A file without a single row."""

    code = "file-empty"


class NotUtf8(FileUnreadable):
    """Text in another encoding."""

    code = "not-utf8"


class BrokenRow(Invalid):
    """A row that does not fit the file's own form."""

    code = "broken-row"

    def __init__(self, path: Path, line: int, *, expected: str, got: str, others: int = 0) -> None:
        more = f" {others:,} more rows are broken." if others else ""
        super().__init__(
            f"Line {line:,} of '{path}' is broken: it has {got}.{more}",
            expected=expected,
            next_step=f"sed -n {line}p '{path}'",
            path=str(path),
            line=line,
            got=got,
        )


class BadHeader(Invalid):
    """Columns without a name, or several of one name."""

    code = "bad-header"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The columns of '{path}' cannot be told apart: {reason}.",
            expected="a name for each column, each name once",
            next_step='name the columns in the file (pandas: to_csv(..., index_label="id"), or index=False)',
            path=str(path),
        )


class FileChanged(Conflict):
    """Somebody wrote to the file while it was read."""

    code = "file-changed"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path}' changed while it was being read.",
            expected="a file that nobody writes to",
            next_step="run the command again when the file is whole",
            path=str(path),
        )
