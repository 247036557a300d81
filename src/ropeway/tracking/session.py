"""`ropeway.run`: a script's own run, in the project of the folder that it runs in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ropeway.tracking.run import Run
from ropeway.tracking.start import start_run
from ropeway.workspace import open_workspace


def run(
    *,
    name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    project: Path | str | None = None,
    **params: Any,
) -> Run:
    """Begin a run of this script, in the project of the working folder.

    Args:
        name: a name to find it by; need not be unique.
        tags: free words by name.
        inputs: what it uses, such as `dataset:tweets@<digest>`.
        project: a folder in the project, when it is not the working folder's.
        params: the settings of this run.

    Raises:
        ProjectNotFound: there is no ropeway.toml here or above.

    Example:
        ```python
        with ropeway.run(name="first try", c=0.5) as run:
            run.log(loss=0.7, step=1)
        ```
    """
    workspace = open_workspace(project)
    try:
        return start_run(workspace, name=name, params=params, tags=tags, inputs=inputs, owned=workspace)
    # No run will close the workspace that was opened for it; what was raised goes on its way.
    except BaseException:
        workspace.close()
        raise
