import os

import pytest

from ropeway.data.add import add
from ropeway.data.errors import FilesInTheWay, NotRestorable
from ropeway.data.file_errors import FileUnreadable
from ropeway.data.refer import refer
from ropeway.data.restore import restore
from ropeway.store.errors import ObjectDamaged


@pytest.fixture
def file(workspace, tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(b"id,city\r\n1,Bern\r\n2,Rome")
    add(workspace, path)
    return path


@pytest.fixture
def folder(workspace, tmp_path):
    folder = tmp_path / "img"
    (folder / "a").mkdir(parents=True)
    (folder / "1.png").write_bytes(b"one")
    (folder / "a" / "2.png").write_bytes(b"two")
    (folder / "empty").write_bytes(b"")
    add(workspace, folder)
    return folder


def contents(folder):
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def test_a_file_comes_back_byte_by_byte_under_its_name(workspace, file, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    assert restore(workspace, "people", tmp_path / "out").written == 1
    assert (tmp_path / "out" / "people.csv").read_bytes() == file.read_bytes()
    monkeypatch.chdir(tmp_path / "out")
    again = restore(workspace, "people@1")
    assert (again.written, again.unchanged) == (0, 1)


def test_a_folder_comes_back_with_all_its_files(workspace, folder, tmp_path):
    before = contents(folder)
    restore(workspace, "img", tmp_path / "back")
    assert contents(tmp_path / "back") == before
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".restore")] == []


def test_many_files_are_made_durable_in_one_step(workspace, tmp_path, monkeypatch):
    (tmp_path / "many").mkdir()
    for number in range(200):
        (tmp_path / "many" / f"{number}.txt").write_text(f"{number}")
    add(workspace, tmp_path / "many")
    synced = []
    really = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), really(descriptor))[1])
    assert restore(workspace, "many", tmp_path / "back").written == 200
    assert len(synced) < 5
    assert contents(tmp_path / "back") == contents(tmp_path / "many")


def test_what_is_kept_nowhere_is_not_overwritten_unless_forced(workspace, folder):
    was = contents(folder)
    (folder / "1.png").write_bytes(b"mine")
    (folder / "a" / "2.png").unlink()
    with pytest.raises(FilesInTheWay, match=r"1\.png"):
        restore(workspace, "img", folder)
    assert not (folder / "a" / "2.png").exists()
    restore(workspace, "img", folder, force=True)
    assert contents(folder) == was


def test_another_version_may_be_overwritten_and_strangers_are_left_alone(workspace, folder):
    (folder / "1.png").write_bytes(b"newer")
    (folder / "3.png").write_bytes(b"three")
    add(workspace, folder)
    done = restore(workspace, "img@1", folder)
    assert (done.written, done.unchanged, done.others) == (1, 2, 1)
    assert (folder / "1.png").read_bytes() == b"one"


def test_nothing_is_written_through_a_link(workspace, folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileUnreadable, match="is not followed"):
        restore(workspace, "img", tmp_path / "back")
    assert contents(tmp_path / "elsewhere") == contents(tmp_path / "back") == {}


def test_damaged_bytes_are_never_restored(workspace, file, tmp_path):
    version = add(workspace, file).version.version
    stored = workspace.store.open_path(version)
    stored.chmod(0o600)
    stored.write_bytes(b"id,city\r\n1,Bern\r\n2,Roma")
    with pytest.raises(ObjectDamaged):
        restore(workspace, "people", tmp_path / "new.csv")
    assert not (tmp_path / "new.csv").exists()


def test_what_is_referred_to_cannot_be_restored(workspace, file):
    refer(workspace, str(file), name="far")
    with pytest.raises(NotRestorable, match="referred, not kept"):
        restore(workspace, "far")


def test_a_name_that_was_brought_leads_nowhere_else(workspace, file, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    file.write_text("id,city\n1,Oslo\n")
    add(workspace, file, source="../../etc/people.csv")
    assert restore(workspace, "people").path == "people.csv"
