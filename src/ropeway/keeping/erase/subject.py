"""Whose rows are to go: by a column's value, and by the texts that are theirs alone."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.contract_file import parse_contract
from ropeway.data.folder import KEY as PATH
from ropeway.data.key_text import key_text
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.keeping.erase.errors import BadSubject
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.search import own_words
from ropeway.workspace import Context


class Subject:
    """A column and its values; a row that has one of these is to go.

    Args:
        column: the column.
        values: its values as text.
    """

    def __init__(self, column: str, values: Iterable[str]) -> None:
        self.column = column
        self.values = frozenset(values)

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Which rows are the subject's; none where the column is not there."""
        if self.column not in frame.columns or frame[self.column].dtype.is_nested():
            return pl.Series(values=[False] * frame.height, dtype=pl.Boolean)
        keys = key_text(frame[self.column])
        return keys.is_in(sorted(self.values)).fill_null(value=False)


def subject_of(
    context: Context, dataset: str, versions: Sequence[DatasetVersion], keys: Sequence[str],
    where: Mapping[str, str],
) -> Subject:  # fmt: skip
    """The subject that people mean: keys of the dataset's key column, or a column with a value.

    Raises:
        BadSubject: neither or both are given, or nobody knows the key column, or the column is nowhere.
    """
    if bool(keys) == bool(where) or len(where) > 1:
        raise BadSubject(
            f"It is not clear which rows of '{dataset}' are to go.",
            "keys of the dataset's key column (--key), or one column with its value (--where)",
        )
    if where:
        column, value = next(iter(where.items()))
        subject = Subject(column, [value])
    else:
        subject = Subject(_key_column(context, dataset, versions), keys)
    known = {name for version in versions for name in version.columns}
    if subject.column not in known:
        raise BadSubject(
            f"'{dataset}' has no column '{subject.column}'.", "one of " + ", ".join(sorted(known)[:20])
        )
    return subject


def own_texts(mine: Iterable[pl.DataFrame], others: pl.DataFrame | None, keys: Iterable[str]) -> Needles:
    """The texts of a subject's rows that no other row holds: by these their bytes are known anywhere.

    Args:
        mine: the subject's rows, of every version.
        others: the rows that stay, of the newest version; a text that is in one of them is not told from it.
        keys: the subject's own keys.
    """
    texts = {text for frame in mine for text in _texts(frame)} | set(keys)
    wanted = own_words(texts)
    if others is None or not others.height:
        return Needles(wanted)
    standing = "\x00".join(_texts(others))
    return Needles(text for text in wanted if text not in standing)


def _texts(frame: pl.DataFrame) -> list[str]:
    """Every text in some rows, also within lists and structs."""
    found: list[str] = []
    for name, dtype in frame.schema.items():
        if dtype in (pl.String, pl.Categorical):
            found += frame[name].cast(pl.String).drop_nulls().to_list()
        elif dtype.is_nested():
            found += (leaf for value in frame[name].to_list() for leaf in _leaves(value))
    return found


def _leaves(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | pl.Series):
        for each in value:
            yield from _leaves(each)


def _key_column(context: Context, dataset: str, versions: Sequence[DatasetVersion]) -> str:
    """The column by which a dataset's rows are known: as the project says, else as its contract does."""
    project = context.project
    named = [given.key for given in project.inputs.values() if given.dataset.partition("@")[0] == dataset]
    named += [each.item for each in project.labels.values() if dataset in (each.dataset, each.snapshot)]
    if named:
        return named[0]
    if versions[-1].format == FOLDER:
        return PATH
    if context.store.has(versions[-1].contract):
        text = context.store.read(Digest(versions[-1].contract)).decode()
        unique = parse_contract(text, dataset).unique
        if len(unique) == 1:
            return unique[0]
    raise BadSubject(
        f"Nothing says by which column the rows of '{dataset}' are known.", "--where COLUMN=VALUE"
    )
