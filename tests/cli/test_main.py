import json
import os
import subprocess
import sys

import pytest

from ropeway.cli.catalogue import CATALOGUE
from ropeway.cli.main import main, root


def ropeway(*words, env=None, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "ropeway.cli", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_loads_none_of_them():
    script = (
        "import sys\n"
        "from ropeway.cli.main import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'polars', 'numpy', 'sqlalchemy', 'rich', 'starlette', 'httpx', 'sklearn', 'msgspec'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout
    for entry in CATALOGUE:
        assert f"\n  {entry.name} " in done.stdout
        assert entry.summary in done.stdout


def test_every_command_of_the_catalogue_exists_and_says_what_it_does():
    with root.make_context("ropeway", ["--help"], resilient_parsing=True) as context:
        for entry in CATALOGUE:
            command = root.get_command(context, entry.name)
            assert command is not None
            assert command.get_short_help_str(), entry.name


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert ropeway("--version").stdout == f"ropeway {version('ropeway')}\n"


@pytest.mark.parametrize("words", [[], ["model"]])
def test_a_group_alone_shows_its_help(words):
    done = ropeway(*words)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ropeway")
    assert done.stderr == ""


def test_an_unknown_command_is_answered_with_the_nearest_one():
    done = ropeway("stauts")
    assert done.returncode == 2
    assert "error[usage]" in done.stderr
    assert "Did you mean 'status'?" in done.stderr
    assert "ropeway --help" in done.stderr


def test_an_unknown_option_is_answered_with_the_nearest_one():
    done = ropeway("init", "--nmae", "x")
    assert done.returncode == 2
    assert "--name" in done.stderr


def test_an_error_shows_code_expectation_and_next_step_and_sets_the_exit_code(tmp_path):
    (tmp_path / "ropeway.toml").write_text("")
    done = ropeway("init", str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.startswith("error[project-exists]")
    assert "\n  expected " in done.stderr
    assert "\n  next     ropeway init" in done.stderr
    assert done.stdout == ""


def test_an_error_under_json_is_json_on_standard_output(tmp_path):
    (tmp_path / "ropeway.toml").write_text("")
    done = ropeway("init", str(tmp_path), "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "project-exists"
    assert error["facts"]["files"] == ["ropeway.toml"]
    assert done.stderr == ""


def test_a_usage_error_under_json_is_json_too():
    done = ropeway("why", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_a_command_outside_a_project_says_how_to_start_one(tmp_path):
    done = ropeway("status", cwd=tmp_path)
    assert done.returncode == 4
    assert "ropeway init" in done.stderr


def test_a_fault_of_ours_is_shown_without_a_traceback_unless_asked_for(monkeypatch, capsys):
    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(root, "main", broken)
    monkeypatch.delenv("ROPEWAY_TRACEBACK", raising=False)
    with pytest.raises(SystemExit, match="70"):
        main([])
    shown = capsys.readouterr().err
    assert shown.startswith("error[internal]  ZeroDivisionError: seven")
    assert "Traceback" not in shown
    monkeypatch.setenv("ROPEWAY_TRACEBACK", "1")
    with pytest.raises(SystemExit, match="70"):
        main([])
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(root, "main", interrupted)
    with pytest.raises(SystemExit, match="130"):
        main([])
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_goes_away_causes_no_noise():
    command = f"{sys.executable} -m ropeway.cli --help | true"
    for _ in range(5):
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
        assert done.stderr == ""
