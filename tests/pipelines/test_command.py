"""`ropeway run` and `ropeway explain` as typed."""

import json
import subprocess
import sys
from pathlib import Path


def ropeway(workspace, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ropeway.cli", *arguments]
    return subprocess.run(command, cwd=cwd or workspace.root, capture_output=True, text=True, check=False)


def test_run_shows_steps_metrics_and_what_to_type_next(trial):
    workspace = trial()
    first = ropeway(workspace, "run", "--set", "shift=0.5")
    assert first.returncode == 0, first.stderr
    assert "never ran here" in first.stdout
    assert "on the tune part" in first.stdout
    assert "ropeway model register run_" in first.stdout
    assert "running limit" in first.stderr
    assert ropeway(workspace, "run", "--set", "limit.shift=0.5").stdout.count("= cached") == 3


def test_explain_says_why(trial):
    workspace = trial()
    ropeway(workspace, "run")
    said = ropeway(workspace, "explain", "--set", "shift=2").stdout
    assert "parameter shift: 0.0 → 2.0" in said
    assert "ropeway run --set shift=2" in said


def test_json_is_one_value(trial):
    workspace = trial()
    result = json.loads(ropeway(workspace, "run", "--json").stdout)
    assert [step["state"] for step in result["steps"]] == ["ran", "ran", "ran"]
    assert {each["state"] for each in json.loads(ropeway(workspace, "explain", "--json").stdout)} == {
        "cached"
    }


def test_a_failure_has_a_code_the_users_line_and_the_command_that_resumes(trial, write):
    workspace = trial()
    source = (workspace.root / "pipeline.py").read_text()
    write(workspace, "pipeline.py", source.replace('rows["x"] * 2', 'rows["y"] * 2'))
    failed = ropeway(workspace, "run", "--set", "shift=1")
    assert failed.returncode == 1
    assert "error[step-failed]" in failed.stderr
    assert "pipeline.py:7 in doubled" in failed.stderr
    assert "ropeway run --set shift=1" in failed.stderr


def test_relative_names_in_a_pipeline_mean_the_projects_folder(trial, write):
    workspace = trial()
    source = (workspace.root / "pipeline.py").read_text()
    reading = "import pathlib\n    shift += float(pathlib.Path('plus.txt').read_text())\n    high = "
    write(workspace, "pipeline.py", source.replace("high = ", reading, 1))
    write(workspace, "plus.txt", "1")
    (workspace.root / "deep").mkdir()
    done = ropeway(workspace, "run", cwd=workspace.root / "deep")
    assert done.returncode == 0, done.stderr


def test_an_estimator_that_draws_without_a_seed_is_not_cached(trial, write):
    # Regression: the step itself was the first to load numpy, and its draws were not seen.
    workspace = trial()
    source = (workspace.root / "pipeline.py").read_text()
    forest = (
        "@fit\ndef forest(rows, target):\n    from sklearn.ensemble import RandomForestClassifier\n"
        "    return RandomForestClassifier(2).fit(rows.select('x'), target)\n"
    )
    write(workspace, "pipeline.py", source + forest)
    # Steps that ran beside it may be in doubt the first time; from then on it runs alone.
    for _ in range(2):
        assert ropeway(workspace, "run").returncode == 0
    again = ropeway(workspace, "run").stdout
    assert "forest is not cached: uses unseeded random (numpy.random's global state)" in again
    assert again.count("= cached") == 3
