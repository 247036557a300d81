"""What was erased here is taken from a remote too, when somebody asks for it."""

import pytest
from tests.keeping.erase.test_rows import PEOPLE, ROWS, bring
from tests.keeping.erase.test_values import CANARY

from ropeway.keeping.erase.operations import erase_rows, purge_remote
from ropeway.remotes.errors import UnknownRemote
from ropeway.remotes.operations import push, remote_status
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

WITH_REMOTE = PEOPLE + '[remote.origin]\nurl = "remote"\n'


@pytest.fixture
def people(project) -> LocalWorkspace:
    workspace: LocalWorkspace = project(WITH_REMOTE)
    bring(workspace, ROWS[:1])
    bring(workspace, ROWS)
    push(workspace, everything=True)
    return workspace


def versions_there(workspace: LocalWorkspace) -> list[str]:
    return sorted(each.ref for each in remote_status(workspace, verify=True).versions if each.there)


def test_a_certificate_names_the_remote_and_how_to_purge_it(people):
    done = erase_rows(people, dataset="people", keys=["2"])
    assert any("ropeway erase purge origin" in said for said in done.plan.unreached)
    assert versions_there(people) == ["dataset:people@v1", "dataset:people@v2"]


def test_purged_the_version_and_its_bytes_are_not_there_and_others_are(people):
    erase_rows(people, dataset="people", keys=["2"])
    done = purge_remote(people)
    assert (done.remote, done.objects > 0, done.freed_bytes > 0) == ("origin", True, True)
    assert versions_there(people) == ["dataset:people@v1"]
    assert list_events(people)[-1].verb == "erasure-purged"
    files = [path for path in (people.root / "remote").rglob("*") if path.is_file()]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_the_version_that_took_its_place_travels_and_a_second_purge_finds_nothing(people):
    erase_rows(people, dataset="people", keys=["2"])
    purge_remote(people)
    push(people, everything=True)
    assert purge_remote(people).objects == 0
    assert versions_there(people) == ["dataset:people@v1", "dataset:people@v3"]


def test_a_remote_that_nobody_declared_is_refused(people):
    with pytest.raises(UnknownRemote):
        purge_remote(people, remote="elsewhere")
