import json
import os
import subprocess
import sys

import pytest

from ropeway.cli.main import main
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run


@pytest.fixture
def folder(tmp_path):
    with (
        make_workspace(tmp_path / "trial", actor="Ana") as workspace,
        start_run(workspace, name="first") as run,
    ):
        run.log(loss=0.5)
    return tmp_path / "trial"


def ropeway(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def test_log_shows_events_newest_last_with_people(folder, capsys):
    assert ropeway("log", "-C", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines] == ["person-introduced", "run-started", "run-finished"]
    assert all("Ana" in line for line in lines)


def test_log_can_be_narrowed_by_verb_and_subject(folder, capsys):
    assert ropeway("log", "--verb", "run-started", "-C", folder) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert ropeway("log", "--about", "run:", "--json", "-C", folder) == 0
    assert [item["verb"] for item in json.loads(capsys.readouterr().out)] == ["run-started", "run-finished"]
    assert ropeway("log", "--verb", "model-promoted", "-C", folder) == 0
    assert "nothing matches" in capsys.readouterr().out


def test_log_limits_to_the_newest(folder, capsys):
    assert ropeway("log", "-n", 1, "-C", folder) == 0
    assert "run-finished" in capsys.readouterr().out


def test_log_of_an_empty_project_says_how_to_begin(tmp_path, capsys):
    make_workspace(tmp_path / "empty").close()
    assert ropeway("log", "-C", tmp_path / "empty") == 0
    assert "ropeway data add" in capsys.readouterr().out


def test_log_follows_what_happens_until_interrupted(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "ropeway.cli", "log", "--follow", "-n", "1", "-C", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert "run-finished" in process.stdout.readline()
        with make_workspace(folder, actor="Ana") as workspace, start_run(workspace, name="second"):
            pass
        assert "run-started" in process.stdout.readline()
        process.send_signal(2)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said


def test_fsck_finds_a_sound_workspace_sound(folder, capsys):
    assert ropeway("fsck", "-C", folder) == 0
    assert "✓ sound" in capsys.readouterr().out


def test_fsck_names_a_flipped_bit_and_exits_with_5(folder, capsys):
    victim = max(
        (folder / ".ropeway" / "objects").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size
    )
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(bytes(data))
    assert ropeway("fsck", "-C", folder) == 5
    shown = capsys.readouterr().out
    assert "✗ not sound" in shown
    assert victim.name[:8] in shown
