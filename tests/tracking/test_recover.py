"""A run whose process was killed keeps everything that was acknowledged, and is shown as interrupted."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ropeway.core.ids import RunId
from ropeway.keeping.operations import fsck
from ropeway.store import SegmentWriter
from ropeway.tracking.harvest import harvest
from ropeway.tracking.operations import finish
from ropeway.tracking.points import list_points
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.search import search_runs
from ropeway.tracking.spool import spool_path
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

SCRIPT = """
import os, sys
from pathlib import Path
from ropeway.tracking.session import run as open_run

acknowledged = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
with open_run(name="doomed", c=1) as run:
    run.set(batch=32)
    run.tag(team="night")
    run.artifact("note.txt", "kept")
    step = 0
    while True:
        run.log(step, loss=float(step), half=step / 2)
        os.write(acknowledged, b"%d\\n" % step)
        step += 1
"""


def kill_while_it_logs(workspace: LocalWorkspace, acknowledged: Path, lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(acknowledged)], cwd=workspace.root, start_new_session=True
    )
    deadline = time.monotonic() + 60
    try:
        while not acknowledged.exists() or acknowledged.read_bytes().count(b"\n") < lines:
            assert child.poll() is None, "the script ended by itself"
            assert time.monotonic() < deadline, "the script never came to log"
            time.sleep(0.002)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


def test_everything_acknowledged_survives_kill_9(workspace: LocalWorkspace, tmp_path: Path):
    acknowledged = tmp_path / "acknowledged"
    kill_while_it_logs(workspace, acknowledged, lines=500)
    steps = [int(line) for line in acknowledged.read_bytes().splitlines()]

    [run] = recover_runs(workspace)

    found = resolve_run(workspace, run)
    assert found.status == "interrupted"
    assert (found.params, found.tags) == ({"c": 1, "batch": 32}, {"team": "night"})
    assert workspace.store.read(found.artifacts["note.txt"].digest) == b"kept"
    points = list_points(workspace, run=run, key="loss", limit=100_000)
    # One more may have been written whose acknowledgement was not: never one fewer.
    assert [point.step for point in points][: len(steps)] == steps
    assert len(points) - len(steps) in (0, 1)
    assert found.metrics == {"loss": points[-1].value, "half": points[-1].value / 2}
    assert found.duration_s is not None
    assert found.duration_s > 0
    assert not list((workspace.home / "spool").iterdir())
    assert recover_runs(workspace) == []


def test_the_next_run_closes_the_dead_one(workspace: LocalWorkspace, tmp_path: Path):
    kill_while_it_logs(workspace, tmp_path / "acknowledged", lines=1)
    with start_run(workspace, name="next"):
        statuses = {run.name: run.status for run in search_runs(workspace)}
    assert statuses == {"doomed": "interrupted", "next": "running"}


def test_a_living_run_is_left_alone(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(loss=1.0)
        assert recover_runs(workspace) == []
        assert resolve_run(workspace, run.id).status == "running"
    assert resolve_run(workspace, run.id).status == "finished"


def test_a_torn_tail_is_passed_over(workspace: LocalWorkspace):
    run = start_run(workspace)
    run.log(loss=1.0)
    run.log(loss=2.0)
    path = spool_path(workspace.home, run.id)
    torn = path.read_bytes()[:-3]
    run._spool.let_go()  # as death does: the lock is free and the file stays
    path.write_bytes(torn)
    assert recover_runs(workspace) == [run.id]
    found = resolve_run(workspace, run.id)
    assert (found.status, found.metrics) == ("interrupted", {"loss": 1.0})


def interrupted_with(workspace: LocalWorkspace, damage: Callable[[bytes], bytes]) -> RunId:
    """A run of a hundred points that died, and whose spool is not as it was written."""
    run = start_run(workspace)
    for step in range(100):
        run.log(step, loss=float(step))
    run._spool.let_go()
    path = spool_path(workspace.home, run.id)
    path.write_bytes(damage(path.read_bytes()))
    assert recover_runs(workspace) == [run.id]
    return run.id


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(("at", "lost"), [(0, 0), (14, 0), (20, 0), (2000, 1), (-1, 1)])
def test_a_wrong_byte_in_a_spool_loses_no_other_record(workspace: LocalWorkspace, at: int, lost: int):
    # One wrong byte in the header lost all points, one in the middle all after it, and the spool was deleted.
    before = []

    def damage(data: bytes) -> bytes:
        before.append(data)
        return flipped(at % len(data))(data)

    run = interrupted_with(workspace, damage)
    points = list_points(workspace, run=run, key="loss", limit=1000)
    assert len(points) == 100 - lost
    kept = workspace.home / "spool" / "damaged" / f"{run}.segment"
    assert kept.read_bytes() == flipped(at % len(before[0]))(before[0])
    [finding] = fsck(workspace).findings
    assert str(kept) in finding.what
    assert recover_runs(workspace) == []


def test_a_damaged_spool_is_spoken_of(workspace: LocalWorkspace, caplog: pytest.LogCaptureFixture):
    run = interrupted_with(workspace, flipped(0))
    [said] = caplog.messages
    assert f"the spool of {run} is damaged" in said
    assert str(workspace.home / "spool" / "damaged") in said


def test_a_run_that_ends_by_itself_keeps_its_damaged_spool_too(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(loss=1.0)
        path = spool_path(workspace.home, run.id)
        path.write_bytes(flipped(8)(path.read_bytes()))
    assert resolve_run(workspace, run.id).metrics == {"loss": 1.0}
    assert [kept.name for kept in (workspace.home / "spool" / "damaged").iterdir()] == [path.name]


@pytest.mark.parametrize("zeros", [3, 8, 4096])
def test_the_zeros_of_a_power_loss_do_not_stop_recovery(workspace: LocalWorkspace, zeros: int):
    # Eight of them read as an empty record, which is no message; no run could be started any more.
    run = interrupted_with(workspace, lambda data: data + b"\0" * zeros)
    assert resolve_run(workspace, run).metrics == {"loss": 99.0}
    assert not list((workspace.home / "spool").iterdir())


def test_a_spool_that_power_loss_emptied_closes_its_run_with_nothing(workspace: LocalWorkspace):
    run = start_run(workspace, params={"c": 1})
    run._spool.let_go()
    spool_path(workspace.home, run.id).write_bytes(b"")
    assert recover_runs(workspace) == [run.id]
    found = resolve_run(workspace, run.id)
    assert (found.status, found.params, found.metrics) == ("interrupted", {"c": 1}, {})


def test_a_run_that_died_between_its_end_and_tidying_up_stays_finished(workspace: LocalWorkspace):
    run = start_run(workspace)
    run.log(loss=1.0)
    path = spool_path(workspace.home, run.id)
    gleanings = harvest(path, run.id, workspace.store, workspace.home / "tmp")
    finish(
        workspace, run=run.id, status="finished", harvest=gleanings.harvest,
        wall_s=1.0, cpu_s=1.0, peak_memory_bytes=1,
    )  # fmt: skip
    run._spool.let_go()
    assert recover_runs(workspace) == []
    assert not path.exists()
    assert resolve_run(workspace, run.id).status == "finished"


def test_a_spool_whose_run_never_began_is_swept(workspace: LocalWorkspace):
    path = workspace.home / "spool" / "run_000000000000.segment"
    SegmentWriter(path, b"{}").close()
    newborn = workspace.home / "spool" / ".run_000000000001.segment.new"
    newborn.write_bytes(b"")
    os.utime(newborn, (0, 0))
    assert recover_runs(workspace) == []
    assert not list((workspace.home / "spool").iterdir())


def test_an_orphan_of_a_dead_run_does_not_keep_it_alive(workspace: LocalWorkspace, tmp_path: Path):
    ready = tmp_path / "ready"
    script = f"""
import os, time
from pathlib import Path
from ropeway.tracking.start import start_run
from ropeway.workspace import open_workspace
run = start_run(open_workspace())
run.log(loss=1.0)
child = os.fork()
if child == 0:
    os.setsid()
    Path({str(ready)!r}).write_text(str(os.getpid()))
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=workspace.root)
    deadline = time.monotonic() + 60
    while not (ready.exists() and ready.read_text()):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    orphan = int(ready.read_text())
    try:
        parent.kill()
        parent.wait()
        [run] = recover_runs(workspace)
        assert resolve_run(workspace, run).metrics == {"loss": 1.0}
    finally:
        os.kill(orphan, signal.SIGKILL)
