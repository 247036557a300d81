"""Points written down at once and recorded soon after: seen by the next question, never lost or doubled."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from ropeway.keeping.doctor.workspace import look_at_runs
from ropeway.ledger.tables import point_source, point_tip
from ropeway.server.upkeep import Upkeep
from ropeway.store import claimed
from ropeway.testing import make_workspace
from ropeway.tracking.afar import operations as afar
from ropeway.tracking.afar.errors import NotActive
from ropeway.tracking.afar.intake import FOLDER, KEPT, Intake, recover_intakes
from ropeway.tracking.afar.measured import Points
from ropeway.tracking.afar.records import TrackedRun
from ropeway.tracking.live import append_points
from ropeway.tracking.recover import recover_runs
from ropeway.workspace import LocalWorkspace, open_local

DYING = """
import os, signal, sys
from ropeway.tracking.afar.intake import Intake
from ropeway.tracking.afar.measured import Points
from ropeway.workspace import open_local
intake = Intake(open_local(sys.argv[1]))
intake._thread = object()  # Nobody records behind its back.
intake.admit(sys.argv[2])
for step in range(10):
    assert intake.take(sys.argv[2], Points(["loss"], [1.0 / (step + 1)], [step], [step]))
    if sys.argv[3] == "recorded" and step == 5:
        intake.settle()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> LocalWorkspace:
    return make_workspace(tmp_path / "project")


@pytest.fixture
def run(workspace: LocalWorkspace) -> TrackedRun:
    return afar.open_run(workspace, experiment="0", name="afar")


def one(step: int) -> Points:
    return Points(["loss"], [1.0 / (step + 1)], [step], [step])


def left_of_senders(workspace: LocalWorkspace) -> tuple[list[Path], list[object]]:
    with workspace.ledger.reading() as read:
        rows: list[object] = [*read.execute(select(point_source))]
    return list((workspace.home / FOLDER).iterdir()), rows


def counted(workspace: LocalWorkspace, run: TrackedRun) -> int:
    with workspace.ledger.reading() as read:
        query = select(point_tip.c.count).where(point_tip.c.run == run.id)
        return read.execute(query).scalar() or 0


def test_what_was_taken_is_there_once_it_is_settled(workspace: LocalWorkspace, run: TrackedRun) -> None:
    intake = Intake(workspace)
    intake.admit(run.hex)
    assert all(intake.take(run.hex, one(step)) for step in range(100))
    intake.settle()
    assert counted(workspace, run) == 100
    history = afar.metric_history(workspace, run=run.hex, key="loss", limit=1000, after=0).points
    assert [point.step for point in history] == list(range(100))
    intake.close()


def test_what_is_being_recorded_is_waited_for(workspace: LocalWorkspace, run: TrackedRun) -> None:
    """Once, who asked meanwhile was told that nothing waits, and did not see points that were answered."""
    intake = Intake(workspace)
    intake.admit(run.hex)
    with workspace.ledger.transaction():
        intake.take(run.hex, one(1))
        while intake._waiting:
            time.sleep(0.01)
        assert intake.is_waiting
    intake.settle()
    assert not intake.is_waiting
    assert counted(workspace, run) == 1
    intake.close()


def test_what_is_being_recorded_counts_among_what_waits(
    workspace: LocalWorkspace, run: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, each try to reach a database that was away let as much again into memory."""
    monkeypatch.setattr("ropeway.tracking.afar.intake.WAITING_LIMIT_BYTES", 100)
    intake = Intake(workspace)
    intake.admit(run.hex)
    with workspace.ledger.transaction():
        taken = sum(intake.take(run.hex, one(step)) for step in range(20))
        while intake._waiting:
            time.sleep(0.01)
        assert not intake.take(run.hex, one(20))
    intake.settle()
    assert intake.take(run.hex, one(20))
    intake.close()
    assert counted(workspace, run) == taken + 1 < 20


def test_a_run_that_was_not_looked_at_takes_nothing(workspace: LocalWorkspace, run: TrackedRun) -> None:
    intake = Intake(workspace)
    assert not intake.take(run.hex, one(1))
    intake.admit(run.hex)
    assert intake.take(run.hex, one(1))
    afar.change_run(workspace, run=run.hex, lifecycle="deleted")
    intake.forget()
    assert not intake.take(run.hex, one(2))
    with pytest.raises(NotActive):
        intake.admit(run.hex)
    intake.close()
    assert counted(workspace, run) == 1


def test_closing_leaves_no_file_and_no_trace_of_the_sender(
    workspace: LocalWorkspace, run: TrackedRun
) -> None:
    intake = Intake(workspace)
    intake.admit(run.hex)
    intake.take(run.hex, one(1))
    intake.close()
    assert left_of_senders(workspace) == ([], [])


@pytest.mark.parametrize("when", ["waiting", "recorded"])
def test_what_a_killed_server_had_taken_is_recorded_once(
    workspace: LocalWorkspace, run: TrackedRun, when: str
) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, str(workspace.root), run.hex, when], check=False)
    assert died.returncode == -signal.SIGKILL
    assert counted(workspace, run) == (6 if when == "recorded" else 0)
    assert "1 dead servers had taken" in "".join(sign.says for sign in look_at_runs(workspace._context()))
    recover_runs(workspace)
    recover_runs(workspace)
    assert counted(workspace, run) == 10
    assert left_of_senders(workspace) == ([], [])


def test_who_finds_what_was_recorded_whole_forgets_it_in_place_of_who_was_killed(
    workspace: LocalWorkspace, run: TrackedRun
) -> None:
    subprocess.run([sys.executable, "-c", DYING, str(workspace.root), run.hex, "recorded"], check=False)
    (path,) = (workspace.home / FOLDER).glob("intake_*")
    path.rename(path.with_suffix(KEPT))
    Intake(workspace).close()
    assert counted(workspace, run) == 6
    assert left_of_senders(workspace) == ([], [])


def test_what_another_process_is_recording_is_left_to_it(workspace: LocalWorkspace, run: TrackedRun) -> None:
    subprocess.run([sys.executable, "-c", DYING, str(workspace.root), run.hex, "waiting"], check=False)
    (path,) = (workspace.home / FOLDER).glob("intake_*")
    with claimed(path) as is_ours:
        assert is_ours
        recover_intakes(workspace)
        assert counted(workspace, run) == 0
    upkeep = Upkeep(workspace)
    upkeep.look()
    upkeep.close()
    assert counted(workspace, run) == 10


def test_what_a_killed_server_records_in_its_last_moment_is_not_recorded_again(
    workspace: LocalWorkspace, run: TrackedRun
) -> None:
    """Once, what the ledger has was asked before the turn, which the dead server's commit still held."""
    subprocess.run([sys.executable, "-c", DYING, str(workspace.root), run.hex, "waiting"], check=False)
    (path,) = (workspace.home / FOLDER).glob("intake_*")
    first = Points(["loss"] * 5, [1.0 / (step + 1) for step in range(5)], [*range(5)], [*range(5)])
    recovering = threading.Thread(target=recover_intakes, args=(workspace,))
    with workspace.ledger.transaction(alone=True) as held:
        append_points(held, run.id, first.packed(), source=path.stem, upto=5)
        recovering.start()
        time.sleep(0.3)
    recovering.join()
    assert counted(workspace, run) == 10


def test_a_living_server_is_left_alone(workspace: LocalWorkspace, run: TrackedRun) -> None:
    intake = Intake(workspace)
    intake.admit(run.hex)
    intake.take(run.hex, one(1))
    with open_local(workspace.root) as other:
        recover_intakes(other)
    assert len(list((workspace.home / FOLDER).iterdir())) == 1
    intake.close()
    assert counted(workspace, run) == 1


def test_what_stands_before_a_damaged_place_is_recorded(workspace: LocalWorkspace, run: TrackedRun) -> None:
    subprocess.run([sys.executable, "-c", DYING, str(workspace.root), run.hex, "waiting"], check=False)
    (path,) = (workspace.home / FOLDER).glob("intake_*")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    recover_intakes(workspace)
    assert counted(workspace, run) == 9
    assert [each.name for each in (workspace.home / FOLDER / "damaged").iterdir()] == [path.name]


def test_points_wait_while_the_database_cannot_be_written(
    workspace: LocalWorkspace, run: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(workspace)
    intake.admit(run.hex)
    intake.take(run.hex, one(1))
    with workspace.ledger.transaction() as held:
        held.connection.exec_driver_sql("CREATE TABLE away AS SELECT * FROM point_block")
        held.connection.exec_driver_sql("DROP TABLE point_block")
    intake.settle()
    assert intake.is_waiting
    with workspace.ledger.transaction() as held:
        held.connection.exec_driver_sql("ALTER TABLE away RENAME TO point_block")
    intake.settle()
    intake.close()
    assert counted(workspace, run) == 1


@pytest.mark.sqlite("a trigger in SQLite's words")
def test_a_database_that_says_no_as_the_server_ends_keeps_nothing_from_ending(
    workspace: LocalWorkspace, run: TrackedRun, caplog: pytest.LogCaptureFixture
) -> None:
    """Its words are not among ours: a trigger's, as of a rule that somebody made."""
    with workspace.ledger.transaction() as held:
        held.connection.exec_driver_sql(
            "CREATE TRIGGER no BEFORE INSERT ON point_block BEGIN SELECT RAISE(ABORT, 'not today'); END"
        )
    intake = Intake(workspace)
    intake.admit(run.hex)
    intake.take(run.hex, one(1))
    intake.settle()
    assert intake.is_waiting
    intake.close()
    assert "not today" in caplog.text
    with workspace.ledger.transaction() as held:
        held.connection.exec_driver_sql("DROP TRIGGER no")
    Intake(workspace).close()
    assert counted(workspace, run) == 1
    assert left_of_senders(workspace) == ([], [])
