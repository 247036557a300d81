"""`ropeway store`, and what other commands say of a store in a bucket."""

from pathlib import Path

import pytest
from tests.cli.test_keeping import ropeway
from tests.keeping.test_collect import age, bring

from ropeway.testing import make_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with make_workspace(tmp_path / "trial", actor="Ana") as workspace:
        bring(workspace, "id\n1\n")
        age(workspace, workspace.store.put(b"dead"))
    return tmp_path / "trial"


def test_objects_go_to_a_bucket_their_copies_go_and_a_collection_takes_two_steps(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ropeway("store", "offload", "-C", folder) == 0
    assert "nothing was deleted" in capsys.readouterr().out
    assert ropeway("store", "move", "--to", "../hub", "-C", folder) == 0
    assert f'store = "{folder.parent / "hub"}"' in capsys.readouterr().out
    assert ropeway("log", "-C", folder) == 3
    assert "error[store-elsewhere]" in capsys.readouterr().err
    settings = folder / "ropeway.toml"
    head, _, rest = settings.read_text().partition("[workspace]\n")
    settings.write_text(f'{head}[workspace]\nstore = "../hub"\n{rest}')
    assert ropeway("gc", "-C", folder) == 0
    assert "1 object marked in the bucket" in capsys.readouterr().out
    assert ropeway("store", "offload", "-C", folder) == 0
    assert "copies deleted" in capsys.readouterr().out
    assert ropeway("data", "profile", "rows", "-C", folder) == 0
    assert ropeway("fsck", "-C", folder) == 0
