import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from ropeway.core.errors import NotFound
from ropeway.core.merkle import leaf_hash, verify_consistency, verify_inclusion
from ropeway.core.note import new_signer, parse_checkpoint, parse_verifier, signer_of
from ropeway.keeping.audit.operations import (
    export,
    prove,
    prove_consistency,
    put_new_key,
    show_key,
    verify_history,
)
from ropeway.keeping.audit.records import AuditReport
from ropeway.ledger.database.sqlite_check import TRIGGERS
from ropeway.offline import Key, check_export
from ropeway.testing import make_workspace
from ropeway.workspace import open_workspace
from ropeway.workspace.keyring import Keyring

pytestmark = pytest.mark.sqlite("changed by hand, in the file")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def root(tmp_path: Path, user: Path) -> Path:
    make_workspace(tmp_path / "project").close()
    write(tmp_path / "project", *"abcdefgh")
    return tmp_path / "project"


def write(root: Path, *names: str) -> None:
    for name in names:
        with open_workspace(root, actor=name) as workspace, workspace._context() as context:
            assert context.actor


def audited(root: Path, **arguments: list[str]) -> AuditReport:
    with open_workspace(root, actor="auditor") as workspace:
        return verify_history(workspace, **arguments)


def by_hand(root: Path, *statements: str) -> None:
    plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
    for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        plain.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert plain.execute(statement).rowcount
    for trigger in TRIGGERS:
        plain.execute(trigger)
    plain.commit()
    plain.close()


def test_a_ledger_that_nobody_touched_is_as_written_and_covered(root: Path) -> None:
    report = audited(root)
    assert (report.findings, report.notes) == ([], [])
    assert (report.events, report.checkpoints, report.uncovered, report.unsigned) == (8, 8, 0, 0)


def test_a_finding_names_the_event(root: Path) -> None:
    by_hand(root, "UPDATE event SET actor = 'person_x' WHERE seq = 3", "DELETE FROM event WHERE seq = 6")
    found = [(each.seq, each.what) for each in audited(root).findings if each.about == "event"]
    assert found == [(3, "an event does not say what its columns say"), (6, "an event is missing")]


def test_findings_that_follow_each_other_are_one(root: Path) -> None:
    # By hand the record becomes text, which a blob may be in SQLite.
    by_hand(root, "UPDATE event SET record = replace(record, 'person', 'robot') WHERE seq BETWEEN 3 AND 5")
    spans = {(each.seq, each.through) for each in audited(root).findings if "the tree" in each.what}
    assert spans == {(3, 5)}


def test_a_guard_that_is_gone_is_found(root: Path) -> None:
    plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
    plain.execute("DROP TRIGGER event_no_update")
    plain.close()
    assert ["event_no_update" in each.what for each in audited(root).findings] == [True]


def test_a_payload_that_was_erased_on_record_is_no_finding(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(root, "DELETE FROM event_payload WHERE event_id = (SELECT id FROM event WHERE seq = 4)")
    assert [(each.about, each.seq) for each in audited(root).findings] == [("payload", 4)]
    with open_workspace(root) as workspace, workspace.ledger.reading() as connection:
        erased = next(fact.id for fact in workspace.ledger.facts(connection, after=3))
    monkeypatch.setattr("ropeway.keeping.audit.verify.erased_events", lambda _: frozenset({erased}))
    report = audited(root)
    assert report.erased == 1
    # What erases takes the value from the projections too; here nobody did.
    assert {each.about for each in report.findings} == {"projection"}


def test_without_heads_from_outside_everything_is_declared_uncovered(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (root / ".ropeway" / "heads" / "checkpoints").read_text().splitlines()
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "elsewhere"))
    report = audited(root)
    assert (report.findings, report.uncovered, report.unsigned) == ([], 8, 0)
    assert "on the workspace's word" in report.notes[0]
    assert audited(root, heads=[json.loads(kept[4])["note"]]).uncovered == 3


def test_a_key_from_outside_decides_whose_signature_counts(root: Path) -> None:
    name = audited(root).ledger
    report = audited(root, keys=[new_signer(name).verifier.text])
    assert [each.about for each in report.findings] == ["key"]


def test_another_key_is_on_record_and_vouched_for_where_it_was_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_workspace(root, actor="ana") as workspace:
        before = show_key(workspace).verifier
        after = put_new_key(workspace, reason="the laptop was lost")
    assert after.replaced == [before]
    write(root, "ben")
    report = audited(root)
    assert (report.findings, report.uncovered) == ([], 0)
    # Who knows the first key alone is told that nobody vouches for the second.
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "colleague"))
    Keyring(tmp_path / "colleague", report.ledger).trust(parse_verifier(str(before)))
    assert [each.about for each in audited(root).findings] == ["key"]
    Keyring(tmp_path / "colleague", report.ledger).trust(parse_verifier(str(after.verifier)))
    assert audited(root).findings == []


def test_a_ledger_that_was_put_back_goes_on_under_another_key_and_says_what_is_gone(
    root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root, tmp_path / "backup")
    write(root, "i", "j", "k")
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "backup", root)
    assert [each.about for each in audited(root).findings] == ["head"]
    with open_workspace(root, actor="a") as workspace:
        put_new_key(workspace, reason="restored the backup of Monday")
    write(root, "z")
    report = audited(root)
    assert (report.findings, report.uncovered) == ([], 0)
    assert any("the last 3 events that it signed are not in this ledger" in each for each in report.notes)


def test_every_event_is_proven_under_a_signed_head(root: Path) -> None:
    with open_workspace(root) as workspace:
        verifier = parse_verifier(str(show_key(workspace).verifier))
        for seq in range(1, 9):
            proof = prove(workspace, seq=seq)
            head = parse_checkpoint(str(proof.checkpoint))
            path = [bytes.fromhex(node) for node in proof.path]
            assert signer_of(head.note, [verifier]) == verifier
            assert verify_inclusion(seq - 1, head.size, leaf_hash(proof.record.encode()), path, head.root)
        with pytest.raises(NotFound, match="no event '99'"):
            prove(workspace, seq=99)


def test_growth_is_proven_between_any_two_sizes(root: Path) -> None:
    with open_workspace(root) as workspace:
        for first in range(1, 9):
            proof = prove_consistency(workspace, first=first, second=8)
            roots = bytes.fromhex(proof.first_root), bytes.fromhex(proof.second_root)
            assert verify_consistency(first, 8, *roots, [bytes.fromhex(node) for node in proof.path])
        with pytest.raises(NotFound, match="so many events"):
            prove_consistency(workspace, first=1, second=99)


def lines_of(root: Path, *, payloads: bool = False) -> tuple[list[str], Key]:
    with open_workspace(root) as workspace:
        key = Key(str(show_key(workspace).verifier))
        return [json.dumps(line) for line in export(workspace, payloads=payloads)], key


def test_an_export_proves_itself_and_gives_no_names_away(root: Path, tmp_path: Path) -> None:
    lines, key = lines_of(root)
    (tmp_path / "export").write_text("\n".join(lines))
    check = check_export(tmp_path / "export", [key])
    assert (check.problems, check.covered, check.tree.size) == ([], 8, 8)
    assert "nonce" not in "".join(lines)
    (tmp_path / "export").write_text("\n".join(lines_of(root, payloads=True)[0]))
    assert check_export(tmp_path / "export", [key]).problems == []


@pytest.mark.parametrize("seed", range(12))
def test_an_export_that_was_changed_proves_nothing(root: Path, tmp_path: Path, seed: int) -> None:
    lines, key = lines_of(root, payloads=True)
    events = [place for place, line in enumerate(lines) if '"record"' in line]
    place = events[seed % len(events)]
    if seed < 4:
        lines[place] = lines[place].replace("Z", "Y", 1).replace("person_", "person-", 1)
    elif seed < 8:
        del lines[place]
    elif seed < 10:
        lines = (
            [line for line in lines if '"record"' not in line][:-1]
            + lines[events[0] : events[4]]
            + ['{"end": 4}']
        )
    else:
        lines[place] = lines[place].replace('"nonce": "', '"nonce": "00')
    (tmp_path / "export").write_text("\n".join(lines))
    assert check_export(tmp_path / "export", [key]).problems != []


def test_an_export_under_another_key_is_covered_by_nothing(root: Path, tmp_path: Path) -> None:
    lines, key = lines_of(root)
    (tmp_path / "export").write_text("\n".join(lines))
    check = check_export(tmp_path / "export", [Key(new_signer(key.name).verifier.text)])
    assert (check.problems, check.covered, check.unknown) == ([], 0, 16)
