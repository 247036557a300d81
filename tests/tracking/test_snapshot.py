"""The code of a run is the project as it stands, committed or not, without what does not belong."""

import os
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from ropeway.tracking import snapshot
from ropeway.tracking.snapshot import snapshot_code
from ropeway.workspace import LocalWorkspace


def git(root: Path, *words: str) -> str:
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *words],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | settings,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project) -> LocalWorkspace:
    workspace = project(
        **{"pipeline.py": "x = 1\n", "steps/clean.py": "y = 2\n", ".gitignore": "*.log\n.ropeway/\n"}
    )
    git(workspace.root, "init")
    git(workspace.root, "add", ".")
    git(workspace.root, "commit", "-m", "first")
    return workspace


def files(workspace: LocalWorkspace) -> dict[str, bytes]:
    tree = workspace.store.read_tree(snapshot_code(workspace.root, workspace.store).tree)
    return {name: workspace.store.read(digest) for name, digest in tree.items()}


def test_a_clean_checkout_is_its_commit(repository: LocalWorkspace):
    record = snapshot_code(repository.root, repository.store)
    assert (record.commit, record.is_dirty) == (git(repository.root, "rev-parse", "HEAD"), False)
    assert set(files(repository)) == {".gitignore", "pipeline.py", "ropeway.toml", "steps/clean.py"}


def test_changed_and_untracked_files_are_kept_and_ignored_ones_are_not(repository: LocalWorkspace):
    root = repository.root
    (root / "pipeline.py").write_text("x = 3\n")
    (root / "new.py").write_text("z = 1\n")
    (root / "train.log").write_text("noise")
    (root / "steps/clean.py").unlink()
    record = snapshot_code(root, repository.store)
    assert record.is_dirty
    kept = files(repository)
    assert (kept["pipeline.py"], kept["new.py"]) == (b"x = 3\n", b"z = 1\n")
    assert set(kept) == {".gitignore", "new.py", "pipeline.py", "ropeway.toml"}


def test_an_untracked_file_alone_makes_it_dirty(repository: LocalWorkspace):
    (repository.root / "new.py").write_text("z = 1\n")
    assert snapshot_code(repository.root, repository.store).is_dirty


def test_a_repository_without_a_commit_is_kept(project):
    workspace = project(**{"pipeline.py": "x = 1\n"})
    git(workspace.root, "init")
    record = snapshot_code(workspace.root, workspace.store)
    assert (record.commit, record.is_dirty) == ("", True)
    assert set(files(workspace)) == {"pipeline.py", "ropeway.toml"}


def test_a_project_that_an_outer_repository_ignores_is_walked(tmp_path: Path, project):
    (tmp_path / ".gitignore").write_text("project*\n")
    git(tmp_path, "init")
    workspace = project(**{"pipeline.py": "x = 1\n"})
    assert set(files(workspace)) == {"pipeline.py", "ropeway.toml"}


def test_without_git_text_is_kept_and_the_rest_is_named(project):
    workspace = project(
        **{"pipeline.py": "x = 1\n", ".env": "KEY=1", "deep/a.py": "", "venv/pyvenv.cfg": "", "venv/b.py": ""}
    )
    root = workspace.root
    (root / "big.csv").write_text("a\n" * 600_000)
    (root / "image.png").write_bytes(b"\x89PNG\0\0")
    (root / "link.py").symlink_to("pipeline.py")
    record = snapshot_code(root, workspace.store)
    assert set(files(workspace)) == {"deep/a.py", "pipeline.py", "ropeway.toml"}
    assert record.left_out == [
        ".env (may hold a secret)", "big.csv (1,200,000 bytes, over 1 MiB)",
        "image.png (not text)", "link.py (a link)",
    ]  # fmt: skip
    assert record.left_out_count == 4


def test_a_change_is_seen_though_size_and_time_are_the_same(project):
    workspace = project(**{"pipeline.py": "x = 1\n"})
    path = workspace.root / "pipeline.py"
    old = time.time() - 1_000
    os.utime(path, (old, old))
    first = snapshot_code(workspace.root, workspace.store).tree
    path.write_text("x = 2\n")
    os.utime(path, (old, old))
    assert snapshot_code(workspace.root, workspace.store).tree != first
    assert files(workspace)["pipeline.py"] == b"x = 2\n"


def test_an_unchanged_file_is_not_read_again(project):
    workspace = project(**{"pipeline.py": "x = 1\n"})
    os.utime(workspace.root / "pipeline.py", (1, 1))
    snapshot_code(workspace.root, workspace.store)
    key = f"code-snapshot 1 {workspace.root}"
    index = msgspec.msgpack.decode(workspace.store.cache.get(key))
    # The index says that the file holds something else: only a reading would find out.
    index["pipeline.py"][-1] = workspace.store.put(b"from the index")
    workspace.store.cache.put(key, msgspec.msgpack.encode(index))
    assert files(workspace)["pipeline.py"] == b"from the index"


def test_a_lost_cache_or_object_costs_only_time(project):
    workspace = project(**{"pipeline.py": "x = 1\n"})
    os.utime(workspace.root / "pipeline.py", (1, 1))
    first = snapshot_code(workspace.root, workspace.store).tree
    digest = workspace.store.read_tree(first)["pipeline.py"]
    (workspace.home / "objects" / digest[:2] / digest[2:]).unlink()
    assert snapshot_code(workspace.root, workspace.store).tree == first
    assert files(workspace)["pipeline.py"] == b"x = 1\n"
    workspace.store.cache.put(f"code-snapshot 1 {workspace.root}", b"nonsense")
    assert snapshot_code(workspace.root, workspace.store).tree == first


def test_too_many_files_are_cut_and_said(project, monkeypatch: pytest.MonkeyPatch):
    workspace = project(**{f"f{number}.py": "" for number in range(6)})
    monkeypatch.setattr(snapshot, "FILE_COUNT_LIMIT", 4)
    record = snapshot_code(workspace.root, workspace.store)
    assert record.left_out_count == 3
    assert "more than 4 files" in record.left_out[0]
