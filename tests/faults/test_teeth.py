"""The oracle notices what it is there for: each loss seeded here must be found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.catalogue import OPERATIONS, beside
from tests.faults.operation import FaultOperation
from tests.faults.oracle import problems_after, problems_of
from tests.faults.story import Story

from ropeway.core.ids import Digest, PersonId
from ropeway.ledger.errors import LedgerDamaged
from ropeway.ledger.people import PersonIntroduced
from ropeway.workspace import LocalWorkspace

NOWHERE = 999_999
TOKENS = ("first", "second", "third")
Worked = tuple[Path, FaultOperation, Story]


@pytest.fixture
def worked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worked]:
    """A project in which an operation was done three times, and its story."""
    root, operation, story = tmp_path / "project", OPERATIONS[request.param](), Story(tmp_path / "story")
    operation.prepare(root)
    with beside(request.param, root):
        with LocalWorkspace(root, actor="ana") as workspace, operation.working(workspace) as act:
            for token in TOKENS:
                story.begin(token)
                story.acknowledge(token, act(token))
        yield root, operation, story
    story.close()


on_ledger = pytest.mark.parametrize("worked", ["ledger transaction"], indirect=True)
on_store = pytest.mark.parametrize("worked", ["store.put"], indirect=True)


@pytest.mark.parametrize("worked", list(OPERATIONS), indirect=True)
def test_nothing_is_found_where_nothing_was_lost(worked: Worked) -> None:
    assert problems_after(*worked) == []


@pytest.mark.parametrize("worked", list(OPERATIONS), indirect=True)
def test_an_acknowledgement_of_what_never_happened_is_noticed(worked: Worked) -> None:
    root, operation, story = worked
    story.begin("ghost")
    story.acknowledge("ghost", _like(story.acknowledged()["first"]))
    with LocalWorkspace(root, actor="ana") as workspace:
        assert operation.problems(workspace, story)


@on_ledger
def test_a_write_that_was_rolled_back_though_acknowledged_is_noticed(worked: Worked) -> None:
    root, operation, story = worked
    story.begin("undone")
    with LocalWorkspace(root, actor="ana") as workspace, pytest.raises(ZeroDivisionError, match="division"):
        _roll_back(workspace, story)
    assert any("undone" in problem for problem in problems_after(root, operation, story))


def _roll_back(workspace: LocalWorkspace, story: Story) -> None:
    """Acknowledge too early, then fail."""
    with workspace.ledger.transaction() as transaction:
        someone = PersonId("person_undone")
        transaction.append(PersonIntroduced(person=someone, name="undone/0"), actor=someone)
        story.acknowledge("undone", 3)
        _ = 1 / 0


@on_ledger
def test_a_deleted_event_is_noticed(worked: Worked) -> None:
    root, _, _ = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        _tamper(workspace, "DELETE FROM event WHERE seq = 5")
        problems = problems_of(workspace)
    assert "the sequence of events has a gap" in problems
    assert "a replay gives other rows in 'person'" in problems


@on_ledger
def test_a_deleted_tail_is_noticed_by_what_was_acknowledged(worked: Worked) -> None:
    root, operation, story = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        _tamper(workspace, "DELETE FROM event WHERE seq >= 8", "DELETE FROM person WHERE seq >= 8")
        with pytest.raises(LedgerDamaged, match="the tree goes on after the last event, 7"):
            workspace.ledger.rebuild()
        assert any("third" in problem for problem in operation.problems(workspace, story))


@on_ledger
def test_a_doubled_projection_row_is_noticed(worked: Worked) -> None:
    root, operation, story = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        _tamper(workspace, "INSERT INTO person SELECT id || 'x', name, seq FROM person WHERE seq = 2")
        assert any("first" in problem for problem in operation.problems(workspace, story))
        assert "a replay gives other rows in 'person'" in problems_of(workspace)


@on_store
def test_a_removed_object_is_noticed(worked: Worked) -> None:
    root, operation, story = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        _object_file(workspace, story.acknowledged()["second"]).unlink()
        assert any("second" in problem for problem in operation.problems(workspace, story))


@on_store
def test_a_flipped_bit_is_noticed_twice(worked: Worked) -> None:
    root, operation, story = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        path = _object_file(workspace, story.acknowledged()["second"])
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        assert any("second" in problem for problem in operation.problems(workspace, story))
        assert any(problem.startswith("fsck:") for problem in problems_of(workspace))


def _like(answer: object) -> object:
    """An answer of the same form that names what is not there."""
    match answer:
        case {"step": int()}:
            return {**answer, "step": NOWHERE}
        case {"backup": str()}:
            return {**answer, "backup": "nowhere"}
        case list():
            return ["0" * len(str(each)) for each in answer]
        case dict():
            return {**answer, "id": f"p-{NOWHERE}-0-0"}
        case int():
            return NOWHERE
        case str() if "@" in answer:
            return f"{answer.partition('@')[0]}@{NOWHERE}"
    return "0" * len(str(answer))


def _object_file(workspace: LocalWorkspace, digest: str) -> Path:
    return workspace.store.open_path(Digest(digest))


def _tamper(workspace: LocalWorkspace, *statements: str) -> None:
    """Change the database behind the ledger's back, as someone with the file can."""
    with workspace.ledger.transaction() as transaction:
        for trigger in ("event_no_update", "event_no_delete"):
            transaction.connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            transaction.connection.exec_driver_sql(statement)
