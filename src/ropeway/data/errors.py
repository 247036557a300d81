"""Errors of datasets: their names, contracts, checks, splits and versions.

Those of files that are brought: `file_errors`; those of data that lies elsewhere: `sources.errors`.

Invalid    ── BadName          a dataset name that cannot be one
           ├─ BadKeys          a split's key that is missing or given twice
           └─ ContractFileBroken, NotComparable
NotFound   ── DatasetNotFound, ContractMissing, ColumnNotFound
Conflict   ── SplitFixed       another salt, key, group or shares than the split was first drawn with
           ├─ SplitMoved       another process drew the split at the same time
           └─ FilesInTheWay    restoring would overwrite what is kept nowhere
Refused    ── ContractViolated, ContractChanged, ChecksFailed
           └─ NotRestorable    the version is referred to, not kept
Failed     ── CheckRaised      the project's own check function raised
"""

from collections.abc import Iterable, Sequence

from ropeway.core.errors import Conflict, Failed, Invalid, NotFound, Refused, did_you_mean
from ropeway.core.hashing import short


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


def _places(many: int) -> str:
    return "1 place" if many == 1 else f"{many:,} places"
