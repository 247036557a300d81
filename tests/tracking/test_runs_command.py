"""`ropeway runs` and `ropeway compare`, as typed."""

import csv
import io
import json
import math
from pathlib import Path

import pytest

from ropeway.cli.main import main
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def two_runs(workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids = []
    for name, c, f1 in (("plain", 1, 0.53), ("better", 5.0, 0.62)):
        with start_run(workspace, name=name, params={"c": c, "text, odd": 'a "b"'}) as run:
            run.log(macro_f1=f1, loss=math.nan)
        ids.append(run.id)
    monkeypatch.chdir(workspace.root)
    return ids


def ropeway(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit, match=r"\d+") as left:
        main(list(words))
    captured = capsys.readouterr()
    return int(str(left.value.code)), captured.out, captured.err


def test_runs_are_searched_and_sorted(two_runs, capsys):
    code, out, _ = ropeway(capsys, "runs", "--where", "metrics.macro_f1 > 0.5", "--sort", "-metrics.macro_f1")
    assert code == 0
    assert out.index("better") < out.index("plain")
    assert "0.6200" in out
    assert "nan" in out
    _, out, _ = ropeway(capsys, "runs", "--where", "params.c = 1")
    assert "plain" in out
    assert "better" not in out


def test_a_bad_filter_points_at_the_column(two_runs, capsys):
    code, _, err = ropeway(capsys, "runs", "--where", "metrics.macro_f1 >> 1")
    assert code == 2
    assert "error[filter-invalid]" in err
    line, caret = err.splitlines()[1:3]
    assert line[caret.index("^")] == ">"


def test_runs_as_json_and_csv(two_runs, capsys, tmp_path: Path):
    _, out, _ = ropeway(capsys, "runs", "--json")
    assert [run["name"] for run in json.loads(out)] == ["better", "plain"]
    _, out, _ = ropeway(capsys, "runs", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["params.c"] for row in rows] == ["5", "1"]
    assert rows[0]["params.text, odd"] == 'a "b"'
    assert rows[0]["metrics.loss"] == "nan"
    code, out, _ = ropeway(capsys, "runs", "--csv", str(tmp_path / "runs.csv"))
    assert (code, out) == (0, "")
    assert (tmp_path / "runs.csv").read_text().startswith("id,name,kind")
    code, _, err = ropeway(capsys, "runs", "--csv", str(tmp_path / "no" / "runs.csv"))
    assert code == 2
    assert "runs.csv" in err


def test_one_run_is_shown_in_full(two_runs, capsys):
    code, out, _ = ropeway(capsys, "runs", "better")
    assert code == 0
    for word in (two_runs[1], "finished", "ana", "macro_f1", "0.6200", "peak memory"):
        assert word in out


def test_an_empty_project_names_the_next_command(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace.root)
    _, out, _ = ropeway(capsys, "runs")
    assert "No runs yet." in out
    assert "ropeway run" in out


def test_runs_are_compared(two_runs, capsys):
    code, out, _ = ropeway(capsys, "compare", *two_runs)
    assert code == 0
    for word in ("plain", "better", "0.6200 (+0.0900)", "1 param the same", "same code"):
        assert word in out
    _, out, _ = ropeway(capsys, "compare", *two_runs, "--json")
    assert json.loads(out)["params"] == [{"key": "c", "values": [1, 5]}]
    _, out, _ = ropeway(capsys, "compare", *two_runs, "--csv", "-")
    assert ["params", "c", "1", "5"] in list(csv.reader(io.StringIO(out)))


def test_an_unknown_run_is_not_found(two_runs, capsys):
    code, _, err = ropeway(capsys, "compare", "plain", "bettr")
    assert code == 4
    assert "Did you mean 'better'" in err
