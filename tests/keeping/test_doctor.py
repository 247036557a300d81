"""What the doctor sees, and that it touches nothing."""

import os
import time
from datetime import UTC, datetime

from tests.keeping.test_collect import bring

from ropeway.keeping.backup import back_up
from ropeway.keeping.doctor import file_system_of
from ropeway.keeping.operations import doctor
from ropeway.testing import FixedClock


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


def test_the_kind_of_file_system_is_known_where_the_kernel_says_it(tmp_path):
    kind = file_system_of(tmp_path)
    assert kind == "" or kind.replace(".", "").isalnum()
