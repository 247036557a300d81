import sys

import pytest

from ropeway.cli.main import main


def test_without_scikit_learn_the_demo_says_how_to_install_it_and_makes_nothing(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SystemExit, match="6"):
        main(["demo", str(tmp_path / "tweets")])
    said = capsys.readouterr().err
    assert said.startswith("error[extra-missing]")
    assert "pip install 'ropeway[sklearn]'" in said
    assert not (tmp_path / "tweets").exists()
