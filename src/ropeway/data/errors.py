"""Errors of the data room.

Invalid    ── FileUnreadable   a folder, empty, header only, unknown format, not UTF-8, truncated …
           ├─ BrokenRow        a row that does not fit the file's own header
           ├─ BadHeader        columns without a name or with the same name
           ├─ BadKeys          a split's key that is missing or given twice
           ├─ BadName          a dataset name that cannot be one
           └─ ContractFileBroken
NotFound   ── FileMissing, DatasetNotFound, ContractMissing, ColumnNotFound
Conflict   ── SplitFixed       another salt, key, group or shares than the split was first drawn with
           └─ SplitMoved       another process drew the split at the same time
Refused    ── ContractViolated, ContractChanged, ChecksFailed
Failed     ── CheckRaised      the project's own check function raised
"""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from ropeway.core.errors import Conflict, Failed, Invalid, NotFound, Refused, did_you_mean
from ropeway.core.hashing import short

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


class BadName(Invalid):
    """A dataset name that cannot be one."""

    code = "bad-dataset-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' cannot be a dataset's name.",
            expected="lower-case letters, digits, '-' and '_', a letter or digit first",
            next_step="ropeway data add FILE --name my-data",
            name=name,
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


class DatasetNotFound(NotFound):
    """No dataset, or no version, of that name."""

    code = "dataset-not-found"

    def __init__(self, reference: str, known: Iterable[str]) -> None:
        known = list(known)
        step = "ropeway data list" if known else "ropeway data add FILE --name NAME"
        super().__init__("dataset", reference, known=known, next_step=step)


class ColumnNotFound(NotFound):
    """A column that the project names and the dataset lacks."""

    code = "dataset-column-not-found"

    def __init__(self, dataset: str, column: str, columns: Iterable[str], named_in: str) -> None:
        columns = list(columns)
        super().__init__("column", column, known=columns, next_step=f"correct {named_in}")
        self.what = f"Dataset '{dataset}' has no column '{column}'.{did_you_mean(column, columns)}"


class ContractMissing(NotFound):
    """The contract's file is gone although the dataset has one."""

    code = "contract-missing"

    def __init__(self, name: str, file: str) -> None:
        super().__init__(
            "contract file",
            file,
            next_step=f"git checkout {file}, or: ropeway data contract {name}",
        )


class ContractFileBroken(Invalid):
    """A contract file that cannot be understood."""

    code = "contract-file-broken"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"The contract '{file}' cannot be understood: {reason}.",
            expected="the form that ropeway wrote; see docs",
            next_step=f"edit {file}",
            file=file,
        )


class ContractViolated(Refused):
    """A version that breaks its contract may not train.

    Args:
        reference: the dataset version.
        violations: as `(column, expected, got, row numbers)` in words, the first ones.
        total: how many there are.
    """

    code = "contract-violated"

    def __init__(self, name: str, version: str, sentences: Sequence[str], total: int) -> None:
        shown = "\n".join(f"  {sentence}" for sentence in sentences[:5])
        more = f"\n  and {total - 5} more" if total > 5 else ""
        shown = f":\n{shown}{more}" if shown else "."
        super().__init__(
            f"Dataset '{name}' version {short(version)} breaks its contract in {_places(total)}{shown}",
            expected=f"data as contracts/{name}.toml says",
            next_step=f"mend the data and add it again, or review contracts/{name}.toml "
            f"and: ropeway data check {name}",
            dataset=name,
            version=version,
            violations=list(sentences),
        )


class ContractChanged(Refused):
    """The contract was edited, and the version not held against it since."""

    code = "contract-changed"

    def __init__(self, name: str, version: str, shown: str) -> None:
        super().__init__(
            f"contracts/{name}.toml changed since dataset '{name}' version {short(version)} was checked.",
            expected="a version that was held against the contract as it now stands",
            next_step=f"ropeway data check {shown}",
            dataset=name,
            version=version,
        )


class ChecksFailed(Refused):
    """A version that one of the project's own checks found fault with may not train."""

    code = "checks-failed"

    def __init__(self, name: str, version: str, failed: Sequence[str]) -> None:
        super().__init__(
            f"Dataset '{name}' version {short(version)} fails the project's check: {', '.join(failed)}.",
            expected='no offending rows in a check of severity "error"',
            next_step=f"ropeway data check {name}",
            dataset=name,
            version=version,
            checks=list(failed),
        )


class CheckRaised(Failed):
    """The project's own check raised, or returned what is no frame of rows."""

    code = "check-raised"

    def __init__(self, check: str, file: str, reason: str, line: int | None = None) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(
            f"The check '{check}' could not be done ({place}): {reason}.",
            expected="a function that takes the rows and returns the offending ones, a polars DataFrame",
            next_step=f"edit {place}",
            check=check,
            file=file,
            line=line,
        )


class BadKeys(Invalid):
    """A key column that does not tell the rows apart."""

    code = "bad-keys"

    def __init__(self, dataset: str, column: str, reason: str) -> None:
        super().__init__(
            f"Column '{column}' cannot be the key of dataset '{dataset}': {reason}.",
            expected="a value in each row, each value once",
            next_step="mend the data, or name another column as `key` in ropeway.toml [inputs.*]",
            dataset=dataset,
            column=column,
        )


class SplitFixed(Conflict):
    """The split was drawn with other settings, and is never drawn again."""

    code = "split-fixed"

    def __init__(self, dataset: str, setting: str, drawn: object, asked: object) -> None:
        super().__init__(
            f"The split of '{dataset}' was drawn with {setting} = {drawn!r} and is never drawn again; "
            f"ropeway.toml now says {asked!r}.",
            expected=f"{setting} = {drawn!r}",
            next_step="put the setting back in ropeway.toml; a new split needs a dataset under a new name",
            dataset=dataset,
            setting=setting,
        )


class SplitMoved(Conflict):
    """Another process assigned parts in the meantime; trying again finds them."""

    code = "split-moved"

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"The split of '{dataset}' was extended by another process just now.",
            next_step="run the command again",
            dataset=dataset,
        )


def _places(many: int) -> str:
    return "1 place" if many == 1 else f"{many:,} places"
