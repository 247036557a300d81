"""Erasing values of the ledger: gone from every byte, while proofs hold and replay says so."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ropeway.keeping.audit.operations import export, prove, verify_history
from ropeway.keeping.erase.errors import HeldFast, NothingErasable, PersonNotFound
from ropeway.keeping.erase.operations import (
    erase_events,
    erase_person,
    finish_erasures,
    list_erasures,
    show_erasure,
)
from ropeway.keeping.operations import fsck, place_hold
from ropeway.ledger.projections import projected_rows
from ropeway.testing import make_workspace
from ropeway.tracking.operations import get_run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

CANARY = "Zbigniew-Canary-4711"


def files_with(folder: Path, canary: str) -> list[str]:
    """Every file, of whatever kind, that has these bytes."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and canary.encode() in path.read_bytes()
    ]


def make_run(workspace: LocalWorkspace, note: str = CANARY) -> str:
    with start_run(workspace, name=f"about {note}", params={"who": note}, tags={"for": note}) as run:
        run.set(later=note)
    return run.id


def numbers_of(workspace: LocalWorkspace, run: str) -> list[str]:
    return [str(each.seq) for each in list_events(workspace, subject=f"run:{run}")]


def test_the_values_of_events_are_in_no_file_afterwards(workspace):
    run = make_run(workspace)
    # In PostgreSQL they are in no file of ours to begin with.
    assert files_with(workspace.root, CANARY) or not isinstance(workspace.ledger.place, Path)
    done = erase_events(workspace, events=numbers_of(workspace, run), request="R-17")
    assert (done.payloads, done.request) == (2, "R-17")
    assert files_with(workspace.root, CANARY) == []


def test_replay_gives_the_same_tables_and_they_say_erased(workspace):
    run = make_run(workspace)
    erase_events(workspace, events=numbers_of(workspace, run))
    assert get_run(workspace, run=run).params == {}
    with workspace.ledger.reading() as connection:
        before = projected_rows(connection)
    workspace.ledger.rebuild()
    with workspace.ledger.reading() as connection:
        assert projected_rows(connection) == before


def test_audit_counts_it_as_erased_and_finds_nothing(workspace):
    run = make_run(workspace)
    erase_events(workspace, events=numbers_of(workspace, run))
    report = verify_history(workspace)
    assert (report.findings, report.erased) == ([], 2)
    assert fsck(workspace).is_sound


def test_a_proof_from_before_is_the_proof_after(workspace):
    run = make_run(workspace)
    number = int(numbers_of(workspace, run)[0])
    size = list_events(workspace)[-1].seq
    before = prove(workspace, seq=number, size=size)
    erase_events(workspace, events=[str(number)])
    assert prove(workspace, seq=number, size=size) == before


def test_an_export_leaves_out_what_was_erased(workspace):
    run = make_run(workspace)
    erase_events(workspace, events=numbers_of(workspace, run))
    assert CANARY not in str(list(export(workspace, payloads=True)))


def test_the_database_refuses_to_drop_a_payload_without_a_record_of_it(workspace):
    make_run(workspace)
    with (
        pytest.raises(DBAPIError, match="only with its erasure on record"),
        workspace.ledger.transaction() as turn,
    ):
        turn.connection.execute(text("DELETE FROM event_payload"))


def test_the_certificate_says_what_went_and_against_which_root_that_is_proven(workspace):
    run = make_run(workspace)
    done = erase_events(workspace, events=numbers_of(workspace, run), request="R-17")
    shown = show_erasure(workspace, name=done.id)
    assert shown.certificate is not None
    assert [each.verb for each in shown.certificate.plan.payloads] == ["run-started", "run-finished"]
    size = shown.certificate.tree_size
    assert prove(workspace, seq=1, size=size).root == shown.certificate.tree_root
    assert [each.id for each in list_erasures(workspace)] == [done.id]


def test_a_dry_run_says_it_and_changes_nothing(workspace):
    run = make_run(workspace)
    before = list_events(workspace)
    said = erase_events(workspace, events=numbers_of(workspace, run), dry_run=True)
    assert said.is_dry_run
    assert said.plan is not None
    assert said.plan.payloads[0].fields == ["name", "params", "tags", "argv", "hostname"]
    assert list_events(workspace) == before


def test_a_second_time_there_is_nothing_to_erase(workspace):
    numbers = numbers_of(workspace, make_run(workspace))
    erase_events(workspace, events=numbers)
    with pytest.raises(NothingErasable, match="no values that can be erased"):
        erase_events(workspace, events=numbers)


def test_a_hold_keeps_it(workspace):
    run = make_run(workspace)
    place_hold(workspace, subject=f"run:{run}", reason="claim 2027/14")
    with pytest.raises(HeldFast, match="must stay"):
        erase_events(workspace, events=numbers_of(workspace, run))
    assert get_run(workspace, run=run).params["who"] == CANARY


def test_a_persons_name_goes_and_what_they_did_stays(tmp_path):
    make_workspace(tmp_path, actor=CANARY).close()
    with make_workspace(tmp_path, actor=CANARY) as workspace:
        run = make_run(workspace, "nobody")
        hold = place_hold(workspace, subject=f"run:{run}", reason="x")
    assert hold.placed_by == CANARY
    with make_workspace(tmp_path, actor="admin") as workspace:
        done = erase_person(workspace, name=CANARY)
        assert done.payloads == 1
        assert list_events(workspace, subject=f"run:{run}")[0].by.startswith("person_")
    assert files_with(tmp_path, CANARY) == []


def test_texts_that_hold_a_name_are_told_and_go_when_asked_for(tmp_path):
    with make_workspace(tmp_path, actor=CANARY) as workspace:
        make_run(workspace, f"ask {CANARY} about it")
    with make_workspace(tmp_path, actor="admin") as workspace:
        said = erase_person(workspace, name=CANARY, dry_run=True)
        assert said.plan is not None
        assert "2 events have texts that hold the name" in said.plan.remains[0]
        erase_person(workspace, name=CANARY, mentions=True)
    assert files_with(tmp_path, CANARY) == []


def test_who_erases_their_own_name_is_not_introduced_again_by_it(tmp_path):
    with make_workspace(tmp_path, actor=CANARY) as workspace:
        make_run(workspace, "nobody")
        erase_person(workspace, name=CANARY)
    assert files_with(tmp_path, CANARY) == []


def test_nobody_of_that_name_is_said(workspace):
    make_run(workspace)
    with pytest.raises(PersonNotFound, match="There is no person 'eve'"):
        erase_person(workspace, name="eve")


def test_copies_from_before_an_upgrade_go_too(workspace):
    run = make_run(workspace)
    copies = workspace.home / "backups"
    copies.mkdir()
    (copies / "ledger-format-1-20260101T000000Z.db").write_bytes(CANARY.encode())
    erase_events(workspace, events=numbers_of(workspace, run))
    assert list(copies.iterdir()) == []


def test_what_holds_it_beside_the_workspace_is_named(workspace):
    run = make_run(workspace)
    (workspace.root / "notes.txt").write_text(f"call {CANARY}", encoding="utf-8")
    done = erase_events(workspace, events=numbers_of(workspace, run))
    assert done.plan is not None
    assert any("'notes.txt' holds it" in each for each in done.plan.unreached)


def test_an_erasure_that_was_cut_off_is_ended_by_the_next(workspace, monkeypatch):
    run = make_run(workspace)
    from ropeway.keeping.erase import complete

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(complete, "_erase_values", cut_off)
        with pytest.raises(KeyboardInterrupt):
            erase_events(workspace, events=numbers_of(workspace, run))
    assert list_erasures(workspace)[0].finished_at is None
    assert finish_erasures(workspace)[0].finished_at is not None
    assert files_with(workspace.root, CANARY) == []
