"""C11: whatever the mask, what is kept is its owner's alone; no name in a shared folder is guessed."""

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.conftest import Server

from ropeway.data.add import add
from ropeway.data.operations import full_profile
from ropeway.keeping.audit.operations import verify_history
from ropeway.keeping.backup import back_up
from ropeway.keeping.operations import fsck
from ropeway.keeping.restore import restore
from ropeway.pipelines.code import PackedFiles
from ropeway.serving.log import PredictionLog
from ropeway.testing import MINIMAL_PROJECT
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, open_workspace
from ropeway.workspace.tokens import keep_token

OTHERS = 0o077
DRAWN = re.compile(r"[A-Za-z0-9_]{8,}")


@pytest.fixture
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of all that is made in the folder that a machine's users share."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    names: list[str] = []
    real = tempfile._RandomNameSequence.__next__
    monkeypatch.setattr(
        tempfile._RandomNameSequence, "__next__", lambda self: names.append(real(self)) or names[-1]
    )
    yield names
    assert list(folder.iterdir()) == []


def open_to_others(folder: Path) -> list[str]:
    """What below a folder, and it itself, somebody else may look into."""
    every = [folder, *folder.rglob("*")]
    return [
        f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(folder.parent)}"
        for path in every
        if not path.is_symlink() and path.lstat().st_mode & OTHERS
    ]


def live(root: Path) -> LocalWorkspace:
    """A workspace in which something of everything has happened."""
    root.mkdir()
    (root / "ropeway.toml").write_text(MINIMAL_PROJECT)
    workspace = LocalWorkspace(root, actor="ana", signs=True)
    (root / "rows.csv").write_text("id,text\n" + "".join(f"{n},fine\n" for n in range(300)))
    (root / "large.bin").write_bytes(os.urandom(1 << 20) * 9)
    (root / "img").mkdir()
    for number in range(20):
        (root / "img" / f"{number}.txt").write_text(str(number))
    add(workspace, root / "rows.csv", name="rows")
    add(workspace, root / "img", name="img")
    with start_run(workspace) as run:
        run.log(loss=1.0)
        run.artifact("large", root / "large.bin")
    with PredictionLog(workspace.home, model="m", environment="production") as log:
        log.add("m@1", {"text": "x"}, "yes", {"yes": 1.0}, at=log.clock.now(), latency_us=1)
    full_profile(workspace, reference="rows")
    fsck(workspace)
    verify_history(workspace)
    return workspace


@pytest.mark.usefixtures("no_mask")
def test_what_is_kept_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: list[str]
) -> None:
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))
    with live(tmp_path / "project") as workspace:
        back_up(workspace, tmp_path / "place")
        restore(tmp_path / "place", tmp_path / "target", name="latest", actor="ana")
        server = Server(workspace)
        keep_token(server.url, "rw_secret")
        with open_workspace(tmp_path / "project", server=server.url) as remote:
            add(remote, tmp_path / "project" / "rows.csv", name="again")
        server.stop()
        homes = (workspace.home, tmp_path / "target" / ".ropeway", tmp_path / "place", tmp_path / "user")
        assert [each for home in homes for each in open_to_others(home)] == []
        assert {path.name for path in workspace.home.iterdir()} >= {
            "ledger.db",
            "ledger.db-wal",
            "write.lock",
        }
    assert all(DRAWN.fullmatch(name) for name in shared)


@pytest.mark.usefixtures("no_mask")
def test_what_waits_in_a_shared_folder_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = tempfile.mkdtemp

    def made(*given: object, **named: object) -> str:
        path = real(*given, **named)
        seen.append(stat.filemode(Path(path).lstat().st_mode))
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", made)
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))
    with live(tmp_path / "project"):
        # What a package's code has beside it must lie somewhere while it runs.
        PackedFiles({"model.py": b"", "words.txt": b"fine"}).close()
        assert set(seen) == {"drwx------"}
