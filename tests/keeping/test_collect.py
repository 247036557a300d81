"""Collections: what they take, what they leave, and what is said of it afterwards."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ropeway.core.ids import Digest
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.data.recheck import check_version
from ropeway.keeping.errors import CollectionUnsafe, GraceTooShort
from ropeway.keeping.operations import fsck, gc, list_collected
from ropeway.store.errors import ObjectMissing
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.operations import list_events

KEEP_ONE = '[project]\nname = "trial"\n[retention]\ndataset_versions = 1\n'


def age(workspace: LocalWorkspace, *digests: str) -> None:
    """As if these, or all objects, had been brought a month ago."""
    long_ago = time.time() - 30 * 86_400
    for digest in digests or list(workspace.store.digests()):
        os.utime(workspace.store.open_path(Digest(digest)), (long_ago, long_ago))


def bring(workspace: LocalWorkspace, content: str) -> Digest:
    path = workspace.root / "rows.csv"
    path.write_text(content)
    return add(workspace, path, name="rows").version.version


def test_what_nothing_refers_to_goes_once_it_is_old(workspace):
    old, young = workspace.store.put(b"old"), workspace.store.put(b"young")
    age(workspace, old)
    found = gc(workspace)
    assert [(share.reason, share.objects) for share in found.dead] == [("never-referred", 1)]
    assert not workspace.store.has(old)
    assert workspace.store.has(young)


def test_a_dry_run_changes_nothing(workspace):
    age(workspace, workspace.store.put(b"old"))
    found = gc(workspace, dry_run=True)
    assert (found.removed, [share.size_bytes for share in found.dead]) == (0, [3])
    assert len(list(workspace.store.digests())) == 1
    assert list_events(workspace) == []


def test_without_a_policy_everything_that_is_referred_to_stays(workspace):
    bring(workspace, "id\n1\n")
    bring(workspace, "id\n1\n2\n")
    age(workspace)
    assert gc(workspace).dead == []


def test_what_a_policy_gave_up_is_said_to_be_collected_and_by_which(project):
    workspace = project(KEEP_ONE)
    first = bring(workspace, "id\n1\n")
    bring(workspace, "id\n1\n2\n")
    age(workspace)
    assert gc(workspace).removed > 0
    report = fsck(workspace)
    assert report.is_sound
    assert report.collected > 0
    note = list_collected(workspace, digests=[first])[first]
    assert (note.reason, note.by) == ("dataset_versions = 1", "ana")
    with pytest.raises(ObjectMissing, match="not in the store"):
        load(workspace, resolve(workspace, "rows@v1"))


def test_what_was_collected_can_be_brought_again(project):
    workspace = project(KEEP_ONE)
    first = bring(workspace, "id\n1\n")
    bring(workspace, "id\n1\n2\n")
    age(workspace)
    gc(workspace)
    assert workspace.store.put(b"id\n1\n") == first
    assert load(workspace, resolve(workspace, "rows@v1")).height == 1


def test_what_was_needed_again_since_it_was_collected_is_missed(project):
    workspace = project(KEEP_ONE)
    first = bring(workspace, "id\n1\n")
    bring(workspace, "id\n1\n2\n")
    age(workspace)
    gc(workspace)
    with start_run(workspace) as run:
        run.artifact("rows.csv", "id\n1\n")
    assert fsck(workspace).is_sound
    workspace.store.remove([first])
    assert [each.digest for each in fsck(workspace).findings] == [first]


def test_old_bytes_that_are_put_again_are_spared(workspace):
    digest = workspace.store.put(b"old")
    age(workspace, digest)
    workspace.store.put(b"old")
    assert gc(workspace).removed == 0


def test_an_event_that_needs_a_missing_object_is_refused(workspace):
    version = bring(workspace, "id\n1\n")
    table = workspace.store.read(version)
    workspace.store.remove([version])
    with pytest.raises(ObjectMissing, match="not in the store"):
        workspace.store.put_tree({"rows.csv": version})
    with pytest.raises(ObjectMissing, match="not in the store"):
        check_version(workspace, "rows")
    assert workspace.store.put(table) == version


def test_an_open_run_keeps_its_artifacts(workspace):
    with start_run(workspace) as run:
        run.artifact("a.txt", "kept")
        age(workspace)
        assert gc(workspace).removed == 0


def test_nothing_is_collected_while_a_tree_is_damaged(workspace):
    with start_run(workspace):
        pass
    tree = next(
        digest for digest in workspace.store.digests() if workspace.store.ends(digest)[0][:2] == b'{"'
    )
    path = workspace.store.open_path(tree)
    path.chmod(0o600)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with pytest.raises(CollectionUnsafe, match="Nothing was collected"):
        gc(workspace)


def test_a_grace_that_is_too_short_is_refused(workspace):
    with pytest.raises(GraceTooShort, match="too short"):
        gc(workspace, grace="10m")


def test_a_misspelt_policy_is_refused_with_its_line(project):
    workspace = project('[project]\nname = "trial"\n[retention]\ndataset_version = 1\n')
    with pytest.raises(ProjectInvalid, match=r"line 4.*dataset_version'.*Did you mean 'dataset_versions'"):
        gc(workspace)


def test_removing_twice_or_what_is_read_only_or_not_there_is_harmless(workspace):
    digest = workspace.store.put(b"once")
    assert workspace.store.remove([digest, Digest("0" * 64)]) == 4
    assert workspace.store.remove([digest]) == 0


WRITER = """
import sys
from pathlib import Path
from ropeway.data.add import add
from ropeway.workspace import open_workspace

with open_workspace(actor=sys.argv[1]) as workspace:
    for number in range(12):
        path = Path(f"{sys.argv[1]}-{number % 3}.csv")
        path.write_text(f"id,said\\n1,{sys.argv[1]}{number % 3}\\n")
        add(workspace, path, name=sys.argv[1])
"""


def test_two_writers_beside_collections_lose_nothing(tmp_path: Path):
    """They bring the same bytes again and again, which are old each time a collection looks."""
    make_workspace(tmp_path).close()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name], cwd=tmp_path) for name in ("ben", "cleo")
    ]
    with LocalWorkspace(tmp_path, actor="ana") as workspace:
        while any(writer.poll() is None for writer in writers):
            for number in range(3):
                age(workspace, workspace.store.put(f"litter {number}".encode()))
            gc(workspace)
        assert [writer.wait() for writer in writers] == [0, 0]
        assert fsck(workspace).findings == []
