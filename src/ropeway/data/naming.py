"""Names in data: of a dataset, which is no path, since files are called after it; of files; of columns."""

import re
from collections.abc import Collection, Iterable

from ropeway.core.ids import DatasetName
from ropeway.data.errors import BadName, ColumnNotFound

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""What a file's ending says."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_name(name: str) -> DatasetName:
    """The name, if it can be a dataset's.

    Raises:
        BadName: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise BadName(name)
    return DatasetName(name)


def require_columns(dataset: str, columns: Collection[str], wanted: Iterable[str], named_in: str) -> None:
    """Refuse what names a column that a dataset does not have; `named_in` says where to correct it.

    Raises:
        ColumnNotFound: one of `wanted` is not among `columns`.
    """
    for column in wanted:
        if column not in columns:
            raise ColumnNotFound(dataset, column, columns, named_in)
