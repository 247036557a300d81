"""`ropeway.runs` and `ropeway.compare`: runs of the working folder's project, for a script or a notebook."""

from collections.abc import Sequence
from pathlib import Path

from ropeway.tracking.compare import compare_runs
from ropeway.tracking.notebook import runs_html
from ropeway.tracking.records import RunComparison, RunSummary
from ropeway.tracking.search import search_runs
from ropeway.workspace import open_workspace


class RunList(list[RunSummary]):
    """Runs in their order; a table in a notebook."""

    def _repr_html_(self) -> str:
        return runs_html(self)


def runs(
    where: str = "", *, sort: Sequence[str] = (), limit: int = 100, project: Path | str | None = None
) -> RunList:
    """The runs that a filter lets through, the newest first.

    Args:
        where: as in `ropeway runs --where`; all runs when empty.
        sort: fields to order by, `-` for the highest first.
        limit: how many at the most.
        project: a folder in the project, when it is not the working folder's.

    Raises:
        FilterInvalid, SortInvalid: the question cannot be read.

    Example:
        ```python
        ropeway.runs("metrics.loss < 0.1", sort=["metrics.loss"])
        ```
    """
    with open_workspace(project) as workspace:
        return RunList(search_runs(workspace, where=where, sort=list(sort), limit=limit))


def compare(*runs: str, project: Path | str | None = None) -> RunComparison:
    """Runs side by side: what differs between them.

    Args:
        runs: ids or their beginnings, names, or `latest`.
        project: a folder in the project, when it is not the working folder's.

    Raises:
        TooFewRuns, RunNotFound, AmbiguousRun: they cannot be compared.
    """
    with open_workspace(project) as workspace:
        return compare_runs(workspace, runs)
