"""What is held against the controller and the log of predictions notices each loss that is seeded here."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from tests.faults.catalogue import OPERATIONS, beside
from tests.faults.loop import MODEL
from tests.faults.operation import FaultOperation
from tests.faults.story import Story
from tests.faults.traffic import Seen, Told, seen_file, told_file

from ropeway.continuous.retraining.events import RetrainingEnded
from ropeway.continuous.rollouts import reconcile as reconciling
from ropeway.continuous.rollouts.decide import Decision
from ropeway.continuous.rollouts.events import RolloutEnded, RolloutStarted
from ropeway.continuous.rollouts.evidence import Findings
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.core.ids import PersonId
from ropeway.ledger import Event
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.models.events import ModelPromoted
from ropeway.models.operations import promote_model, route_traffic
from ropeway.monitoring.events import AlertRaised, WindowObserved
from ropeway.store.errors import ObjectMissing
from ropeway.workspace import LocalWorkspace

Worked = tuple[Path, FaultOperation, Story]
EventT = TypeVar("EventT", bound=Event)
ROUNDS = 30
HASTE_S = 300.0
"""How long a hasty promotion is waited for; it comes within a rollout or two."""


@pytest.fixture(scope="session")
def looped(tmp_path_factory) -> Path:
    """A folder in which the controller went on, beside traffic, until a version was promoted."""
    folder = tmp_path_factory.mktemp("looped")
    operation, story = OPERATIONS["controller"](), Story(folder / "story")
    operation.prepare(folder / "project")
    with (
        beside("controller", folder / "project"),
        LocalWorkspace(folder / "project", actor="ana") as workspace,
        operation.working(workspace) as act,
    ):
        for number in range(ROUNDS):
            story.begin(f"{number}")
            story.acknowledge(f"{number}", act(f"{number}"))
            if len(_events(workspace, ModelPromoted)) > 1 and number > 5:
                break
    story.close()
    return folder


@pytest.fixture
def worked(looped: Path, tmp_path: Path) -> Iterator[Worked]:
    shutil.copytree(looped, tmp_path / "copy")
    story = Story(tmp_path / "copy" / "story")
    yield tmp_path / "copy" / "project", OPERATIONS["controller"](), story
    story.close()


@pytest.fixture
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worked]:
    """An operation on the log of predictions, done three times."""
    root, operation, story = tmp_path / "project", OPERATIONS[request.param](), Story(tmp_path / "story")
    operation.prepare(root)
    with LocalWorkspace(root, actor="ana") as workspace, operation.working(workspace) as act:
        for token in ("first", "second", "third"):
            story.begin(token)
            story.acknowledge(token, act(token))
    yield root, operation, story
    story.close()


def test_nothing_is_found_where_the_controller_did_right(worked: Worked) -> None:
    assert _found(worked) == []


def test_a_controller_that_promotes_without_proof_is_noticed(worked: Worked, monkeypatch) -> None:
    hasty = Decision(act="promote", rule="haste", says="it will be well", outcome="promoted")

    over = Decision(act="end", rule="haste", says="it is too late for haste", outcome="futile")

    def decide_hastily(rollout: RolloutState, _findings: Findings) -> Decision:
        return hasty if rollout.step < len(rollout.shares) - 1 else over

    monkeypatch.setattr(reconciling, "decide", decide_hastily)
    root, operation, _ = worked
    ends = time.monotonic() + HASTE_S
    with (
        beside("controller", root),
        LocalWorkspace(root, actor="ana") as workspace,
        operation.working(workspace) as act,
    ):
        while not _promoted_by("haste", workspace) and time.monotonic() < ends:
            act("hasty")
        assert _promoted_by("haste", workspace)
    assert any("is live from an early step" in each for each in _found(worked))


def test_a_version_that_goes_live_without_a_rollout_is_noticed(worked: Worked) -> None:
    with LocalWorkspace(worked[0], actor="ana") as workspace:
        promote_model(workspace, ref=f"{MODEL}@1")
    assert any("@1 is live without a rollout" in each for each in _found(worked))


def test_traffic_to_a_version_that_no_rollout_released_is_noticed(worked: Worked) -> None:
    with LocalWorkspace(worked[0], actor="ana") as workspace:
        route_traffic(workspace, name=MODEL, arms={f"{MODEL}@1": 0.5}, shadows=[])
    assert any("traffic to @1, which no rollout has released" in each for each in _found(worked))


def test_a_reading_that_the_events_do_not_bear_out_is_noticed(worked: Worked) -> None:
    strange = Seen(seq=20, live=f"{MODEL}@1", arms={f"{MODEL}@7": 0.5}, shadows=[], rollout="")
    _add_line(seen_file(worked[0]), strange)
    assert any(each.startswith("after event 20 traffic was") for each in _found(worked))
    _add_line(seen_file(worked[0]), msgspec.structs.replace(strange, seq=10**6))
    assert any("after event 1000000, which is not there" in each for each in _found(worked))


def test_an_answer_that_was_told_and_is_not_in_the_log_is_noticed(worked: Worked) -> None:
    _add_line(told_file(worked[0]), Told(given=["p-1"], said={"p-2": "high"}, mirrored=["p-3"]))
    found = _found(worked)
    assert [each for each in found if "p-" in each] == [
        "prediction p-1 is lost",
        "feedback on p-2 is None, not high",
        "shadows of p-3: 0 of 1",
    ]


@pytest.mark.parametrize("kind", ["predictions", "feedback", "shadows"])
def test_a_lost_segment_is_noticed(worked: Worked, kind: str) -> None:
    paths = sorted((worked[0] / ".ropeway" / "segments" / kind).glob("*.seg"))
    for path in paths:
        path.unlink()
    assert paths
    assert _found(worked)


def test_a_retraining_that_ends_twice_is_noticed(worked: Worked) -> None:
    _again(worked[0], RetrainingEnded)
    assert any("RetrainingEnded of retraining:" in each for each in _found(worked))


def test_two_rollouts_side_by_side_are_noticed(worked: Worked) -> None:
    with LocalWorkspace(worked[0], actor="ana") as workspace:
        started = _events(workspace, RolloutStarted)[-1]
        for name in ("rollout_one", "rollout_two"):
            _record(workspace, msgspec.structs.replace(started, rollout=name))
    assert any("a rollout began while another was active" in each for each in _found(worked))


def test_a_version_promoted_again_is_noticed(worked: Worked) -> None:
    _again(worked[0], ModelPromoted)
    assert any(each.startswith("ModelPromoted of model:") for each in _found(worked))


@pytest.mark.parametrize("watched", ["seal"], indirect=True)
def test_lost_parquet_is_noticed(watched: Worked) -> None:
    root, _, _ = watched
    with LocalWorkspace(root, actor="ana") as workspace:
        for path in (workspace.home / "objects").rglob("*"):
            if path.is_file():
                path.unlink()
    with pytest.raises(ObjectMissing, match="is not in the store"):
        _found(watched)


@pytest.mark.parametrize("kind", [WindowObserved, AlertRaised])
@pytest.mark.parametrize("watched", ["observe"], indirect=True)
def test_what_was_observed_and_is_lost_is_noticed(watched: Worked, kind: type[Event]) -> None:
    (verb,) = [each.verb for each in TYPES_BY_VERB.values() if each.cls is kind]
    with LocalWorkspace(watched[0], actor="ana") as workspace, workspace.ledger.transaction() as transaction:
        transaction.connection.exec_driver_sql("DROP TRIGGER IF EXISTS event_no_delete")
        transaction.connection.exec_driver_sql(f"DELETE FROM event WHERE verb = '{verb}'")
    assert any("of first is not" in each for each in _found(watched))


@pytest.mark.parametrize("watched", ["observe"], indirect=True)
def test_an_alert_raised_beside_an_open_one_is_noticed(watched: Worked) -> None:
    with LocalWorkspace(watched[0], actor="ana") as workspace:
        _record(workspace, msgspec.structs.replace(_events(workspace, AlertRaised)[-1], id="alert_again"))
    assert any("alert_again was raised while" in each for each in _found(watched))


def _found(worked: Worked) -> list[str]:
    root, operation, story = worked
    with LocalWorkspace(root, actor="ana") as workspace:
        return operation.problems(workspace, story)


def _promoted_by(rule: str, workspace: LocalWorkspace) -> bool:
    """Whether a rollout was promoted by this rule."""
    return any(each.rule == rule and each.outcome == "promoted" for each in _events(workspace, RolloutEnded))


def _events(workspace: LocalWorkspace, kind: type[EventT]) -> list[EventT]:
    with workspace.ledger.reading() as connection:
        return [fact.event for fact in workspace.ledger.facts(connection) if isinstance(fact.event, kind)]


def _record(workspace: LocalWorkspace, event: Event) -> None:
    """Put an event on record past the operation that would not let it in."""
    with workspace.ledger.transaction() as transaction:
        transaction.append(event, actor=PersonId("person_nobody"))


def _again(root: Path, kind: type[Event]) -> None:
    with LocalWorkspace(root, actor="ana") as workspace:
        _record(workspace, _events(workspace, kind)[-1])


def _add_line(path: Path, line: object) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")
