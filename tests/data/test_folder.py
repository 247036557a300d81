import pytest

from ropeway.data.add import add
from ropeway.data.file_errors import FileEmpty, FileUnreadable
from ropeway.data.load import load
from ropeway.data.operations import diff


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "img"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a" * 10)
    (folder / "deep" / "er" / "ü.png").write_bytes(b"")
    return folder


def test_a_folder_is_a_version_whose_rows_are_its_files(workspace, folder):
    arrival = add(workspace, folder)
    assert (arrival.version.format, arrival.version.rows, arrival.version.size_bytes) == ("folder", 2, 10)
    assert load(workspace, arrival.version)["path"].to_list() == ["a.png", "deep/er/ü.png"]
    assert not add(workspace, folder).is_new


def test_a_file_more_keeps_the_contract_and_is_told(workspace, folder):
    add(workspace, folder)
    (folder / "b.png").write_bytes(b"b" * 5000)
    (folder / "a.png").write_bytes(b"other")
    assert add(workspace, folder).version.is_trainable
    rows = diff(workspace, before="img").rows
    assert (rows.key, rows.added, rows.removed, rows.changed) == (["path"], 1, 0, 1)


def test_a_link_an_empty_folder_and_a_project_are_refused(workspace, folder, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(FileEmpty, match="no file in it"):
        add(workspace, tmp_path / "none")
    with pytest.raises(FileUnreadable, match="a project's folder"):
        add(workspace, workspace.root)
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(FileUnreadable, match="'link' in it is a link"):
        add(workspace, folder)


def test_names_that_cannot_be_kept_everywhere_are_refused(workspace, folder):
    (folder / "a\\b").write_bytes(b"x")
    with pytest.raises(FileUnreadable, match="cannot be kept on every system"):
        add(workspace, folder)
