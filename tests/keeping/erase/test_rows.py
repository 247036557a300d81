"""Erasing a subject's rows: from every version, object, pack, cache and log; the others stay and go on."""

from pathlib import Path

import pytest
from tests.keeping.erase.test_values import CANARY, files_with

from ropeway.core.ids import Digest
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.keeping.audit.operations import verify_history
from ropeway.keeping.erase.errors import BadSubject, HeldFast, NothingErasable
from ropeway.keeping.erase.operations import erase_rows, list_erasures, show_erasure
from ropeway.keeping.operations import fsck, place_hold
from ropeway.store.errors import BytesErased, ObjectErased
from ropeway.store.intake import LARGE_BYTES
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

PEOPLE = '[project]\nname = "trial"\n[inputs.rows]\ndataset = "people"\nkey = "id"\n'
ROWS = [(1, "Ana", "likes trains"), (2, f"{CANARY}", f"says {CANARY} a lot"), (3, "Bo", "likes boats")]


def lay(folder: Path, rows: list[tuple[int, str, str]], name: str = "people.csv") -> Path:
    path = folder / name
    path.write_text("id,name,text\n" + "".join(f"{i},{n},{t}\n" for i, n, t in rows), encoding="utf-8")
    return path


def bring(workspace: LocalWorkspace, rows: list[tuple[int, str, str]]) -> Digest:
    """Add a version, and take the user's own file away: it is not the workspace's to erase."""
    path = lay(workspace.root, rows)
    version = add(workspace, path, name="people", key=["id"]).version.version
    path.unlink()
    return version


@pytest.fixture
def people(project) -> LocalWorkspace:
    workspace: LocalWorkspace = project(PEOPLE)
    bring(workspace, ROWS[:2])
    bring(workspace, ROWS)
    return workspace


def in_objects(workspace: LocalWorkspace, text: str) -> list[str]:
    return [each for each in workspace.store.digests() if text.encode() in workspace.store.read(each)]


def test_the_rows_are_in_no_file_and_the_others_are_a_new_version(people):
    assert files_with(people.root, CANARY)
    done = erase_rows(people, dataset="people", keys=["2"], request="R-18")
    assert files_with(people.root / ".ropeway", CANARY) == []
    assert in_objects(people, CANARY) == []
    assert load(people, resolve(people, "people"))["id"].to_list() == [1, 3]
    assert done.plan is not None
    assert (done.plan.versions, done.plan.replaced_by) == (["people@v1", "people@v2"], ["people@v3"])


def test_what_is_gone_is_said_to_be_erased_and_not_missing(people):
    done = erase_rows(people, dataset="people", keys=["2"])
    with pytest.raises(ObjectErased, match=f"erased under {done.id}"):
        load(people, resolve(people, "people@v2"))
    report = fsck(people)
    assert (report.findings, report.erased > 0) == ([], True)
    assert verify_history(people).findings == []


def test_the_same_bytes_are_not_kept_again(people):
    erase_rows(people, dataset="people", keys=["2"])
    with pytest.raises(BytesErased, match="are not kept again"):
        bring(people, ROWS)
    assert in_objects(people, CANARY) == []


def test_a_column_with_a_value_tells_whose_rows_too(people):
    erase_rows(people, dataset="people", where={"name": CANARY})
    assert in_objects(people, CANARY) == []


def test_large_versions_lose_their_chunks_and_packs(project):
    workspace = project(PEOPLE)
    many = [(number, f"name {number}", "x" * 900) for number in range(10, LARGE_BYTES // 900 + 50)]
    version = bring(workspace, [*many, ROWS[1]])
    assert workspace.store.recipe(version) is not None
    erase_rows(workspace, dataset="people", keys=["2"])
    assert files_with(workspace.home, CANARY) == []
    assert in_objects(workspace, CANARY) == []
    assert fsck(workspace).is_sound


def test_artifacts_and_caches_that_hold_it_go_too(people):
    with start_run(people, inputs=[resolve(people, "people").reference]) as run:
        run.artifact("seen.txt", f"wrong on: {CANARY}")
        run.artifact("fine.txt", "nothing here")
        run.tag(worst=f"row of {CANARY}")
    people.store.cache.put("step/x", CANARY.encode())
    erase_rows(people, dataset="people", keys=["2"])
    assert files_with(people.home, CANARY) == []
    assert in_objects(people, "nothing here")


def test_another_dataset_that_holds_their_texts_is_rewritten(people):
    path = people.root / "calls.csv"
    path.write_text(f"call,who\n1,Ana\n2,says {CANARY} a lot\n", encoding="utf-8")
    add(people, path, name="calls", key=["call"])
    path.unlink()
    erase_rows(people, dataset="people", keys=["2"])
    assert load(people, resolve(people, "calls"))["call"].to_list() == [1]
    assert in_objects(people, CANARY) == []


def test_a_dry_run_says_it_and_changes_nothing(people):
    before = set(people.store.digests())
    said = erase_rows(people, dataset="people", keys=["2"], dry_run=True)
    assert said.plan is not None
    assert {each.why for each in said.plan.objects} >= {"the rows of people@v1", "the profile of people@v2"}
    assert set(people.store.digests()) == before
    assert list_erasures(people) == []


def test_a_hold_keeps_it(people):
    place_hold(people, subject="people@v1", reason="claim")
    with pytest.raises(HeldFast, match="must stay"):
        erase_rows(people, dataset="people", keys=["2"])
    assert in_objects(people, CANARY)


def test_a_key_that_nobody_has_is_said(people):
    with pytest.raises(NothingErasable, match="no version of 'people'"):
        erase_rows(people, dataset="people", keys=["99"])


def test_a_column_that_is_not_there_is_said(people):
    with pytest.raises(BadSubject, match="no column 'mail'"):
        erase_rows(people, dataset="people", where={"mail": "x"})


def test_when_all_rows_were_theirs_no_version_takes_the_place(project):
    workspace = project(PEOPLE)
    bring(workspace, ROWS[1:2])
    done = erase_rows(workspace, dataset="people", keys=["2"])
    assert done.plan is not None
    assert done.plan.replaced_by == []
    assert in_objects(workspace, CANARY) == []


def test_rows_that_were_a_version_before_come_after_it_again(project):
    workspace = project(PEOPLE)
    bring(workspace, [ROWS[0], ROWS[2]])
    bring(workspace, ROWS)
    erase_rows(workspace, dataset="people", keys=["2"])
    assert resolve(workspace, "people").ordinal == 3
    assert load(workspace, resolve(workspace, "people"))["id"].to_list() == [1, 3]


def test_a_folder_loses_the_file(project):
    workspace = project(PEOPLE)
    folder = workspace.root / "scans"
    folder.mkdir()
    for name, text in (("a.txt", "fine"), ("b.txt", CANARY)):
        (folder / name).write_text(text, encoding="utf-8")
    add(workspace, folder, name="scans")
    (folder / "b.txt").unlink()
    erase_rows(workspace, dataset="scans", keys=["b.txt"])
    assert load(workspace, resolve(workspace, "scans"))["path"].to_list() == ["a.txt"]
    assert files_with(workspace.home, CANARY) == []


def test_the_certificate_holds_nothing_of_what_went(people):
    done = erase_rows(people, dataset="people", keys=["2"])
    shown = show_erasure(people, name=done.id)
    assert shown.certificate is not None
    assert shown.certificate.plan.scope == "rows of people by 'id' (1 value, not repeated here)"
