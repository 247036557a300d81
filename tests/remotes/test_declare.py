"""Declaring remotes in a file that people write in too."""

import pytest

from ropeway.remotes.declare import add_remote, remove_remote
from ropeway.remotes.errors import BadRemotePlace, RemoteThere, UnknownRemote
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.project_file import load_project

WRITTEN = """\
# our project
[project]
name = "trial"   # for now

[remote.disk]
url = "/mnt/disk"

[charter]
bar = 0.8
"""


@pytest.fixture
def written(project):
    """A project whose file is as its people wrote it, wherever this run has its ledger."""
    workspace = project(WRITTEN)
    (workspace.root / "ropeway.toml").write_text(WRITTEN)
    return workspace


def test_a_remote_is_added_and_the_rest_of_the_file_stays(written):
    add_remote(written.root, "cloud", "s3://bucket/a", endpoint="https://minio.example.org")
    text = (written.root / "ropeway.toml").read_text()
    assert text.startswith(WRITTEN)
    known = written.project.remote
    assert (known["cloud"].url, known["cloud"].endpoint) == ("s3://bucket/a", "https://minio.example.org")
    with pytest.raises(RemoteThere, match="'cloud' already"):
        add_remote(written.root, "cloud", "elsewhere")


def test_a_remote_is_removed_and_the_rest_of_the_file_stays(written):
    assert remove_remote(written.root, "disk").url == "/mnt/disk"
    text = (written.root / "ropeway.toml").read_text()
    assert text == WRITTEN.replace('[remote.disk]\nurl = "/mnt/disk"\n\n', "")
    with pytest.raises(UnknownRemote, match="no remote 'disk'"):
        remove_remote(written.root, "disk")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("a", "s3://key:secret@bucket/x"),
        ("a", "https://server.example.org"),
        ("a", "ftp://x/y"),
        ("a", "s3://"),
        ("a", ""),
        ("A", "/mnt/x"),
        ("a b", "/mnt/x"),
        ("a]\n[charter", "/mnt/x"),
        ("", "/mnt/x"),
    ],
)
def test_what_is_no_remote_is_refused_and_changes_nothing(written, name, url):
    with pytest.raises(BadRemotePlace, match="cannot be declared") as raised:
        add_remote(written.root, name, url)
    assert "secret" not in str(raised.value)
    assert (written.root / "ropeway.toml").read_text() == WRITTEN


def test_a_url_with_quotes_and_newlines_is_written_as_one_string(project):
    workspace = project()
    add_remote(workspace.root, "odd", 'a "folder"\n[charter]')
    assert load_project(workspace.root).remote["odd"].url == 'a "folder"\n[charter]'


def test_a_remote_within_another_table_is_left_to_its_writer(project):
    workspace = project('remote = {disk = {url = "/mnt/disk"}}\n[project]\nname = "trial"\n')
    with pytest.raises(BadRemotePlace, match="by hand"):
        remove_remote(workspace.root, "disk")


def test_a_key_in_the_file_is_refused_and_not_repeated(project):
    workspace = project()
    path = workspace.root / "ropeway.toml"
    path.write_text('[project]\nname = "trial"\n[remote.x]\nurl = "s3://key:secret@bucket"\n')
    with pytest.raises(ProjectInvalid, match="holds a key") as raised:
        load_project(workspace.root)
    assert "secret" not in str(raised.value)
