"""C1: no name that somebody sends, keeps in an archive or answers with leads to a file that is not ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.attacks.strings import LEADING_OUT, TRAVERSAL

from ropeway.core.canonical import canonical
from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.data.add import add
from ropeway.data.errors import FileUnreadable
from ropeway.data.operations import NewVersion, arrive
from ropeway.data.restore import restore
from ropeway.keeping.backup import BACKUPS, back_up, read_manifest
from ropeway.keeping.errors import BackupDamaged, NoBackup
from ropeway.keeping.restore import restore as restore_workspace
from ropeway.store.errors import NotATree
from ropeway.store.trees import Tree
from ropeway.tracking.snapshot import snapshot_code
from ropeway.workspace import LocalWorkspace

ROOT = Path(__file__).resolve().parents[2]


def told_by(*words: str) -> dict:
    """What a program of this folder says in a process of its own: its hooks stay with it."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.stdout, done.stderr[-2_000:]
    return json.loads(done.stdout)


def files_beside(folder: Path) -> set[Path]:
    return {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}


def test_there_are_sixty_names_that_lead_elsewhere() -> None:
    assert len(set(TRAVERSAL)) >= 60
    assert len(LEADING_OUT) >= 20


@pytest.mark.slow
def test_no_field_of_any_operation_names_a_file() -> None:
    for role, account in told_by("tests.attacks.probe", "--every", "37").items():
        assert account["wrong"] == [], role
        assert account["fields"] > 400
        assert account["requests"] > 900


@pytest.mark.slow
def test_a_server_that_lies_writes_and_reads_nothing_of_the_clients() -> None:
    said = told_by("tests.attacks.liar", "14")
    assert said["wrong"] == []
    assert said["tried"] > 150


def hostile_tree(workspace: LocalWorkspace, name: str) -> str:
    entries = {name: workspace.store.put(b"evil")}
    return workspace.store.put(canonical(Tree(entries)))


def test_a_tree_that_leads_out_is_restored_nowhere(workspace: LocalWorkspace) -> None:
    before = files_beside(workspace.root)
    for name in LEADING_OUT:
        refuse_tree(workspace, hostile_tree(workspace, name))
    assert files_beside(workspace.root) == before
    assert not (workspace.root / "out").exists()


def refuse_tree(workspace: LocalWorkspace, tree: str) -> None:
    arrive(
        workspace,
        found=NewVersion(
            name=f"evil-{tree[:8]}",
            version=tree,
            format="folder",
            rows=1,
            size_bytes=4,
            columns={},
            contract=tree,
            profile=tree,
        ),
    )
    with pytest.raises(NotATree, match="leads out"):
        restore(workspace, f"evil-{tree[:8]}", workspace.root / "out")
    with pytest.raises(NotATree, match="leads out"):
        workspace.store.restore_folder(tree, workspace.root / "out")


def test_a_link_in_the_way_is_not_followed(workspace: LocalWorkspace, tmp_path: Path) -> None:
    (workspace.root / "img" / "in").mkdir(parents=True)
    (workspace.root / "img" / "in" / "1.txt").write_text("one")
    add(workspace, workspace.root / "img", name="img")
    (tmp_path / "elsewhere").mkdir()
    out = workspace.root / "out"
    out.mkdir()
    (out / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileUnreadable, match="not followed"):
        restore(workspace, "img", out, force=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", ["symlink", "folder link", "fifo", "socket"])
def test_links_and_devices_are_no_members(workspace: LocalWorkspace, tmp_path: Path, kind: str) -> None:
    folder = workspace.root / "img"
    folder.mkdir()
    (folder / "1.txt").write_text("one")
    (tmp_path / "secret").write_text("secret of another")
    match kind:
        case "symlink":
            (folder / "x").symlink_to(tmp_path / "secret")
        case "folder link":
            (folder / "x").symlink_to(tmp_path)
        case "fifo":
            os.mkfifo(folder / "x")
        case "socket":
            os.mknod(folder / "x", 0o140600)
    with pytest.raises(RopewayError, match=r"link|special|no file"):
        add(workspace, folder, name="img")
    with pytest.raises(RopewayError):
        workspace.store.put_folder(folder)
    code = snapshot_code(workspace.root, workspace.store)
    assert "img/x" not in workspace.store.read_tree(code.tree)
    assert not workspace.store.has(digest_bytes(b"secret of another"))


@pytest.fixture
def backup(workspace: LocalWorkspace, tmp_path: Path) -> tuple[Path, str]:
    place = tmp_path / "kept" / "place"
    return place, back_up(workspace, place).backup


def forge(place: Path, name: str, sound: bytes, **changes: list[str]) -> None:
    """Write a manifest as another program might: sound in form, with names of its own."""
    path = place / BACKUPS / f"{name}.json"
    manifest = json.loads(sound)
    kept = manifest["files"]["ropeway.toml"]
    for part, names in changes.items():
        manifest[part] |= dict.fromkeys(names, kept)
    path.chmod(0o600)
    path.write_bytes(canonical(manifest))


HOOKS = (".git/hooks/post-checkout", ".ropeway/x", "a/.git/config")


@pytest.mark.parametrize("part", ["files", "segments"])
def test_a_backup_writes_nowhere_else(backup: tuple[Path, str], tmp_path: Path, part: str) -> None:
    place, kept = backup
    target = tmp_path / "a" / "b" / "target"
    before, manifest = files_beside(target), (place / BACKUPS / f"{kept}.json").read_bytes()
    for name in (*LEADING_OUT, *HOOKS):
        forge(place, kept, manifest, **{part: [name]})
        with pytest.raises(BackupDamaged, match=r"leads out|no segment"):
            restore_workspace(place, target, name=kept, actor="ana")
    assert files_beside(target) == before
    assert not target.exists()


def test_a_backup_is_not_named_by_a_path(backup: tuple[Path, str]) -> None:
    for name in TRAVERSAL:
        with pytest.raises(NoBackup):
            read_manifest(backup[0], name)
