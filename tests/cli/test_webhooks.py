"""`ropeway webhooks` as a person types it."""

import json
from pathlib import Path

import pytest
from tests.webhooks.conftest import Receiver, toml_for

from ropeway.cli.main import main
from ropeway.testing import make_workspace
from ropeway.webhooks.topics import EXAMPLES


def ropeway(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(list(words))
    return int(done.value.code or 0)


def test_one_is_added_tried_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    make_workspace(tmp_path, toml=toml_for(receiver.port)).close()
    there = ("-C", str(tmp_path))
    assert ropeway("webhooks", "add", "ci", receiver.url, "--json", *there) == 0
    secret = json.loads(capsys.readouterr().out)["secret"]
    monkeypatch.setattr("tests.webhooks.conftest.SECRET", secret)
    assert ropeway("webhooks", "test", "ci", *there) == 0
    assert receiver.told == [next(iter(EXAMPLES))]
    assert ropeway("webhooks", "list", *there) == 0
    assert secret not in capsys.readouterr().out
    receiver.close()
    assert ropeway("webhooks", "test", "ci", *there) == 6
    assert ropeway("webhooks", "remove", "ci", *there) == 0
    assert ropeway("webhooks", "remove", "ci", *there) == 4
    assert ropeway("webhooks", "add", "ci", "http://10.0.0.1/x", *there) == 2
    assert "allow = " in capsys.readouterr().err
