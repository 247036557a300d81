"""Which of two project files counts: the server's, or that of the folder from which its workspace is used.

What decides over others (charter, gate, split, approval, policy, rollout, monitoring) is the server's: there
the operations run, and nobody lowers a bar in a folder of their own. What says how to make something from
this folder's files is the folder's: the pipeline and the checks, its inputs, parameters and predictions.
"""

import msgspec

from ropeway.workspace.project import Project

OF_THE_FOLDER = ("inputs", "params", "evaluate")
"""Sections that say how this folder's code is run. A run keeps them with its code."""
NOWHERE_ELSE = ("workspace", *OF_THE_FOLDER)
"""Sections in which the two may differ, and nothing is to be told."""
UNTOLD = ("alerts", "sinks")
"""Sections that a server does not give away: an address may hold a secret."""


def combine(ours: Project, theirs: Project) -> tuple[Project, list[str]]:
    """The settings that count for a caller, and the sections in which the folder says something else."""
    differences = [
        name
        for name in Project.__struct_fields__
        if name not in (*NOWHERE_ELSE, *UNTOLD, "project") and getattr(ours, name) != getattr(theirs, name)
    ]
    if ours.project.approval != theirs.project.approval:
        differences.insert(0, "project")
    made = msgspec.structs.replace(
        theirs,
        project=msgspec.structs.replace(
            theirs.project, pipeline=ours.project.pipeline, checks=ours.project.checks
        ),
        **{name: getattr(ours, name) for name in OF_THE_FOLDER},
    )
    return made, differences


def told(project: Project) -> Project:
    """What a server tells of its settings: all but where alerts are sent to."""
    alerts = {name: msgspec.structs.replace(rule, sinks=[]) for name, rule in project.alerts.items()}
    return msgspec.structs.replace(project, sinks={}, alerts=alerts)
