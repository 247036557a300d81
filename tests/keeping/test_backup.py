"""Backups and restores: the drill."""

import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.keeping.test_collect import bring

from ropeway.data.load import load, resolve
from ropeway.keeping import backup
from ropeway.keeping.backup import back_up, verify_backup
from ropeway.keeping.errors import BackupDamaged, CannotBackUp, NoBackup, WorkspaceThere
from ropeway.keeping.manifest import list_backups
from ropeway.keeping.operations import fsck
from ropeway.keeping.restore import BUILDING, restore
from ropeway.ledger import Ledger
from ropeway.ledger.errors import TargetNotEmpty
from ropeway.ledger.journal import count_events
from ropeway.ledger.move import copy_to_file
from ropeway.ledger.projections import projected_rows
from ropeway.ledger.tables import checkpoint
from ropeway.ledger.tree import root_at
from ropeway.testing import MINIMAL_PROJECT, make_workspace
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


def test_a_spool_that_goes_while_it_is_listed_is_no_part_of_it(workspace, tmp_path, monkeypatch):
    """Once, a run that ended in that moment ended the backup too."""
    listed = backup._open_segments
    gone = workspace.home / "spool" / "run_gone.segment"
    monkeypatch.setattr(backup, "_open_segments", lambda home: [*listed(home), gone])
    back_up(workspace, tmp_path / "b")
    assert len(list_backups(tmp_path / "b")) == 1


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


@pytest.mark.sqlite("the file is set aside")
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


def on(ledger: str) -> str:
    return f'{MINIMAL_PROJECT}\n[workspace]\n# where it is\nledger = "{ledger}"\n'


def told(workspace, size):
    with workspace.ledger.reading() as connection:
        facts = [repr(fact) for fact in workspace.ledger.facts(connection, limit=size)]
        heads = connection.execute(select(checkpoint).where(checkpoint.c.size <= size)).all()
        return facts, root_at(connection, size), [tuple(head) for head in heads]


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_a_ledger_in_postgresql_is_backed_up_and_restored_into_a_file_or_a_schema(tmp_path, postgres, to):
    make_workspace(tmp_path / "old", toml=on(postgres.schema())).close()
    with open_workspace(tmp_path / "old", actor="ana") as workspace:
        bring(workspace, "id\n1\n2\n")
        workspace.checkpoint()
        last = back_up(workspace, tmp_path / "b").last_seq
        before = told(workspace, last)
        bring(workspace, "id\n3\n")
    ledger = postgres.schema() if to == "postgresql" else ""
    done = restore(tmp_path / "b", tmp_path / "new", name="latest", actor="ben", ledger=ledger)
    assert (done.must_say, done.last_seq) == (False, last)
    with LocalWorkspace(tmp_path / "new", actor="ben") as restored:
        assert isinstance(restored.ledger.place, Path) == (to == "sqlite")
        assert told(restored, last) == before
        assert [event.verb for event in list_events(restored)][-1] == "restored"
        assert fsck(restored).findings == []
        assert load(restored, resolve(restored, "rows")).height == 2
    assert "# where it is" in (tmp_path / "new" / "ropeway.toml").read_text()


def test_a_backup_is_the_moment_in_which_it_began_while_others_write_to_postgresql(tmp_path, postgres):
    with make_workspace(tmp_path / "old", toml=on(postgres.schema())) as workspace:
        bring(workspace, "id\n1\n")
        with backup._snapshot(workspace) as held:
            bring(workspace, "id\n2\n")
            copy_to_file(held.connection, tmp_path / "copy.db", workspace.clock)
        with (
            contextlib.closing(Ledger(tmp_path / "copy.db", workspace.clock)) as copy,
            copy.reading() as read,
        ):
            assert count_events(read) == held.last_seq == 2


def test_nothing_is_restored_into_a_schema_that_has_a_history(tmp_path, postgres):
    url = postgres.schema()
    with make_workspace(tmp_path / "old", toml=on(url)) as workspace:
        bring(workspace, "id\n1\n")
        back_up(workspace, tmp_path / "b")
        before = len(list_events(workspace))
    for arguments in ({"ledger": url}, {"replace": True}):
        folder = tmp_path / ("new" if "ledger" in arguments else "old")
        with pytest.raises(TargetNotEmpty, match="a history"):
            restore(tmp_path / "b", folder, name="latest", actor="ana", **arguments)
    with LocalWorkspace(tmp_path / "old", actor="ana") as workspace:
        assert len(list_events(workspace)) == before
    assert not (tmp_path / "new").exists()


def test_a_project_that_names_another_place_is_told_after_a_restore(tmp_path, postgres):
    with make_workspace(tmp_path / "old", toml=on(postgres.schema())) as workspace:
        bring(workspace, "id\n1\n")
        back_up(workspace, tmp_path / "b")
    done = restore(
        tmp_path / "b", tmp_path / "old", name="latest", actor="ana", replace=True, ledger=postgres.schema()
    )
    assert done.must_say
    assert done.ledger != "sqlite"


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
