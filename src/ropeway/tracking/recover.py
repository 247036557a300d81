"""Closing runs whose process died, with all that they had acknowledged and that can still be read."""

import contextlib
import time
from pathlib import Path

from ropeway.core.clock import from_text
from ropeway.core.ids import RunId
from ropeway.store import is_abandoned
from ropeway.tracking.afar.intake import recover_intakes
from ropeway.tracking.harvest import harvest
from ropeway.tracking.join import recover_part
from ropeway.tracking.operations import interrupt
from ropeway.tracking.resting import seal_waiting
from ropeway.tracking.shipment import begun_in
from ropeway.tracking.spool import FOLDER, SUFFIX, part_of, run_of, set_aside
from ropeway.workspace import LocalWorkspace, Workspace

NEWBORN_AGE_S = 60


def recover_runs(workspace: Workspace) -> list[RunId]:
    """Record `interrupted` for every run that died, and seal its points; gives those runs.

    Points that wait too long in a workspace of this machine are sealed too (`tracking.resting`). Costs the
    listing of one folder and one query when there is nothing to do. Safe while others run, start, end or
    recover.
    """
    if isinstance(workspace, LocalWorkspace):
        recover_intakes(workspace)
        seal_waiting(workspace)
    folder = workspace.home / FOLDER
    if not folder.is_dir():
        return []
    _sweep(folder)
    spools = sorted(folder.glob(f"run_*{SUFFIX}"))
    return [run_of(path) for path in spools if _recover(workspace, path)]


def _recover(workspace: Workspace, path: Path) -> bool:
    try:
        # What is for a server is brought there by `tracking.sync`, whole.
        if not is_abandoned(path) or begun_in(path) is not None:
            return False
        run = run_of(path)
        if part_of(path):
            recover_part(workspace, path)
            return False
        gleanings = harvest(path, run, workspace.store, workspace.home / "tmp")
    except FileNotFoundError:
        return False  # its run has just ended, or another process was faster
    is_recorded = interrupt(
        workspace,
        run=run,
        harvest=gleanings.harvest,
        params=gleanings.params,
        tags=gleanings.tags,
        last_sign_at=from_text(gleanings.last_sign_at) if gleanings.last_sign_at else None,
        was_torn=gleanings.was_torn,
    )
    # Not recorded: the run had ended and died before it could tidy up, or had never come to its start.
    if gleanings.is_damaged:
        set_aside(path)
    else:
        path.unlink(missing_ok=True)
    return is_recorded


def _sweep(folder: Path) -> None:
    """Remove what a kill between making a spool and naming it left."""
    for path in folder.glob(".*.new"):
        with contextlib.suppress(FileNotFoundError):
            # A young one may be about to be locked by its maker: looking at its lock would be in the way.
            if time.time() - path.stat().st_mtime > NEWBORN_AGE_S and is_abandoned(path):
                path.unlink()
