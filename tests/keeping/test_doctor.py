"""What the doctor sees, and that it touches nothing."""

import itertools
import os
import time
from datetime import UTC, datetime

import pytest
from tests.keeping.test_collect import bring

from ropeway.keeping.backup import back_up
from ropeway.keeping.doctor.machine import file_system_of
from ropeway.keeping.operations import doctor
from ropeway.testing import MINIMAL_PROJECT, FixedClock, make_workspace
from ropeway.workspace import open_workspace


def verdicts(workspace):
    return {sign.name: sign.verdict for sign in doctor(workspace).signs}


def test_a_fresh_workspace_is_well(workspace):
    found = doctor(workspace)
    assert found.verdict in ("ok", "warn")  # the machine's SQLite may be an old one
    assert {sign.verdict for sign in found.signs if sign.name != "SQLite"} == {"ok"}


def test_it_changes_nothing(workspace):
    before = sorted((str(path), path.stat().st_mtime_ns) for path in workspace.home.rglob("*"))
    doctor(workspace)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in workspace.home.rglob("*")) == before


def test_a_clock_behind_the_record_is_said(project):
    clock = FixedClock(datetime(2026, 1, 2, tzinfo=UTC))
    workspace = project(clock=clock)
    bring(workspace, "id\n1\n")
    clock.advance(seconds=-86_400)
    assert verdicts(workspace)["clock"] == "warn"


def test_a_folder_open_to_others_and_a_restore_cut_off_are_said(workspace):
    workspace.home.chmod(0o755)
    (workspace.root / ".ropeway-restoring").mkdir()
    found = verdicts(workspace)
    assert (found["permissions"], found["leftovers"]) == ("warn", "warn")


def test_abandoned_files_are_counted(workspace):
    path = workspace.home / "tmp" / "tmp_x"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - 200_000,) * 2)
    [sign] = [sign for sign in doctor(workspace).signs if sign.name == "leftovers"]
    assert "1 abandoned" in sign.says


def test_how_old_the_last_backup_is(workspace, tmp_path):
    back_up(workspace, tmp_path / "b")
    [sign] = [sign for sign in doctor(workspace).signs if sign.name == "backup"]
    assert sign.says.startswith("just now")


@pytest.fixture
def user(tmp_path, monkeypatch):
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def signed(tmp_path, user):
    make_workspace(tmp_path / "signed").close()
    with open_workspace(tmp_path / "signed", actor="ana") as workspace:
        bring(workspace, "id\n1\n")
        workspace.checkpoint()
        yield workspace


def sign_of(workspace, name):
    [found] = [sign for sign in doctor(workspace).signs if sign.name == name]
    return found


def test_the_newest_head_and_its_key_are_said(signed, user):
    assert sign_of(signed, "head").says == "signed over 2 events, the last of them just now; 0 since"
    assert sign_of(signed, "key").says.endswith(f"yours alone, in {next(user.glob('ledgers/*'))}")


@pytest.mark.parametrize(
    ("harm", "verdict", "step"),
    [
        (lambda key: key.chmod(0o644), "fail", "chmod 600"),
        (lambda key: key.write_text("PRIVATE+KEY+nonsense\n"), "fail", "put it back into"),
        (lambda key: key.unlink(), "warn", "audit key"),
    ],
    ids=["open to others", "no key", "gone"],
)
def test_a_key_that_is_not_as_it_should_be_is_said_with_what_to_do(signed, user, harm, verdict, step):
    harm(next(user.rglob("*.key")))
    found = sign_of(signed, "key")
    assert found.verdict == verdict
    assert step in found.next_step


def test_a_lock_that_somebody_keeps_and_one_that_two_may_have_are_said(workspace, monkeypatch):
    held = workspace.ledger.try_hold("write")
    assert sign_of(workspace, "lock").verdict == "warn"
    held.release()
    assert sign_of(workspace, "lock").verdict == "ok"
    # As on a file system that grants every lock: each hold is on a file of its own.
    hold, numbers = workspace.ledger.try_hold, itertools.count()
    monkeypatch.setattr(workspace.ledger, "try_hold", lambda _: hold(f"hold-{next(numbers)}"))
    assert sign_of(workspace, "lock").verdict == "fail"


def test_a_ledger_in_postgresql_is_named_with_its_server_and_clock(project, postgres):
    workspace = project(f'{MINIMAL_PROJECT}\n[workspace]\nledger = "{postgres.schema()}"\n')
    assert sign_of(workspace, "database").says.startswith("PostgreSQL ")
    assert "ropeway@127.0.0.1" in sign_of(workspace, "database").says
    assert {sign_of(workspace, name).verdict for name in ("lock", "its clock", "database")} == {"ok"}


def test_places_that_the_project_file_names_are_looked_at(project, tmp_path):
    there = project(f'{MINIMAL_PROJECT}\n[audit]\nheads = "{tmp_path}"\n')
    gone = project(f'{MINIMAL_PROJECT}\n[audit]\nheads = "/nowhere/heads"\n')
    assert sign_of(there, "heads").verdict == "ok"
    assert (sign_of(gone, "heads").verdict, sign_of(gone, "heads").says) == (
        "warn",
        "/nowhere/heads is not there",
    )


def test_the_kind_of_file_system_is_known_where_the_kernel_says_it(tmp_path):
    kind = file_system_of(tmp_path)
    assert kind == "" or kind.replace(".", "").isalnum()
