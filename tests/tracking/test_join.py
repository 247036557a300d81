"""Several processes log into one run: each spool on its own, every point once in the run."""

import subprocess
import sys

import pytest

import ropeway
from ropeway.tracking.errors import SettingInvalid
from ropeway.tracking.join import join_run, ship
from ropeway.tracking.points import list_points
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.spool import InputUsed, ParamsSet, Spool, now_us
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

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


def test_what_a_part_says_is_the_runs_and_what_it_says_otherwise_stands_beside(
    workspace: LocalWorkspace, caplog: pytest.LogCaptureFixture
):
    with start_run(workspace, params={"c": 1, "rate": 0.5}) as run:
        run.artifact("model.txt", "first")
    with join_run(workspace, run.id, rank=3) as part:
        part.set(c=1.0, rate=0.25, depth=2)
        part.tag(host="b")
        part.text("notes.txt", "mine")
        part.artifact("model.txt", "second")
        part.artifact("model.txt", "third")
    found = resolve_run(workspace, run.id)
    name = part._spool.path.name.split(".")[1]
    assert name.startswith("rank3_")
    assert found.params == {"c": 1, "rate": 0.5, "depth": 2, f"{name}/rate": 0.25}
    assert found.tags == {"host": "b"}
    assert sorted(found.artifacts) == sorted(["model.txt", "notes.txt", f"{name}/model.txt"])
    assert workspace.store.read(found.artifacts[f"{name}/model.txt"].digest) == b"third"
    assert "has 'model.txt', 'rate' with another value" in caplog.text


def test_a_part_that_died_has_told_what_it_said_once(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        spool = Spool(workspace.home, run.id, "part_1")
        spool.write(ParamsSet(now_us(), {"depth": 3}))
        spool.write(InputUsed(now_us(), f"run:{run.id}"))
        kept = spool.path.read_bytes()
        spool.leave()
    recover_runs(workspace)
    spool.path.write_bytes(kept)
    recover_runs(workspace)
    told = [each for each in list_events(workspace) if each.verb == "part-told"]
    assert len(told) == 1
    assert resolve_run(workspace, run.id).params == {"depth": 3}


def test_what_cannot_be_told_when_a_process_joins_leaves_nothing(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(workspace.root)
    # That nobody has begun it yet is no reason to wait with what is wrong.
    monkeypatch.setenv("ROPEWAY_RUN", "run_shared")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SettingInvalid, match="it is a object"):
        ropeway.run(c=1, tags={"host": object()})
    assert not list((workspace.home / "spool").iterdir())
