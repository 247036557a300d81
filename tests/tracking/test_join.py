"""Several processes log into one run: each spool on its own, every point once in the run."""

import subprocess
import sys

import pytest

from ropeway.tracking.errors import OnlyPoints
from ropeway.tracking.join import join_run, ship
from ropeway.tracking.points import list_points
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

SCRIPT = """
import os, signal, sys
from pathlib import Path
from ropeway.tracking.join import join_run
from ropeway.workspace import open_workspace, rooms

rooms.load_operations()
with open_workspace(Path.cwd(), actor="ana") as workspace:
    run = join_run(workspace, sys.argv[1])
    for step in range(100):
        run.log(step, worker=float(step))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def steps(workspace: LocalWorkspace, run: str, key: str) -> list[int | None]:
    return [point.step for point in list_points(workspace, run=run, key=key)]


def test_a_process_that_joined_and_died_loses_nothing(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(0, loss=1.0)
        died = subprocess.run([sys.executable, "-c", SCRIPT, run.id], cwd=workspace.root, check=False)
        assert died.returncode == -9
        assert steps(workspace, run.id, "worker") == list(range(100))
    assert recover_runs(workspace) == []
    assert steps(workspace, run.id, "worker") == list(range(100))
    assert resolve_run(workspace, run.id).status == "finished"
    assert not list((workspace.home / "spool").iterdir())


def test_a_part_may_outlive_the_run_and_is_stored_once(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        part = join_run(workspace, run.id)
        part.log(1, worker=1.0)
    part.log(2, worker=2.0)
    ship(workspace, part._spool.path)
    assert steps(workspace, run.id, "worker") == [1, 2]
    part.log(3, worker=3.0)
    part.finish()
    part.finish()
    assert steps(workspace, run.id, "worker") == [1, 2, 3]


def test_what_is_no_point_is_for_the_process_that_began_the_run(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        part = join_run(workspace, run.id)
        with pytest.raises(OnlyPoints, match="only logs points"):
            part.set(c=1)
        part.finish()
    assert resolve_run(workspace, run.id).params == {}
