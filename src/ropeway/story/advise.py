"""What to do next: the first link of the line that is not there yet, as a command to type."""

from collections.abc import Mapping

import msgspec

from ropeway.models.registry import ModelVersion, usual_name
from ropeway.models.states import State
from ropeway.workspace import Project

NO_BAR, TOO_FEW_ROWS = "no-bar", "too-few-test-rows"
"""Codes of the bar's check that no other model would mend."""


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
    refused_by: dict[str, str] = {}
    """The checks by which the last gate refused, if it did, each with its code."""
    judged_on: str = ""
    """The name of the dataset that it judged on."""
    urgent: list[str] = []
    """What the loop asks a person for: commands, the most needed first."""


def advise(project: Project, now: Standpoint) -> list[str]:
    """Commands to type next, the most needed first; one or two."""
    if now.urgent:
        return now.urgent[:2]
    rows = project.inputs.get("rows")
    if rows is None or rows.dataset.partition("@")[0] not in now.datasets:
        return _bring_data(project, now, rows.dataset.partition("@")[0] if rows else "NAME")
    if not now.runs:
        return ["ropeway run"]
    if not now.versions:
        return [register_command("latest", now.versions, project)]
    return _advance(project, now)


def register_command(run: str, versions: list[ModelVersion], project: Project) -> str:
    """The command that makes a model version of a run: under the name of the model that there is already.

    Args:
        run: a run's id, or `latest`.
        versions: all model versions, newest first.
        project: gives a first model its name.
    """
    name = usual_name(versions, project)
    by_default = name == project.project.name
    return f"ropeway model register {run}" + ("" if by_default else f" --name {name}")


def after_refusal(
    project: Project, ref: str, failed: Mapping[str, str], *, dataset: str, again: str
) -> list[str]:
    """The commands that mend a refused version; the check that no other model would pass comes first.

    Args:
        project: names the label set behind an agreement.
        ref: the version that was refused.
        failed: the checks that refused, by name, each with its code.
        dataset: the dataset that was judged on, by name.
        again: the command that registers the next run.
    """
    if "agreement" in failed and project.gate.agreement:
        labels = project.gate.agreement
        return [f"ropeway labels agreement {labels}", f"ropeway labels queue {labels}"]
    if "contract" in failed:
        return [f"ropeway data check {dataset}"]
    if failed.get("bar") == NO_BAR:
        # Nothing is wrong with the version: its words say what to write in the charter.
        return [f"ropeway gate {ref}"]
    if failed.get("bar") == TOO_FEW_ROWS:
        return [f"ropeway data add FILE --name {dataset}", "ropeway run"]
    if failed and set(failed) <= {"signature", "skew"}:
        # Another parameter changes neither what is asked and answered nor how: the code must.
        return ["ropeway run", again]
    return ["ropeway run --set NAME=VALUE", again]


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
            again = register_command("latest", now.versions, project)
            return after_refusal(project, newest.ref, now.refused_by, dataset=now.judged_on, again=again)
        case State.VALIDATED:
            other = "" if project.project.approval == "self" else " --as SOMEONE-ELSE"
            return [f"ropeway model approve {newest.ref}{other}"]
        case State.APPROVED if not now.live:
            return [f"ropeway model promote {newest.ref}"]
    if not now.live:
        return ["ropeway run", register_command("latest", now.versions, project)]
    if not now.predictions:
        return [f"ropeway serve {now.live[0]}"]
    if not now.judged:
        return ["ropeway feedback PREDICTION VALUE"]
    return [f"ropeway why {now.live[0]}", "ropeway run --set NAME=VALUE"]
