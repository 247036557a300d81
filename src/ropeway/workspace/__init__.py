"""What an operation is, the local and the remote workspace that run it, the project file and its charter.

Not here: what the operations do (the rooms above), and how they are reached (CLI, server).
"""

from ropeway.workspace.caller import Caller
from ropeway.workspace.context import Context
from ropeway.workspace.local import LocalWorkspace, open_local
from ropeway.workspace.opening import open_workspace
from ropeway.workspace.operation import Limit, OpenWorkspace, Operation, Workspace, operation
from ropeway.workspace.project import Input, Project
from ropeway.workspace.tables.labels import LabelSet

__all__ = [
    "Caller",
    "Context",
    "Input",
    "LabelSet",
    "Limit",
    "LocalWorkspace",
    "OpenWorkspace",
    "Operation",
    "Project",
    "Workspace",
    "open_local",
    "open_workspace",
    "operation",
]
