"""Versions from one project to another: what becomes of them, and what does not."""

import pytest
from between import bring, bring_files, flip, register
from sqlalchemy import select

from ropeway.core.ids import Digest
from ropeway.data.load import load, resolve
from ropeway.data.operations import list_versions
from ropeway.data.refer import refer
from ropeway.keeping.operations import fsck
from ropeway.ledger.tables import event
from ropeway.models.operations import list_models, reject_model
from ropeway.remotes.errors import (
    AmbiguousVersion,
    BadRemoteName,
    CannotTravel,
    NotAtRemote,
    NotFitToPull,
    RemoteAway,
    UnknownRemote,
    UnknownVersionHere,
)
from ropeway.remotes.manifest import manifest_from
from ropeway.remotes.operations import fetch, list_remotes, pull, push, remote_status
from ropeway.workspace.operations import list_events


def test_a_dataset_that_was_pushed_is_pulled_with_its_rows(alpha, beta):
    version = bring(alpha)
    assert push(alpha, refs=["rows"]).new == ["dataset:rows@v1"]
    [taken] = pull(beta, refs=["rows"]).versions
    assert (taken.ref, taken.is_new, taken.project) == ("dataset:rows@v1", True, "alpha")
    assert load(beta, resolve(beta, "rows")).rows() == load(alpha, version).rows()
    assert fsck(beta).is_sound


def test_a_folder_of_files_travels_as_one(alpha, beta):
    version = bring_files(alpha)
    push(alpha, refs=["imgs"])
    pull(beta, refs=["imgs"])
    tree = beta.store.read_tree(version.version)
    assert len(tree) == 30
    assert beta.store.read(tree["7.bin"]) == alpha.store.read(tree["7.bin"])


def test_a_pull_records_where_a_version_came_from(alpha, beta):
    bring(alpha)
    push(alpha, refs=["rows"])
    pull(beta, refs=["rows"])
    [told] = list_events(beta, verb="version-pulled")
    assert (told.body["project"], told.body["number"]) == ("alpha", 1)
    digest = Digest(told.body["manifest"])
    manifest = manifest_from(beta.store.read(digest), digest)
    assert not isinstance(manifest, str)
    with alpha.ledger.reading() as connection:
        kept = connection.execute(select(event).where(event.c.verb == "dataset-arrived")).one()
    assert manifest.events[0].record == kept.record.decode()
    assert (told.body["event"], told.body["recorded_at"]) == (kept.id, kept.at)


def test_a_model_enters_as_a_candidate_whatever_it_was(alpha, beta):
    made = register(alpha)
    push(alpha, refs=["mood"])
    [taken] = pull(beta, refs=["mood@1"]).versions
    [version] = list_models(beta)
    assert (taken.ref, version.state, version.content) == ("model:mood@1", "candidate", made.content)
    assert version.environments == []


def test_with_data_what_a_model_learnt_from_comes_along(alpha, beta):
    register(alpha)
    made = push(alpha, refs=["mood"], with_data=True)
    assert made.versions == ["model:mood@1", "dataset:rows@v1"]
    assert [each.ref for each in pull(beta, everything=True).versions] == ["dataset:rows@v1", "model:mood@1"]


def test_a_model_that_was_taken_out_of_use_is_refused(alpha, beta):
    register(alpha)
    push(alpha, refs=["mood"])
    reject_model(alpha, ref="mood@1", reason="it learnt from tests")
    push(alpha, refs=["mood"])
    with pytest.raises(NotFitToPull, match="was rejected in 'alpha'"):
        pull(beta, refs=["mood"])
    assert pull(beta, everything=True).versions == []


def test_a_second_push_tells_nothing_new_and_a_pulled_copy_does_neither(alpha, beta):
    bring(alpha)
    push(alpha, refs=["rows"])
    assert push(alpha, refs=["rows"]).new == []
    pull(beta, refs=["rows"])
    assert push(beta, everything=True).new == []
    [standing] = remote_status(beta).versions
    assert (standing.here, standing.there) == (True, True)


def test_a_second_pull_changes_nothing(alpha, beta):
    register(alpha)
    push(alpha, everything=True)
    pull(beta, everything=True)
    before = len(list_events(beta))
    assert [each.is_new for each in pull(beta, everything=True).versions] == [False, False]
    assert len(list_events(beta)) == before


def test_a_pulled_dataset_is_held_against_the_contract_of_this_project(alpha, beta):
    bring(beta, "id,text,extra\n1,hi,1\n2,ho,2\n3,he,3\n")
    bring(alpha)
    push(alpha, refs=["rows"])
    [taken] = pull(beta, refs=["rows"]).versions
    assert taken.ref == "dataset:rows@v2"
    newest = list_versions(beta, name="rows")[-1]
    assert not newest.contract_ok
    assert "extra" in (beta.root / "contracts" / "rows.toml").read_text()


def test_a_contract_comes_with_data_where_the_project_has_none(alpha, beta):
    bring(alpha)
    push(alpha, refs=["rows"])
    [taken] = pull(beta, refs=["rows"]).versions
    ours = (beta.root / "contracts" / "rows.toml").read_text()
    assert ours == (alpha.root / "contracts" / "rows.toml").read_text()
    assert any("contracts/rows.toml came with it" in remark for remark in taken.remarks)
    bring(beta, "id,text\n1,hi\n2,there\n3,you\n")


def test_a_fetch_brings_objects_and_refs_and_records_nothing(alpha, beta):
    version = bring(alpha)
    push(alpha, refs=["rows"])
    found = fetch(beta)
    assert (found.versions, found.objects) == (["hub/dataset:rows@v1"], 3)
    assert beta.store.has(version.version)
    assert list_events(beta) == []
    assert list_remotes(beta)[0].known == ["hub/dataset:rows@v1"]


def test_a_look_at_refs_brings_no_objects(alpha, beta):
    version = bring(alpha)
    push(alpha, refs=["rows"])
    assert fetch(beta, refs_only=True).objects == 0
    assert not beta.store.has(version.version)
    status = remote_status(beta)
    assert (status.pull_bytes > 0, status.push_bytes) == (True, 0)


def test_status_says_what_would_travel_and_changes_nothing(alpha, hub):
    bring(alpha)
    push(alpha, refs=["rows"])
    bring(alpha, "id,text\n1,other\n")
    before = sorted(path.name for path in hub.rglob("*"))
    status = remote_status(alpha)
    there = {each.ref: each.there for each in status.versions}
    assert there == {"dataset:rows@v1": True, "dataset:rows@v2": False}
    assert 0 < status.push_bytes < 3000
    assert sorted(path.name for path in hub.rglob("*")) == before


def test_names_that_mean_nothing_or_too_much_are_refused(alpha, beta):
    register(alpha, name="rows")
    with pytest.raises(AmbiguousVersion, match="more than one"):
        push(alpha, refs=["rows"])
    with pytest.raises(UnknownVersionHere, match="no dataset or model 'roes'"):
        push(alpha, refs=["roes"])
    push(alpha, everything=True)
    with pytest.raises(AmbiguousVersion, match="more than one"):
        pull(beta, refs=["rows"])
    with pytest.raises(NotAtRemote, match="no version 'hub/nothing'"):
        pull(beta, refs=["nothing"])
    assert pull(beta, refs=["hub/dataset:rows@v1"]).versions[0].is_new


def test_two_versions_of_one_number_are_told_apart_by_their_digests(alpha, beta, project, hub):
    first, second = bring(alpha), bring(beta, "id,text\n7,else\n")
    push(alpha, everything=True)
    push(beta, everything=True)
    third = project(f'[project]\nname = "gamma"\n[remote.hub]\nurl = "{hub}"\n')
    with pytest.raises(AmbiguousVersion, match="rows@v1"):
        pull(third, refs=["rows@v1"])
    pull(third, refs=[f"rows@{first.version[:12]}"])
    assert resolve(third, "rows").version == first.version != second.version


def test_a_version_whose_bytes_are_elsewhere_stays(alpha):
    (alpha.root / "far.csv").write_text("id\n1\n")
    refer(alpha, str(alpha.root / "far.csv"), name="far")
    with pytest.raises(CannotTravel, match="only says where"):
        push(alpha, refs=["far"])
    assert push(alpha, everything=True).left_out == ["far@v1"]


def test_which_remote_is_meant_is_said_or_clear(project, tmp_path):
    none = project()
    with pytest.raises(BadRemoteName, match="there is none"):
        fetch(none)
    two = project(
        f'[project]\nname = "two"\n[remote.a]\nurl = "{tmp_path}/a"\n[remote.b]\nurl = "{tmp_path}/no/b"\n'
    )
    with pytest.raises(BadRemoteName, match="more than one"):
        push(two, everything=True)
    with pytest.raises(UnknownRemote, match="no remote 'c'"):
        push(two, everything=True, to="c")
    with pytest.raises(RemoteAway, match="is not there"):
        fetch(two, source="a")
    with pytest.raises(RemoteAway, match="is no folder"):
        push(two, everything=True, to="b")


def test_a_manifest_that_was_changed_there_is_not_believed(alpha, beta, hub):
    bring(alpha)
    push(alpha, refs=["rows"])
    [manifest] = (hub / "blobs" / "manifests").iterdir()
    flip(manifest)
    with pytest.raises(NotAtRemote, match="no version"):
        pull(beta, refs=["rows"])
    assert fetch(beta).unreadable == [manifest.stem]
    assert not remote_status(beta).is_sound
