import json
import re
from pathlib import Path

import pytest

from ropeway.cli.data_looks import number, spark
from ropeway.cli.main import main

CSV = "id,city,age\n" + "".join(f"{n},{('Bern', 'Rome')[n % 2]},{20 + n % 30}\n" for n in range(200))


@pytest.fixture
def ropeway(workspace, tmp_path, capsys, monkeypatch):
    (tmp_path / "people.csv").write_text(CSV)
    (tmp_path / "later.csv").write_text(CSV.replace("\n7,Rome,27\n", "\n7,Bern,27\n") + "900,Bern,21\n")
    monkeypatch.chdir(tmp_path)

    def call(*words, code=0):
        with pytest.raises(SystemExit) as left:
            main(["data", *words, "-C", str(workspace.root)])
        out, err = capsys.readouterr()
        assert left.value.code == code, err + out
        return out + err

    call("add", "people.csv")
    call("add", "later.csv", "--name", "people")
    return call


def test_a_diff_is_drawn_with_signs_and_not_by_colour_alone(ropeway):
    out = ropeway("diff", "people")
    assert "people@v1 → people@v2" in out
    assert "+ 1 added" in out
    assert "~ 1 changed" in out
    assert "~ id 7   city: 'Rome' → 'Bern'" in out
    assert "the same 200 rows" in ropeway("diff", "people@1", "people@v1")


def test_a_diff_and_a_profile_are_one_json_value(ropeway):
    assert json.loads(ropeway("diff", "people", "--json"))["rows"]["columns"] == {"city": 1}
    assert json.loads(ropeway("profile", "people", "--json"))["rows"] == 201


def test_a_profile_shows_every_column(ropeway):
    out = ropeway("profile", "people@v1")
    assert "every row read" in out
    assert "median 34" in out
    assert "Bern  ████████░░░░░░░░  100  50.0%" in out


def test_lines_fit_a_narrow_terminal(ropeway, monkeypatch):
    monkeypatch.setattr("rich.console.Console.is_terminal", property(lambda _: True))
    for width in ("80", "120"):
        monkeypatch.setenv("COLUMNS", width)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", ropeway("diff", "people") + ropeway("profile", "people"))
        assert max(len(each) for each in shown.splitlines()) <= int(width)


def test_restoring_and_pulling_say_what_they_did(ropeway):
    assert "1 file written" in ropeway("restore", "people@v1", "out.csv")
    assert "stands there already" in ropeway("restore", "people@v1", "out.csv")
    Path("out.csv").write_text("mine")
    refused = ropeway("restore", "people@v1", "out.csv", code=3)
    assert "error[files-in-the-way]" in refused
    assert "ropeway data restore people@v1 out.csv --force" in refused
    assert "error[source-not-found]" in ropeway("pull", code=4)


def test_one_source_that_fails_does_not_keep_the_others(ropeway, workspace):
    toml = '[project]\nname = "trial"\n[source.a]\nkind = "file"\npath = "none/*.csv"\n'
    toml += '[source.b]\nkind = "file"\npath = "drop/*.csv"\n'
    (workspace.root / "ropeway.toml").write_text(toml)
    (workspace.root / "drop").mkdir()
    (workspace.root / "drop" / "1.csv").write_text(CSV)
    out = ropeway("pull", code=4)
    assert "✗ source-missing" in out
    assert "b: 200 rows from 1 file; b@v1" in out


def test_small_bars_and_figures():
    assert spark([0.0, 0.001, 0.5, 1.0]) == " ▁▄█"
    assert spark([]) == ""
    assert [number(1234.0), number(0.123456), number(1e12)] == ["1,234", "0.1235", "1e+12"]
