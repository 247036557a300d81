"""Backups and restores: the drill."""

import shutil
import subprocess
import sys
import time

import pytest
from tests.keeping.test_collect import bring

from ropeway.data.load import load, resolve
from ropeway.keeping.backup import back_up, list_backups, verify_backup
from ropeway.keeping.errors import BackupDamaged, CannotBackUp, NoBackup, WorkspaceThere
from ropeway.keeping.operations import fsck
from ropeway.keeping.restore import BUILDING, restore
from ropeway.ledger.projections import projected_rows
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, open_workspace
from ropeway.workspace.operations import list_events


def test_the_drill_what_was_acknowledged_is_there_and_sound(workspace, tmp_path):
    bring(workspace, "id\n1\n2\n")
    with start_run(workspace, name="done") as run:
        run.log(loss=0.5)
        run.artifact("a.txt", "kept")
    before = list_events(workspace)
    back_up(workspace, tmp_path / "b")
    done = restore(tmp_path / "b", tmp_path / "new", name="latest", actor="ben")
    assert done.last_seq == before[-1].seq
    with open_workspace(tmp_path / "new", actor="ben") as restored:
        after = list_events(restored)
        assert after[: len(before)] == before
        assert (after[len(before) + 1].verb, after[len(before) + 1].by) == ("restored", "ben")
        assert fsck(restored).findings == []
        assert load(restored, resolve(restored, "rows")).height == 2


def test_points_of_a_run_that_is_still_open_are_in_it(workspace, tmp_path):
    with start_run(workspace, name="open") as run:
        run.log(1, loss=0.5)
        back_up(workspace, tmp_path / "b")
    restore(tmp_path / "b", tmp_path / "new", name="latest", actor="ana")
    with LocalWorkspace(tmp_path / "new", actor="ana") as restored:
        from ropeway.tracking.points import list_points
        from ropeway.tracking.recover import recover_runs

        assert recover_runs(restored) == [run.id]
        assert [point.step for point in list_points(restored, run=run.id)] == [1]


def test_a_second_backup_copies_only_what_is_new(workspace, tmp_path):
    bring(workspace, "id\n" + "1\n" * 500_000)
    first = back_up(workspace, tmp_path / "b")
    bring(workspace, "id\n2\n")
    second = back_up(workspace, tmp_path / "b")
    assert second.size_bytes > 1_000_000
    assert second.copied_bytes < first.copied_bytes
    assert [each.last_seq for each in list_backups(tmp_path / "b")] == [first.last_seq, second.last_seq]


def test_a_flipped_bit_in_a_backup_is_found_and_nothing_is_restored_from_it(workspace, tmp_path):
    version = bring(workspace, "id\n1\n")
    back_up(workspace, tmp_path / "b")
    path = tmp_path / "b" / "objects" / version[:2] / version[2:]
    path.chmod(0o600)
    path.write_bytes(b"jd\n1\n")
    with pytest.raises(BackupDamaged, match="is damaged"):
        verify_backup(tmp_path / "b", "latest")
    with pytest.raises(BackupDamaged, match="is damaged"):
        restore(tmp_path / "b", tmp_path / "new", name="latest", actor="ana")
    assert not (tmp_path / "new" / ".ropeway").exists()


def test_a_workspace_that_is_there_is_not_overwritten_and_set_aside_when_told(workspace, tmp_path):
    bring(workspace, "id\n1\n")
    back_up(workspace, tmp_path / "b")
    bring(workspace, "id\n2\n")
    with pytest.raises(WorkspaceThere, match="has a workspace already"):
        restore(tmp_path / "b", workspace.root, name="latest", actor="ana")
    workspace.close()
    done = restore(tmp_path / "b", workspace.root, name="latest", actor="ana", replace=True)
    with LocalWorkspace(workspace.root, actor="ana") as now:
        assert fsck(now).findings == []
        assert [event.verb for event in list_events(now)][-1] == "restored"
        assert load(now, resolve(now, "rows")).height == 1
    assert (workspace.root / done.set_aside / "ledger.db").exists()


def test_no_backup_goes_into_the_workspace_or_among_other_things(workspace, tmp_path):
    with pytest.raises(CannotBackUp, match="within the workspace"):
        back_up(workspace, workspace.home / "b")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(CannotBackUp, match="something else"):
        back_up(workspace, tmp_path / "full")
    with pytest.raises(NoBackup, match="no backup"):
        restore(tmp_path / "full", tmp_path / "new", name="latest", actor="ana")


RESTORE = """
import sys
from pathlib import Path
from ropeway.keeping.restore import restore

print("begun", flush=True)
restore(Path(sys.argv[1]), Path(sys.argv[2]), name="latest", actor="ana", replace=True)
"""


@pytest.mark.parametrize("after_s", [0.1, 0.4])
def test_a_restore_killed_anywhere_leaves_the_old_or_the_new(tmp_path, after_s):
    with make_workspace(tmp_path / "old") as workspace:
        bring(workspace, "id\n1\n")
        back_up(workspace, tmp_path / "b")
        bring(workspace, "id\n2\n")
        last = len(list_events(workspace))
    process = subprocess.Popen(
        [sys.executable, "-c", RESTORE, tmp_path / "b", tmp_path / "old"], stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    time.sleep(after_s)
    process.kill()
    process.communicate()
    with LocalWorkspace(tmp_path / "old", actor="ana") as found:
        verbs = [event.verb for event in list_events(found)]
        assert len(verbs) == last or verbs[-1] == "restored"
        assert fsck(found).findings == []
        with found.ledger.reading() as connection:
            assert projected_rows(connection)
    shutil.rmtree(tmp_path / "old" / BUILDING, ignore_errors=True)
