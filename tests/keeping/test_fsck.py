"""What a check finds, names, leaves out, and mends."""

from pathlib import Path

import pytest
from tests.keeping.test_collect import bring

from ropeway.keeping.backup import back_up
from ropeway.keeping.errors import BadShare, NoSource
from ropeway.keeping.mend import mend
from ropeway.keeping.operations import fsck
from ropeway.store.errors import ObjectDamaged
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


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
