"""The diff of uncommitted work, beside a run."""

import subprocess
from pathlib import Path

import pytest

from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.start import start_run
from ropeway.tracking.uncommitted import LIMIT_BYTES, NAME, uncommitted
from ropeway.workspace import LocalWorkspace


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=ana", "-c", "user.email=ana@example.org")
    subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(workspace: LocalWorkspace) -> Path:
    root = workspace.root
    git(root, "init", "-q")
    (root / "train.py").write_text("rate = 0.1\n")
    (root / ".env").write_text("KEY=first\n")
    (root / ".gitignore").write_text(".ropeway\n")
    git(root, "add", "-f", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_a_run_keeps_what_differs_from_the_last_commit(workspace: LocalWorkspace, repository: Path):
    start_run(workspace).finish()
    assert resolve_run(workspace, "latest").artifacts == {}
    (repository / "train.py").write_text("rate = 0.5\n")
    (repository / "new.py").write_text("x = 1\n")
    start_run(workspace).finish()
    kept = resolve_run(workspace, "latest").artifacts
    text = workspace.store.read(kept[NAME].digest).decode()
    assert "-rate = 0.1\n+rate = 0.5\n" in text
    assert "# untracked:\n#   new.py\n" in text


def test_what_may_be_secret_is_named_and_not_shown(repository: Path):
    (repository / ".env").write_text("KEY=second\n")
    text = uncommitted(repository)
    assert "KEY" not in text
    assert "may hold a secret:\n#   .env\n" in text


def test_a_long_diff_is_cut_and_says_so(repository: Path):
    (repository / "train.py").write_text("x = 1\n" * LIMIT_BYTES)
    text = uncommitted(repository)
    assert len(text) < LIMIT_BYTES + 100
    assert "# cut here: the diff has" in text


def test_without_git_there_is_no_diff(tmp_path: Path):
    assert uncommitted(tmp_path) == ""
