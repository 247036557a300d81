"""`ropeway.run`: a script's own run, in the project of the folder that it runs in.

Several processes may share one run: `join=RUN`, or `ROPEWAY_RUN` in their environment.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ropeway.core.ids import RunId
from ropeway.tracking.cells import see_to
from ropeway.tracking.errors import BadRunId
from ropeway.tracking.join import JoinedRun, join_run
from ropeway.tracking.operations import has_run, is_run_id
from ropeway.tracking.run import Run
from ropeway.tracking.spool import spool_path
from ropeway.tracking.start import start_run
from ropeway.tracking.variables import first_rank, seconds
from ropeway.workspace import OpenWorkspace, open_workspace

SAMPLED = "ROPEWAY_SYSTEM_S"
"""Seconds between two looks at how the machine does; 0 for none."""
USUALLY_SAMPLED_S = 15.0
VARIABLE = "ROPEWAY_RUN"
"""The run of all processes that have it in their environment."""
RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
"""Where launchers say which of the processes this is; 0 begins the run, and the others join it."""


def run(
    *,
    name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    project: Path | str | None = None,
    join: str | None = None,
    **params: Any,
) -> Run:
    """Begin a run of this script, in the project of the working folder.

    Where a server keeps the workspace, nothing waits for it: the run is kept here and brought there as it can
    be, at the latest by `ropeway sync`.

    Args:
        name: a name to find it by; need not be unique.
        tags: free words by name.
        inputs: what it uses, such as `dataset:tweets@<digest>`.
        project: a folder in the project, when it is not the working folder's.
        join: log into this run, which another process began, instead of beginning one; else `$ROPEWAY_RUN`,
            whose run is begun by the process of rank 0 (`RANK` and the like), and joined by all others. What
            a joined process says otherwise than the run does stands beside, as `PART/NAME`.
        params: the settings of this run.

    Raises:
        ProjectNotFound: there is no ropeway.toml here or above.
        RunNotFound: nothing answers to `join`.

    Example:
        ```python
        with ropeway.run(name="first try", c=0.5) as run:
            run.log(loss=0.7, step=1)
        ```
    """
    shared, rank = os.environ.get(VARIABLE, "").strip(), first_rank(RANKS)
    if shared and not is_run_id(shared):
        raise BadRunId(shared)
    workspace = open_workspace(project)
    try:
        if join is not None or (shared and (rank > 0 or _is_begun(workspace, RunId(shared)))):
            part = _join(workspace, join or shared, is_certain=join is not None, rank=rank)
            made = _told(part, params=params, tags=tags or {}, inputs=inputs)
            see_to(made, depth=2)
            return made
        made = _begin(
            workspace, RunId(shared) if shared else None, name=name, params=params, tags=tags, inputs=inputs
        )
    # No run will close the workspace that was opened for it; what was raised goes on its way.
    except BaseException:
        workspace.close()
        raise
    every_s = seconds(SAMPLED, USUALLY_SAMPLED_S)
    if every_s:
        made.sample_system(every_s)
    see_to(made, depth=2)
    return made


def _is_begun(workspace: OpenWorkspace, run: RunId) -> bool:
    """Whether another process began the run, as far as that shows here: a server is not asked."""
    from ropeway.workspace.remote import RemoteWorkspace

    if spool_path(workspace.home, run).exists():
        return True
    return not isinstance(workspace, RemoteWorkspace) and has_run(workspace, run=run)


def _begin(workspace: OpenWorkspace, run: RunId | None, **told: Any) -> Run:
    from ropeway.workspace.remote import RemoteWorkspace

    if isinstance(workspace, RemoteWorkspace):
        from ropeway.tracking.sent import begin_sent

        return begin_sent(workspace, run=run, owned=workspace, **told)
    return start_run(workspace, owned=workspace, run=run, **told)


def _join(workspace: OpenWorkspace, run: str, *, is_certain: bool, rank: int) -> JoinedRun:
    from ropeway.workspace.remote import RemoteWorkspace

    if isinstance(workspace, RemoteWorkspace):
        from ropeway.tracking.sent import join_sent

        return join_sent(workspace, RunId(run), owned=workspace, rank=rank)
    return join_run(workspace, run, owned=workspace, is_certain=is_certain, rank=rank)


def _told(
    part: JoinedRun, *, params: Mapping[str, Any], tags: Mapping[str, Any], inputs: Sequence[str]
) -> Run:
    """What all processes of a run say alike when they begin is told by each of them, and is one."""
    try:
        part.set(**params)
        part.tag(**tags)
        for ref in inputs:
            part.uses(ref)
    # Nobody will get hold of it; what was raised goes on its way.
    except BaseException:
        part.discard()
        raise
    return part
