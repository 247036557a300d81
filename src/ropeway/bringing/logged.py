"""The logged models of an experiment, told here with their files, figures and times."""

import math
from pathlib import Path

from msgspec.structs import replace

from ropeway.bringing.bring import Bringing
from ropeway.bringing.told import Owner, ToldExperiment, ToldModel
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.errors import LoggedModelNotFound
from ropeway.tracking.afar.projections import ACTIVE
from ropeway.tracking.afar.records import LoggedModel
from ropeway.tracking.errors import RunNotFound


def bring_models(bringing: Bringing, experiment: ToldExperiment, scratch: Path) -> None:
    """Bring the logged models of an experiment that are not here yet, or not yet whole.

    Args:
        bringing: from where to where.
        experiment: whose; it has a home here.
        scratch: a folder for bytes on their way.
    """
    for model in bringing.read(bringing.source.models(experiment)):
        with bringing.leaving_out(f"logged model {model.id}"):
            _model(bringing, model, scratch)
        if model.is_deleted:
            bringing.note_gone(experiment, [], [model.id])
        bringing.step()


def _model(bringing: Bringing, told: ToldModel, scratch: Path) -> None:
    workspace = bringing.workspace
    here = _here(bringing, told)
    if here.lifecycle != ACTIVE:
        return
    owner = Owner("logged model", told.id, told.experiment, told.location)
    kept = bringing.kept_of_model(told.id)
    for path, digest in bringing.bring_files(owner, kept, scratch).items():
        with bringing.leaving_out_file(owner, path):
            tracking.put_model_file(workspace, model=told.id, path=path, digest=digest)
    _figures(bringing, told, len(here.metrics))
    if here.status != told.status:
        tracking.change_logged(workspace, model=told.id, status=told.status)
    if here.created_ms != told.created_ms:
        tracking.tell_times(
            workspace,
            thing="logged-model",
            told=told.id,
            created_ms=told.created_ms,
            changed_ms=told.changed_ms,
        )


def _here(bringing: Bringing, told: ToldModel) -> LoggedModel:
    try:
        return tracking.get_logged(bringing.workspace, model=told.id, deleted_too=True)
    except LoggedModelNotFound:
        return tracking.create_logged(
            bringing.workspace,
            experiment=bringing.homes[told.experiment],
            name=told.name,
            kind=told.kind,
            run=told.run if told.run and _is_here(bringing, told.run) else None,
            tags=told.tags,
            params=told.params,
            told_id=told.id,
        )


def _is_here(bringing: Bringing, run: str) -> bool:
    try:
        tracking.get_tracked(bringing.workspace, run=run)
    except RunNotFound:
        return False
    return True


def _figures(bringing: Bringing, told: ToldModel, known: int) -> None:
    if known >= len({(run, each.key) for run, figures in told.figures.items() for each in figures}):
        return
    for run, figures in told.figures.items():
        with bringing.leaving_out(f"{len(figures):,} figures of logged model {told.id}"):
            tracking.record_batch(bringing.workspace, run=run, figures=[_sayable(each) for each in figures])


def _sayable(told: Figure) -> Figure:
    """As the wire and the ledger have it: no JSON has a NaN."""
    is_plain = isinstance(told.value, str) or math.isfinite(told.value)
    return told if is_plain else replace(told, value=str(told.value))
