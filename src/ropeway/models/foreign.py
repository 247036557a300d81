"""Whose code a run is: what somebody else put on record through a server runs here only once it was read."""

from ropeway.models.errors import CodeNotTrusted
from ropeway.workspace import Workspace
from ropeway.workspace.operations import list_events


def require_own_code(workspace: Workspace, run: str) -> None:
    """Refuse to run the code of a run that another person brought through a server.

    Whoever may write runs can put any code on record; here it would run under the caller's account. What was
    recorded on this machine is its owner's own, whatever name it bears.

    Raises:
        CodeNotTrusted: with the run, and whose it is.
    """
    told = list_events(workspace, subject=f"run:{run}", verb="pipeline-ran", newest=True, limit=1)
    if told and told[0].auth != "none" and told[0].by != workspace.actor_name:
        raise CodeNotTrusted(run, told[0].by)
