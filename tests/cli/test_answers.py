"""What commands say over a small project of numbers, from its first run to feedback on an answer."""

import json

import pytest

from ropeway.cli.main import main

TOML = """
[project]
name = "clinic"
approval = "self"
[charter]
metric = "rmse"
bar = 100.0
[inputs.rows]
dataset = "patients"
target = "progress"
"""

PIPELINE = """
from ropeway import fit, step

print("imported")

@step
def features(rows):
    print("a step speaks")
    return rows.select("age")

@fit
def mean(features, target, *, shift: float = 0.0):
    if shift == 7:
        raise ValueError("seven")
    return float(target.mean()) + shift

@step(serve=True)
def answer(mean, features):
    import polars as pl
    print("an answer speaks")
    return pl.DataFrame({"prediction": [mean] * len(features)})
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with one run, whose code prints wherever it can."""
    folder = tmp_path_factory.mktemp("clinic")
    (folder / "ropeway.toml").write_text(TOML)
    (folder / "pipeline.py").write_text(PIPELINE)
    rows = "".join(f"{number},{number % 50},{number % 7}.5\n" for number in range(400))
    (folder / "patients.csv").write_text("id,age,progress\n" + rows)
    for words in (["data", "add", str(folder / "patients.csv")], ["run"]):
        with pytest.raises(SystemExit, match="0"):
            main([*words, "-C", str(folder)])
    return folder


@pytest.fixture
def say(trained, capsys):
    """Types a command in the project; gives its exit code, and what it printed on both streams."""

    def typed(*words):
        with pytest.raises(SystemExit) as left:
            main([*words, "-C", str(trained)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return typed


@pytest.mark.parametrize(
    "words", [["run", "--force"], ["explain"], ["model", "register"], ["gate", "clinic"]]
)
def test_under_json_what_the_projects_code_prints_goes_to_standard_error(say, words):
    if words[0] == "gate":
        say("model", "register")
    code, out, err = say(*words, "--json")
    assert code == 0, err
    json.loads(out)
    assert "imported" in err or "speaks" in err


def test_a_run_is_to_be_registered_under_the_name_that_the_model_has_already(say, trained):
    from ropeway.models.operations import list_models
    from ropeway.story.advise import register_command
    from ropeway.workspace import open_workspace

    say("model", "register", "--name", "progress")
    with open_workspace(trained) as workspace:
        versions = [each for each in list_models(workspace) if each.name == "progress"]
        assert register_command("latest", versions, workspace.project).endswith(" --name progress")
        assert register_command("latest", [], workspace.project) == "ropeway model register latest"


def test_registering_latest_says_when_the_newest_run_is_not_what_it_took(say):
    assert say("run", "--set", "shift=7")[0] == 1
    _, out, _ = say("model", "register")
    assert "The newest run, run_" in out
    assert " failed; this is run_" in out
    say("run")
    assert "The newest run" not in say("model", "register")[1]


def test_why_names_an_error_of_ours_by_its_code(say):
    say("run", "--set", "shift=7")
    assert "failed with step-failed in" in say("why", "latest")[1]
    assert "error        step-failed: " in say("runs", "latest")[1]
    say("run")


def test_a_live_version_is_not_told_to_be_promoted_after_a_refused_gate(say):
    say("model", "register", "--name", "live")
    say("gate", "live@1")
    say("model", "approve", "live@1")
    assert say("model", "promote", "live@1")[0] == 0
    code, _, err = say("gate", "live@1")
    assert code == 3
    assert "ropeway model promote" not in err


def test_feedback_takes_a_negative_number_and_still_knows_its_options(say, trained):
    from ropeway.serving.log import PredictionLog

    with PredictionLog(trained / ".ropeway", model="clinic", environment="production") as log:
        asked = log.add("clinic@1", {"age": 3}, 1.5, None, at=log.clock.now(), latency_us=9)
    code, out, _ = say("feedback", asked, "-5", "--note", "low")
    assert (code, out.split()[1]) == (0, "-5.0")
    assert "No such option '--nte'" in say("feedback", asked, "5", "--nte", "low")[2]
    _, _, err = say("feedback", asked, "abc")
    assert f"ropeway feedback {asked} VALUE" in err


def test_feedback_is_stamped_by_the_clock_of_a_rehearsal(say, trained, tmp_path, monkeypatch):
    from ropeway.serving.log import PredictionLog

    with PredictionLog(trained / ".ropeway", model="clinic", environment="production") as log:
        asked = log.add("clinic@1", {"age": 3}, 1.5, None, at=log.clock.now(), latency_us=9)
    (tmp_path / "clock").write_text("2031-05-01T00:00:00+00:00")
    monkeypatch.setenv("ROPEWAY_CLOCK", str(tmp_path / "clock"))
    code, out, _ = say("feedback", asked, "2", "--json")
    assert (code, json.loads(out)["at"][:10]) == (0, "2031-05-01")


def test_an_error_of_many_lines_keeps_its_indentation_and_is_not_endless():
    from types import SimpleNamespace

    from ropeway.cli.runs import _error

    failed = SimpleNamespace(error_type="StepFailed", error="seven\n    in line 3\n" + "class, " * 900)
    first, second, third = _error(failed).split("\n")
    assert (first, second) == ("step-failed: seven", "    in line 3")
    assert third.endswith("…")
    assert len(third) <= 300


@pytest.mark.parametrize("state", ["reject", "retire"])
def test_what_was_put_aside_does_not_answer(say, state):
    say("model", "register", "--name", state)
    say("model", state, f"{state}@1", "--reason", "no")
    code, _, err = say("serve", f"{state}@1", "--port", "0")
    assert code == 3
    assert "error[not-servable]" in err


def test_a_question_about_a_metric_that_no_run_has_says_so(say):
    assert (
        "No run has metrics.rms. Did you mean 'metrics.rmse'?" in say("runs", "--where", "metrics.rms > 0")[1]
    )
    assert "No run has metrics.rms. Did you mean 'metrics.rmse'?" in say("runs", "--sort", "-metrics.rms")[2]
    assert "No run has" not in say("runs", "--where", "metrics.rmse > 1e9")[1]


def test_the_charters_metric_is_the_first_column_of_runs(say):
    head = say("runs")[1].splitlines()[0].split()
    assert head[head.index("took") + 1] == "rmse"


def test_json_and_csv_are_not_asked_for_together(say):
    assert say("runs", "--csv", "-", "--json")[0] == 2


@pytest.mark.parametrize("words", [["latest"], ["latest", "latest"]])
def test_a_run_is_not_compared_with_itself(say, words):
    code, _, err = say("compare", *words)
    assert code == 2
    assert "nothing to compare it with" in err


def test_shared_options_may_stand_before_the_command(trained, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["-C", str(trained), "--json", "--as", "Zoe", "status"])
    assert json.loads(capsys.readouterr().out)["name"] == "clinic"


def test_an_empty_name_is_refused_and_so_is_no_event_at_all(say):
    assert say("status", "--as", " ")[0] == 2
    assert "Did you mean 'run-started'?" in say("log", "--verb", "run-startd")[2]
    assert say("log", "-n", "-3")[0] == 2


def test_data_that_no_input_uses_is_not_followed_by_a_run(say, trained):
    assert "ropeway run" not in say("data", "add", str(trained / "patients.csv"), "--name", "spare")[1]


@pytest.mark.parametrize("words", [["runs"], ["data", "list"], ["data", "show", "patients"], ["log"]])
@pytest.mark.parametrize("width", [60, 80])
def test_a_row_is_one_line_on_a_narrow_terminal(say, monkeypatch, words, width):
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    code, out, _ = say(*words)
    assert code == 0
    rows = [line for line in plain(out).splitlines() if "run_" in line or "patients" in line]
    assert rows
    assert all(cell_len(row) <= width for row in rows)


def plain(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
