import json

import pytest

from ropeway.cli.data import bars
from ropeway.cli.main import main

CSV = "id,city,age\n" + "".join(
    f"{number},{('Bern', 'Rome')[number % 2]},{20 + number % 30}\n" for number in range(200)
)


@pytest.fixture
def ropeway(workspace, tmp_path, capsys):
    (tmp_path / "people.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_text(CSV + "900,Oslo,21\n")

    def call(*words, code=0):
        with pytest.raises(SystemExit) as left:
            main([*words, "-C", str(workspace.root)])
        out, err = capsys.readouterr()
        assert left.value.code == code, err + out
        return out + err

    return call


def test_adding_says_what_came_and_what_to_do_next(ropeway, tmp_path):
    out = ropeway("data", "add", str(tmp_path / "people.csv"))
    assert "people@v1" in out
    assert "200 rows, 3 columns" in out
    assert "inferred to contracts/people.toml" in out
    assert "next  ropeway data show people" in out
    assert "is here already" in ropeway("data", "add", str(tmp_path / "people.csv"))


def test_a_broken_contract_is_shown_and_checking_exits_with_3(ropeway, tmp_path):
    ropeway("data", "add", str(tmp_path / "people.csv"))
    out = ropeway("data", "add", str(tmp_path / "bad.csv"), "--name", "people")
    assert "broken in 1 place" in out
    assert "expected one of Bern, Rome, got 'Oslo' (row 201)" in out
    assert "got 'Oslo'" in ropeway("data", "check", "people", code=3)
    assert "kept" in ropeway("data", "check", "people@v1")


def test_the_list_and_a_version_are_shown(ropeway, tmp_path):
    assert "No data yet" in ropeway("data", "list")
    ropeway("data", "add", str(tmp_path / "people.csv"), "--source", "town hall")
    assert "town hall" in ropeway("data", "list")
    out = ropeway("data", "show", "people")
    assert "most frequent" in out
    assert "integer" in out
    shown = json.loads(ropeway("data", "show", "people", "--json"))
    assert shown["profile"]["rows"] == shown["version"]["rows"] == 200


def test_a_lost_contract_comes_back(ropeway, tmp_path, workspace):
    ropeway("data", "add", str(tmp_path / "people.csv"))
    (workspace.root / "contracts" / "people.toml").unlink()
    assert "was gone and is back" in ropeway("data", "contract", "people")
    assert "[columns.city]" in ropeway("data", "contract", "people")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["check", "peple"], 4, "error[dataset-not-found]"),
        (["add", "nothing.csv"], 4, "error[file-missing]"),
        (["add", ".", "--name", "x"], 2, "error[file-unreadable]"),
    ],
)
def test_errors_carry_their_code(ropeway, words, code, message):
    assert message in ropeway("data", *words, code=code)


def test_a_bar_over_nothing_is_visible():
    assert bars([0, 1, 1000]) == " ▁█"
    assert bars([]) == ""
