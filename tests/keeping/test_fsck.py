"""What a check finds, names, leaves out, and mends."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update
from tests.keeping.test_collect import bring

from ropeway.keeping.backup import back_up
from ropeway.keeping.errors import BadShare, NoSource
from ropeway.keeping.mend import mend
from ropeway.keeping.operations import fsck
from ropeway.ledger.tables import event
from ropeway.store.errors import ObjectDamaged
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, open_workspace


@pytest.fixture(params=["sqlite", "postgresql"])
def ledgers(request: pytest.FixtureRequest, project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROPEWAY_TEST_LEDGER", request.param)
    return project


@contextlib.contextmanager
def by_hand(workspace: LocalWorkspace) -> Iterator[Connection]:
    """As who owns the database: no guard stands in the way."""
    with workspace.ledger.transaction() as transaction:
        connection = transaction.connection
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        triggers = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        ).all()
        for trigger in triggers:
            connection.execute(text(f"DROP TRIGGER {trigger.name}"))
        yield connection
        for trigger in triggers:
            connection.execute(text(trigger.sql))


def flip_a_field(workspace: LocalWorkspace, verb: str) -> int:
    """One bit in a field of an event that no column and no table shows; gives the event's number."""
    with by_hand(workspace) as connection:
        row = connection.execute(select(event.c.seq, event.c.record).where(event.c.verb == verb)).one()
        at = row.record.index(b'"auth":"none"') + len(b'"auth":"')
        flipped = row.record[:at] + b"o" + row.record[at + 1 :]
        connection.execute(update(event).where(event.c.seq == row.seq).values(record=flipped))
    return int(row.seq)


def damage(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_the_days_of_a_sample_read_everything_once(workspace):
    for number in range(60):
        workspace.store.put(f"object {number}".encode())
    reports = [fsck(workspace, share=0.05, day=day) for day in range(20)]
    assert sum(report.read for report in reports) == 60
    assert max(report.read for report in reports) < 20
    assert fsck(workspace, share=0.05, day=3) == reports[3]


def test_damage_is_named_with_the_versions_and_runs_that_rest_on_it(workspace):
    version = bring(workspace, "id\n1\n")
    with start_run(workspace, inputs=[f"dataset:rows@{version}"]) as run:
        pass
    damage(workspace.store.open_path(version))
    [found] = fsck(workspace).findings
    assert found.concerns == ["dataset:rows@v1", f"run:{run.id}"]
    with pytest.raises(ObjectDamaged, match="is damaged"):
        workspace.store.read(version)


def test_a_changed_row_of_a_projection_is_found_and_made_again(workspace):
    bring(workspace, "id\n1\n")
    with workspace.ledger.transaction() as transaction:
        transaction.connection.exec_driver_sql("UPDATE dataset_version SET rows = 7")
    report = fsck(workspace)
    assert [finding.is_derived for finding in report.findings] == [True]
    mended = mend(workspace, report, None)
    assert mended.rebuilt
    assert mended.after.is_sound


def test_a_bit_in_a_record_that_no_table_shows_is_found_with_what_rests_on_the_event(ledgers):
    workspace = ledgers()
    version = bring(workspace, "id\n1\n")
    with start_run(workspace, inputs=[f"dataset:rows@{version}"]) as run:
        pass
    seq = flip_a_field(workspace, "dataset-arrived")
    [found] = fsck(workspace, share=0.05).findings
    assert found.what == f"event {seq}: an event is not the one that the tree has"
    assert found.named_by == [f"event {seq} dataset-arrived dataset:rows@{version}"]
    assert found.concerns == ["dataset:rows@v1", f"run:{run.id}"]


def test_an_event_that_was_taken_away_is_named_by_what_it_left(ledgers):
    workspace = ledgers()
    bring(workspace, "id\n1\n")
    with by_hand(workspace) as connection:
        connection.execute(text("DELETE FROM event WHERE verb = 'dataset-arrived'"))
    found = [each for each in fsck(workspace).findings if each.concerns]
    assert [(each.what, each.concerns) for each in found] == [
        ("event 2: the tree has nodes of events after the last, 1", ["dataset:rows@v1"])
    ]


def test_a_payload_that_is_gone_without_an_erasure_is_found(ledgers):
    workspace = ledgers()
    bring(workspace, "id\n1\n")
    with by_hand(workspace) as connection:
        connection.execute(text("DELETE FROM event_payload"))
    assert any("no erasure is on record" in each.what for each in fsck(workspace).findings)


def test_events_cut_off_at_the_end_are_missed_where_a_head_was_signed(tmp_path):
    make_workspace(tmp_path / "project").close()
    with open_workspace(tmp_path / "project", actor="ana") as workspace:
        bring(workspace, "id\n1\n")
    with LocalWorkspace(tmp_path / "project", actor="ana") as workspace:
        with by_hand(workspace) as connection:
            for table in ("event", "event_payload", "tree", "checkpoint"):
                connection.execute(text(f"DELETE FROM {table}"))
        workspace.ledger.rebuild()
        whats = [each.what for each in fsck(workspace).findings]
    assert any("was signed over 2 events, and there are 0" in what for what in whats)


@pytest.mark.sqlite("the schema is changed by hand, in the file")
@pytest.mark.parametrize("change", ["retype", "loosen"])
def test_a_schema_that_is_not_as_it_was_made_is_found(workspace, change):
    with sqlite3.connect(workspace.home / "ledger.db") as connection:
        if change == "retype":
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(
                "UPDATE sqlite_master SET sql = replace(sql, 'BLOB', 'BLOC') WHERE name = 'tree'"
            )
        else:
            connection.execute("DROP TRIGGER event_no_delete")
            connection.execute("CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT 1; END")
    connection.close()
    with LocalWorkspace(workspace.root, actor="ana") as again:
        assert [each.what for each in fsck(again).findings] == [
            "the file does not describe 'tree' as it was made"
            if change == "retype"
            else "the trigger 'event_no_delete' is not as it was made"
        ]


def test_objects_are_brought_again_from_a_backup_with_what_trees_hold(workspace, tmp_path):
    with start_run(workspace) as run:
        run.artifact("a.txt", "kept")
    back_up(workspace, tmp_path / "b")
    for digest in list(workspace.store.digests())[::2]:
        damage(workspace.store.open_path(digest))
    workspace.store.remove(list(workspace.store.digests())[1:3])
    report = fsck(workspace)
    assert not report.is_sound
    assert mend(workspace, report, tmp_path / "b").after.is_sound


def test_what_no_source_has_stays_named(workspace, project):
    version = bring(workspace, "id\n1\n")
    workspace.store.remove([version])
    with project() as other:
        mended = mend(workspace, fsck(workspace), other.root)
    assert (mended.objects, mended.not_found) == ([], [version])
    assert not mended.after.is_sound
    with pytest.raises(NoSource, match="no store in"):
        mend(workspace, fsck(workspace), workspace.root / "nowhere")


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_that_is_none_is_refused(workspace: LocalWorkspace, share):
    with pytest.raises(BadShare, match="no share"):
        fsck(workspace, share=share)
