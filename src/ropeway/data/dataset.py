"""`ropeway.dataset`: a dataset version for a script or a notebook."""

from pathlib import Path

import polars as pl

from ropeway.data.load import load, resolve
from ropeway.data.records import DatasetVersion
from ropeway.workspace import open_workspace


class Dataset:
    """One version of a dataset. Read inside a run's `with` block, it is an input of the run.

    Attributes:
        version: what is on record of it.
        ref: its reference, as lineage has it.
    """

    def __init__(self, version: DatasetVersion, project: Path | str | None = None) -> None:
        self.version = version
        self.ref = version.reference
        self._project = project

    def frame(self) -> pl.DataFrame:
        """All its rows, verified, in the types on record.

        Raises:
            SourceChanged, SourceMissing, NotFetched: a version that is referred to cannot be had as it was.
        """
        with open_workspace(self._project) as workspace:
            return load(workspace, self.version)

    def __repr__(self) -> str:
        return f"<Dataset {self.version.shown}: {self.version.rows:,} rows>"


def dataset(reference: str, *, project: Path | str | None = None) -> Dataset:
    """A dataset version of the project of the working folder.

    Args:
        reference: `name`, `name@latest`, `name@v3` or `name@<digest prefix>`.
        project: a folder in the project, when it is not the working folder's.

    Raises:
        DatasetNotFound: none, or more than one, answers to it.

    Example:
        ```python
        with ropeway.run() as run:
            tweets = ropeway.dataset("tweets").frame()  # on record as an input of the run
        ```
    """
    with open_workspace(project) as workspace:
        return Dataset(resolve(workspace, reference), project)
