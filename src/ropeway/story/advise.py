"""What to do next: the first link of the line that is not there yet, as a command to type."""

import msgspec

from ropeway.models.registry import ModelVersion
from ropeway.models.states import State
from ropeway.workspace import Project


class Standpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What advice depends on."""

    datasets: list[str]
    labelled: list[str]
    runs: int
    versions: list[ModelVersion]
    """Newest first."""
    live: list[str]
    """The references by which live versions are asked for: `sentiment@production`."""
    predictions: int
    judged: int


def advise(project: Project, now: Standpoint) -> list[str]:
    """Commands to type next, the most needed first; one or two."""
    rows = project.inputs.get("rows")
    if rows is None or rows.dataset.partition("@")[0] not in now.datasets:
        return _bring_data(project, now, rows.dataset.partition("@")[0] if rows else "NAME")
    if not now.runs:
        return ["ropeway run"]
    if not now.versions:
        return ["ropeway model register latest"]
    return _advance(project, now)


def _bring_data(project: Project, now: Standpoint, wanted: str) -> list[str]:
    for name, labels in project.labels.items():
        if labels.snapshot == wanted:
            if labels.dataset not in now.datasets:
                return [f"ropeway data add FILE --name {labels.dataset}"]
            if name not in now.labelled:
                return [f"ropeway labels import {name}"]
            return [f"ropeway labels snapshot {name}"]
    return [f"ropeway data add FILE --name {wanted}"]


def _advance(project: Project, now: Standpoint) -> list[str]:
    newest = now.versions[0]
    match newest.state:
        case State.CANDIDATE if newest.passed is None:
            return [f"ropeway gate {newest.ref}"]
        case State.CANDIDATE:
            return ["ropeway run --set NAME=VALUE", "ropeway model register latest"]
        case State.VALIDATED:
            other = "" if project.project.approval == "self" else " --as SOMEONE-ELSE"
            return [f"ropeway model approve {newest.ref}{other}"]
        case State.APPROVED if not now.live:
            return [f"ropeway model promote {newest.ref}"]
    if not now.live:
        return ["ropeway run", "ropeway model register latest"]
    if not now.predictions:
        return [f"ropeway serve {now.live[0]}"]
    if not now.judged:
        return ["ropeway feedback PREDICTION VALUE"]
    return [f"ropeway why {now.live[0]}", "ropeway run --set NAME=VALUE"]
