"""`ropeway reproduce`: what it prints, and what it exits with."""

import json
from pathlib import Path

import pytest
from tests.keeping.reproduce.halves import lay_halves

from ropeway.cli.main import main
from ropeway.pipelines.run import run_pipeline


def ropeway(*words: str) -> object:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return stop.value.code


@pytest.mark.parametrize(
    ("learnt", "verdict", "code"), [("0.0", "identical", 0), ("random.random()", "differs", 3)]
)
def test_the_verdict_is_the_exit_code(tmp_path: Path, capsys, learnt: str, verdict: str, code: int) -> None:
    with lay_halves(tmp_path / "halves", learnt=learnt) as halves:
        run_pipeline(halves)
    assert ropeway("reproduce", "latest", "-C", str(halves.root)) == code
    assert verdict in capsys.readouterr().out


def test_json_holds_the_whole_comparison(tmp_path: Path, capsys) -> None:
    with lay_halves(tmp_path / "halves", learnt="0.0") as halves:
        run = run_pipeline(halves, only=["feature"]).run
    capsys.readouterr()
    assert ropeway("reproduce", run, "-C", str(halves.root), "--json") == 6
    assert json.loads(capsys.readouterr().out)["verdict"] == "cannot"
