"""Bytes that are not what they were, and a database from the future: said with a code, never handed out."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ropeway.data.add import add
from ropeway.data.load import load
from ropeway.keeping.operations import fsck
from ropeway.ledger.errors import LedgerDamaged, WorkspaceNewer
from ropeway.store.errors import ObjectDamaged
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one dataset, closed."""
    (tmp_path / "shop.csv").write_text("id,price\n1,2.5\n2,3.5\n3,4.5\n")
    with make_workspace(tmp_path / "project") as workspace:
        add(workspace, tmp_path / "shop.csv", name="shop")
    return tmp_path / "project"


def test_a_flipped_bit_in_data_is_found_named_and_never_handed_out(root: Path) -> None:
    with LocalWorkspace(root, actor="ana") as workspace:
        version = add(workspace, root.parent / "shop.csv", name="shop").version
        _flip_a_bit(workspace.store.open_path(version.version))
    with LocalWorkspace(root, actor="ana") as workspace:
        findings = fsck(workspace).findings
        assert [version.version[:10] in finding.what for finding in findings] == [True]
        assert any("dataset-arrived" in name for name in findings[0].named_by)
        with pytest.raises(ObjectDamaged, match="is damaged"):
            load(workspace, version)
    done = _ropeway(root, "fsck", "--json")
    assert done.returncode == 5
    assert version.version[:10] in done.stdout


def test_a_damaged_object_is_mended_by_bringing_the_same_file_again(root: Path) -> None:
    with LocalWorkspace(root, actor="ana") as workspace:
        version = add(workspace, root.parent / "shop.csv", name="shop").version
        _flip_a_bit(workspace.store.open_path(version.version))
    with LocalWorkspace(root, actor="ana") as workspace:
        assert add(workspace, root.parent / "shop.csv", name="shop").version.version == version.version
        assert fsck(workspace).findings == []
        assert load(workspace, version).height == 3


def test_a_name_changed_behind_the_ledgers_back_is_found(root: Path) -> None:
    # Regression: no test noticed that fsck left payloads alone.
    with sqlite3.connect(root / ".ropeway" / "ledger.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE event_payload SET value = CAST(replace(value, 'ana', 'eve') AS BLOB)")
    connection.close()
    with LocalWorkspace(root, actor="ana") as workspace:
        whats = [finding.what for finding in fsck(workspace).findings]
    assert any(what.startswith("event") and "not what the event committed to" in what for what in whats)


def test_a_database_of_a_newer_release_is_refused_and_left_alone(root: Path) -> None:
    database = root / ".ropeway" / "ledger.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.close()
    with pytest.raises(WorkspaceNewer, match="has format 99"):
        LocalWorkspace(root, actor="ana")
    done = _ropeway(root, "log", "--json")
    assert done.returncode == 3
    error = msgspec.json.decode(done.stdout)["error"]
    assert error["code"] == "workspace-newer"
    assert "pip install --upgrade ropeway" in error["next_step"]
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchone()[0] > 0
    connection.close()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.7])
def test_a_database_cut_short_is_said_to_be_damaged(root: Path, kept: float) -> None:
    database = root / ".ropeway" / "ledger.db"
    data = database.read_bytes()
    database.write_bytes(
        b"not a database at all" if kept == 0 else data[: int(len(data) * kept) // 512 * 512]
    )
    try:
        with LocalWorkspace(root, actor="ana") as workspace:
            assert fsck(workspace).findings
    except LedgerDamaged as error:
        assert error.code == "ledger-damaged"  # noqa: PT017  either way is a clear answer


def _flip_a_bit(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _ropeway(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ropeway.cli", *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
