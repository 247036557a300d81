"""Errors of the data room.

Invalid    ── FileUnreadable   a folder, empty, header only, unknown format, not UTF-8, truncated, a bomb …
           ├─ ListingTooLarge  a folder of a guest's with more files than a server lists
           ├─ BrokenRow        a row that does not fit the file's own header
           ├─ BadHeader        columns without a name or with the same name
           ├─ BadKeys          a split's key that is missing or given twice
           ├─ BadName          a dataset name that cannot be one
           ├─ ContractFileBroken, NotComparable
           └─ SourceTooLarge, RowsDoNotFit, NotAPin   what came from a source
NotFound   ── FileMissing, DatasetNotFound, ContractMissing, ColumnNotFound
           └─ SourceNotFound, SourceMissing
Conflict   ── SplitFixed       another salt, key, group or shares than the split was first drawn with
           ├─ SplitMoved       another process drew the split at the same time
           ├─ SourceMoved      another process pulled from the source at the same time
           ├─ SourceChanged    what is referred to is no longer what was pinned
           └─ FilesInTheWay    restoring would overwrite what is kept nowhere
Refused    ── ContractViolated, ContractChanged, ChecksFailed
           ├─ NotRestorable    the version is referred to, not kept
           └─ AddressNotOpened, AddressNotShared   of a server's callers
Failed     ── CheckRaised      the project's own check function raised
           └─ QueryFailed      the project's own query did not run
Unavailable── SourceUnreachable, SourceUnset, BucketsUnsupported
"""

import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ropeway.core.errors import (
    Conflict,
    Failed,
    Invalid,
    NotFound,
    Refused,
    TooLarge,
    Unavailable,
    did_you_mean,
)
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


class NotComparable(Invalid):
    """Two versions that no difference can be told of."""

    code = "not-comparable"

    def __init__(self, before: str, after: str, reason: str, next_step: str) -> None:
        super().__init__(
            f"'{before}' and '{after}' cannot be compared row by row: {reason}.",
            expected="two versions of one dataset with one key",
            next_step=next_step,
            before=before,
            after=after,
        )


class NotRestorable(Refused):
    """The version's bytes are not here, and never were."""

    code = "not-restorable"

    def __init__(self, shown: str, uri: str) -> None:
        super().__init__(
            f"{shown} is referred, not kept: its bytes are at '{uri}' and nowhere here.",
            expected="a version that was brought",
            next_step=f"fetch it from {uri}",
            reference=shown,
            uri=uri,
        )


class FilesInTheWay(Conflict):
    """Restoring would overwrite files whose bytes are no version of the dataset."""

    code = "files-in-the-way"

    def __init__(self, shown: str, files: Sequence[str], command: str) -> None:
        more = f" and {len(files) - 3:,} more" if len(files) > 3 else ""
        super().__init__(
            f"Restoring {shown} would overwrite what is no version of it: "
            f"{', '.join(repr(each) for each in files[:3])}{more}. Nothing was written.",
            expected="nothing there, or an unchanged version of the same dataset",
            next_step=f"move them away, add them first (ropeway data add), or: {command} --force",
            reference=shown,
            files=list(files[:100]),
        )


class SourceChanged(Conflict):
    """What is referred to is no longer what it was."""

    code = "source-changed"

    def __init__(self, shown: str, uri: str, what: str, pinned: object, found: object) -> None:
        name = {"size_bytes": "size", "last_modified": "date"}.get(what, what)
        super().__init__(
            f"{shown} refers to '{uri}', and that has changed: its {name} was {pinned}, and is {found}.",
            expected=f"the {name} {pinned}",
            next_step=f"bring back what it was, or make a new version: ropeway data add --refer '{uri}' "
            f"--name {shown.partition('@')[0]}",
            reference=shown,
            uri=uri,
            pinned=pinned,
            found=found,
        )


class SourceMissing(NotFound):
    """Nothing is at the address that a version refers to, or that a source names."""

    code = "source-missing"

    def __init__(self, uri: str) -> None:
        super().__init__(
            "data at", uri, next_step="check the address, and whether it can be reached from here"
        )


class NotAPin(Invalid):
    """What a version is to refer to its data by is no such object."""

    code = "not-a-pin"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The object {short(digest)}… does not say where data is, nor by what it is known.",
            expected="what ropeway data add --refer makes",
            digest=digest,
        )


class AddressNotOpened(Refused):
    """A server was asked for data that is referred to: it would have to open what a caller has named."""

    code = "address-not-opened"

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"The data is referred to at '{uri[:200]}', and a server opens no address that is on record.",
            expected="data that was brought",
            next_step="ask in the project's own folder, or bring it: ropeway data add FILE",
            uri=uri[:200],
        )


class AddressNotShared(Refused):
    """A caller from afar refers to what others could not, or should not, open."""

    code = "address-not-shared"

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"'{uri[:200]}' cannot be referred to through a server: {reason}.",
            expected="a public http(s) URL, or s3://bucket/key",
            next_step="bring it: ropeway data add FILE",
            uri=uri[:200],
        )


class SourceUnreachable(Unavailable):
    """A source could not be asked."""

    code = "source-unreachable"

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"'{uri}' could not be asked: {reason}.",
            expected="an address that answers, and credentials in the environment that it takes",
            uri=uri,
        )


class BucketsUnsupported(Unavailable):
    """The library that speaks with buckets is an extra, and not installed."""

    code = "buckets-unsupported"

    def __init__(self) -> None:
        super().__init__(
            "Buckets are asked through obstore, which is not installed.",
            expected="the extra 's3'",
            next_step=f"{sys.executable} -m pip install 'ropeway[s3]'",
        )


class SourceNotFound(NotFound):
    """The project file declares no such source."""

    code = "source-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("source", name, known=known, next_step=f"declare [source.{name}] in ropeway.toml")


class SourceUnset(Unavailable):
    """The environment variable that a source names is not set."""

    code = "source-unset"

    def __init__(self, source: str, variable: str) -> None:
        super().__init__(
            f"[source.{source}] takes its address or token from ${variable}, which is not set.",
            next_step=f"export {variable}=...",
            source=source,
            variable=variable,
        )


class SourceMoved(Conflict):
    """Another process pulled from the source in the meantime."""

    code = "source-moved"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"Another process pulled from [source.{source}] just now.",
            next_step="run the command again",
            source=source,
        )


class SourceTooLarge(Invalid):
    """A source holds more than the project file lets it bring."""

    code = "source-too-large"

    def __init__(self, source: str, size: int, limit: int) -> None:
        super().__init__(
            f"[source.{source}] would bring {size:,} bytes.",
            expected=f"at most {limit:,} bytes (`max_bytes`)",
            next_step=f"raise `max_bytes` of [source.{source}], or: ropeway data add --refer",
            source=source,
        )


class RowsDoNotFit(Invalid):
    """Rows that cannot stand below each other."""

    code = "rows-do-not-fit"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"What came cannot stand below the rows there are: {reason}.",
            expected="columns of the same types",
            next_step='mend the source, or pull it with mode = "replace"',
            name=name,
        )


class QueryFailed(Failed):
    """A source's query did not run, or gave what is no table."""

    code = "query-failed"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"The query of [source.{source}] failed: {reason}.",
            expected="a SELECT that the database runs, each column with a name of its own",
            next_step=f"edit `query` of [source.{source}] in ropeway.toml",
            source=source,
        )


def _places(many: int) -> str:
    return "1 place" if many == 1 else f"{many:,} places"
