import json
import logging
import shutil
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from ropeway.core.note import Checkpoint, NoteInvalid, new_signer, parse_checkpoint, parse_verifier, signer_of
from ropeway.ledger.tables import checkpoint
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace, checkpoints, open_workspace
from ropeway.workspace.errors import HeadContradicts, ProjectInvalid
from ropeway.workspace.heads import HeadLine, HeadsFile
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.project_file import load_project
from ropeway.workspace.user_folder import user_folder


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_workspace(tmp_path / "project").close()
    return tmp_path / "project"


def write(root: Path, *names: str) -> None:
    for name in names:
        with open_workspace(root, actor=name) as workspace:
            act(workspace)


def act(workspace: LocalWorkspace) -> None:
    with workspace._context() as context:
        assert context.actor


def signed(root: Path) -> list[Checkpoint]:
    with open_workspace(root, actor="reader") as workspace, workspace.ledger.reading() as connection:
        notes = connection.execute(select(checkpoint.c.note).order_by(checkpoint.c.size)).scalars().all()
    return [parse_checkpoint(note) for note in notes]


def test_a_head_is_signed_when_a_workspace_that_wrote_is_closed(root: Path, user: Path) -> None:
    write(root, "ana", "ben")
    assert [each.size for each in signed(root)] == [1, 2]
    lines, torn = HeadsFile(root / ".ropeway" / "heads" / "checkpoints").read()
    assert ([line.size for line in lines], torn) == ([1, 2], 0)
    verifier = parse_verifier((root / ".ropeway" / "heads" / "key.pub").read_text())
    assert all(signer_of(each.note, [verifier]) for each in signed(root))
    [head] = user.rglob("*.head")
    assert head.read_text() == lines[-1].note


def test_the_key_lies_outside_the_workspace_and_is_its_owners_alone(root: Path, user: Path) -> None:
    write(root, "ana")
    [key] = user.rglob("*.key")
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_text().strip().encode()
    assert not [each for each in root.rglob("*") if each.is_file() and secret in each.read_bytes()]


def test_who_only_reads_signs_nothing(root: Path, user: Path) -> None:
    assert signed(root) == []
    assert not user.exists()


def test_a_head_is_signed_every_so_many_events(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_EVENTS", 3)
    with open_workspace(root, actor="ana") as workspace:
        for name in "abcdefg":
            with open_workspace(root, actor=name) as other:
                other._checkpoints = None
                other.ledger.after_commit = workspace.ledger.after_commit
                act(other)
    assert [each.size for each in signed(root)] == [3, 6, 7]


def test_what_was_written_is_signed_after_a_while_though_nothing_else_happens(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_S", 0.05)
    with open_workspace(root, actor="ana") as workspace:
        act(workspace)
        deadline = time.monotonic() + 60
        while not signed(root) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [each.size for each in signed(root)] == [1]


def test_heads_go_where_the_project_says_too(root: Path, tmp_path: Path) -> None:
    (root / "ropeway.toml").write_text(MINIMAL_PROJECT + f'[audit]\nheads = "{tmp_path}/drive"\n')
    write(root, "ana", "ben")
    [path] = (tmp_path / "drive").iterdir()
    assert [line.size for line in HeadsFile(path).read()[0]] == [1, 2]


def test_heads_inside_the_workspace_are_refused_as_outside(root: Path) -> None:
    (root / "ropeway.toml").write_text(MINIMAL_PROJECT + '[audit]\nheads = ".ropeway/more"\n')
    with pytest.raises(ProjectInvalid, match="heads prove something only"):
        load_project(root)


def test_where_no_key_can_be_made_the_command_succeeds_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        write(root, "ana")
    assert "no checkpoint was signed" in caplog.text
    assert signed(root) == []


def test_a_machine_without_the_key_signs_nothing_and_makes_none(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: Path
) -> None:
    write(root, "ana")
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "other"))
    write(root, "ben")
    assert not list((tmp_path / "other").rglob("*.key"))
    monkeypatch.setenv("ROPEWAY_CONFIG", str(user))
    write(root, "cleo")
    assert [each.size for each in signed(root)] == [1, 3]


def test_a_copy_that_went_its_own_way_is_not_signed(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(root, "ana")
    shutil.copytree(root, tmp_path / "copy")
    # A ledger elsewhere is copied when the copy is first opened.
    assert signed(tmp_path / "copy") == signed(root)
    write(root, "ben")
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "copy", "cleo")
    assert "does not continue its signed head over 2" in caplog.text
    assert [each.size for each in signed(tmp_path / "copy")] == [1]


def test_a_remembered_head_is_given_up_for_none_that_contradicts_it(user: Path) -> None:
    signer = new_signer("ledger_far")
    keyring = Keyring(user_folder(), "ledger_far")
    keyring.trust(signer.verifier)
    first = signer.sign(checkpoints.checkpoint_text("ledger_far", 5, bytes(32)))
    other = signer.sign(checkpoints.checkpoint_text("ledger_far", 5, b"\x01" * 32))
    longer = signer.sign(checkpoints.checkpoint_text("ledger_far", 9, b"\x02" * 32))
    assert keyring.remember(first, lambda *_: []).size == 5
    for note in (other, longer):
        with pytest.raises(HeadContradicts, match="does not continue"):
            keyring.remember(note, lambda *_: [bytes(32)])
    assert keyring.heads() == [first]
    with pytest.raises(NoteInvalid, match="no key that is trusted"):
        keyring.remember(
            new_signer("ledger_far").sign(checkpoints.checkpoint_text("x", 1, bytes(32))), lambda *_: []
        )


def test_a_torn_line_of_a_file_of_heads_is_passed_over_and_what_it_said_is_written_again(
    tmp_path: Path,
) -> None:
    heads = HeadsFile(tmp_path / "heads" / "own")
    kept = [HeadLine(size=size, note=f"note {size}") for size in (1, 2, 3)]
    heads.catch_up(lambda known: [each for each in kept[:2] if each.size > known])
    heads.path.write_bytes(heads.path.read_bytes()[:-5])
    heads.catch_up(lambda known: [each for each in kept if each.size > known])
    lines, torn = heads.read()
    assert ([line.size for line in lines], torn) == ([1, 2, 3], 1)
    assert json.loads(heads.path.read_text().splitlines()[-1])["note"] == "note 3"
