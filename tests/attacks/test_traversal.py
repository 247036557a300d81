"""C1: no name that somebody sends, keeps in an archive or answers with leads to a file that is not ours."""

import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from skops import io as skops_io
from tests.attacks.strings import LEADING_OUT, TRAVERSAL

from ropeway.core.canonical import canonical
from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.data.add import add
from ropeway.data.file_errors import FileUnreadable
from ropeway.data.operations import NewVersion, arrive
from ropeway.data.restore import restore
from ropeway.keeping.backup import back_up, verify_backup
from ropeway.keeping.errors import BackupDamaged, NoBackup
from ropeway.keeping.manifest import BACKUPS, read_manifest
from ropeway.keeping.restore import restore as restore_workspace
from ropeway.pipelines.estimators import load_estimator
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
    for role, account in told_by("tests.attacks.probe", "--every", "75").items():
        assert account["wrong"] == [], role
        assert account["fields"] > 400
        assert account["requests"] > 450


@pytest.mark.slow
def test_a_server_that_lies_writes_and_reads_nothing_of_the_clients() -> None:
    said = told_by("tests.attacks.liar", "14")
    assert said["wrong"] == []
    assert said["tried"] > 150


@pytest.mark.slow
def test_no_name_that_a_service_is_sent_leads_to_a_file() -> None:
    said = told_by("tests.attacks.probe_service", "12")
    assert said["wrong"] == []
    assert said["requests"] > 500


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


SPECIAL = {
    "pipe": os.mkfifo,
    "socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_backup_with_a_pipe_or_a_device_in_it_is_not_read(
    backup: tuple[Path, str], tmp_path: Path, kind: str
) -> None:
    # A pipe kept its reader waiting for ever, a device gave bytes without end.
    place, name = backup
    target = tmp_path / "target"
    for path in [place / BACKUPS / f"{name}.json", next((place / "objects").rglob("?" * 62))]:
        kept = path.read_bytes()
        path.unlink()
        SPECIAL[kind](path)
        for ask in (read_manifest, verify_backup):
            with pytest.raises(BackupDamaged, match="is a device, a pipe or a socket"):
                ask(place, name)
        with pytest.raises(BackupDamaged):
            restore_workspace(place, target, name="latest", actor="ana")
        path.unlink()
        path.write_bytes(kept)
    assert not target.exists()
    assert verify_backup(place, name).backup == name


def test_a_link_or_a_device_in_a_model_file_is_bytes_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.npy"
    np.save(secret, np.array([7.0]))
    sound = skops_io.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    assert load_estimator(sound).predict([[2.0]]) == pytest.approx([2.0])
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO):
        with pytest.raises((RopewayError, ValueError)):
            load_estimator(with_links(sound, kind, str(secret)))
    before = files_beside(tmp_path / "none")
    load_estimator(with_links(sound, stat.S_IFREG, "", more=LEADING_OUT[:3]))
    assert files_beside(tmp_path / "none") == before


def with_links(data: bytes, kind: int, target: str, more: Iterable[str] = ()) -> bytes:
    """A model's file whose arrays are links to a file, or what else a ZIP can call a member."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name)
            is_link = bool(target) and name.endswith(".npy")
            info.external_attr = (kind | 0o777) << 16
            new.writestr(info, target if is_link else old.read(name))
        for name in more:
            new.writestr(name, "evil")
    return made.getvalue()
