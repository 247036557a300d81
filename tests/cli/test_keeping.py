import json

import pytest
from tests.keeping.test_collect import age, bring

from ropeway.cli.main import main
from ropeway.testing import make_workspace

TOML = '[project]\nname = "trial"\n[retention]\ndataset_versions = 1\n'


@pytest.fixture
def folder(tmp_path):
    with make_workspace(tmp_path / "trial", toml=TOML, actor="Ana") as workspace:
        bring(workspace, "id\n1\n")
        bring(workspace, "id\n1\n2\n")
        age(workspace)
    return tmp_path / "trial"


def ropeway(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def test_a_dry_run_says_what_would_go_and_why(folder, capsys):
    assert ropeway("gc", "--dry-run", "-C", folder) == 0
    said = capsys.readouterr().out
    assert "dataset_versions = 1" in said
    assert "nothing was changed" in said


def test_a_hold_keeps_until_it_is_released(folder, capsys):
    assert ropeway("hold", "add", "rows@v1", "--reason", "claim", "-C", folder) == 0
    assert ropeway("gc", "-C", folder) == 0
    assert "nothing is dead" in capsys.readouterr().out
    assert ropeway("hold", "release", "rows@v1", "-C", folder) == 0
    assert ropeway("gc", "--json", "-C", folder) == 0
    assert '"removed": 2' in capsys.readouterr().out


def test_a_backup_is_made_listed_verified_and_restored(folder, tmp_path, capsys):
    assert ropeway("backup", tmp_path / "b", "-C", folder) == 0
    assert ropeway("backup", "verify", tmp_path / "b") == 0
    capsys.readouterr()
    assert ropeway("backup", "list", tmp_path / "b", "--json") == 0
    assert [each["last_seq"] for each in json.loads(capsys.readouterr().out)] == [3]
    assert ropeway("restore", tmp_path / "b", "--to", folder) == 3
    assert ropeway("restore", tmp_path / "b", "--to", tmp_path / "new") == 0
    assert ropeway("fsck", "-C", tmp_path / "new") == 0


def test_fsck_repairs_from_a_backup_and_says_what_is_left(folder, tmp_path, capsys):
    assert ropeway("backup", tmp_path / "b", "-C", folder) == 0
    with make_workspace(folder, toml=TOML) as workspace:
        workspace.store.remove(list(workspace.store.digests())[:2])
    assert ropeway("fsck", "-C", folder) == 5
    assert ropeway("fsck", "--repair", "-C", folder) == 5
    assert ropeway("fsck", "--repair", "--from", tmp_path / "b", "-C", folder) == 0
    assert "concerns dataset:rows@v" in capsys.readouterr().out


def test_the_doctor_says_what_is_well_and_what_is_not(folder, capsys):
    assert ropeway("doctor", "-C", folder) == 0
    assert "file system" in capsys.readouterr().out
    (folder / ".ropeway" / "spool" / "damaged").mkdir(parents=True)
    (folder / ".ropeway" / "spool" / "damaged" / "run_x.segment").write_bytes(b"?")
    assert ropeway("doctor", "--json", "-C", folder) == 1
    signs = json.loads(capsys.readouterr().out)["signs"]
    assert [sign["name"] for sign in signs if sign["verdict"] == "fail"] == ["runs"]
