"""The controller: rounds that do what is missing, once, whoever is killed in between."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from retrained import PIPELINE, POLICY, PROJECT, START, judged_rows, live_project

from ropeway.continuous.action import Action
from ropeway.continuous.controller import ask, reconcile, run, take_on
from ropeway.continuous.retraining import operations as ops
from ropeway.continuous.retraining.errors import PolicyInvalid, PolicyPausedNow
from ropeway.continuous.rollouts import moves
from ropeway.continuous.rollouts.errors import RolloutActive
from ropeway.continuous.rollouts.operations import end_rollout, list_rollouts, release, rollback
from ropeway.core.ids import new_id
from ropeway.models.operations import approve_model, gate_model, list_models
from ropeway.models.register import register
from ropeway.monitoring.events import AlertRaised
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import FileClock
from ropeway.workspace.errors import LeaseHeld, LeaseLost
from ropeway.workspace.lease import take_lease

DAY = 86_400
KILLS = 8
"""Enough to see that it can be killed; `python -m tests.faults kills --only controller` does hundreds."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    with live_project(tmp_path / "p", actor="controller") as made:
        yield made


def settings(workspace: LocalWorkspace, policy: str, project: str = PROJECT) -> None:
    (workspace.root / "ropeway.toml").write_text(project + policy)


def kinds(actions: list[Action]) -> list[str]:
    return [action.kind for action in actions]


def advance(workspace: LocalWorkspace, seconds: float) -> None:
    workspace.clock.advance(seconds=seconds)


def count_verbs(workspace: LocalWorkspace) -> Counter[str]:
    with workspace.ledger.reading() as connection:
        return Counter(type(fact.event).__name__ for fact in workspace.ledger.facts(connection))


def alert(workspace: LocalWorkspace, when: str) -> str:
    """An open alert on the live version, by a window that it answered in; gives its id."""
    advance(workspace, 3600)
    now = workspace.clock.now()
    raised = AlertRaised(
        id=new_id("alert"),
        rule=when,
        when=when,
        severity="warn",
        name="halves",
        number=1,
        environment="production",
        start=now - timedelta(days=1),
        end=now,
        figure=0.4,
        limit=0.5,
        columns=[],
        says="accuracy 0.400 (between 0.300 and 0.500) is under 0.500",
        next_step="ropeway retrain",
        sinks=[],
    )
    with workspace._context() as context:
        context.append(raised)
    return raised.id


def released(workspace: LocalWorkspace, shift: float) -> str:
    """Another version on its way to production; gives its rollout."""
    run_pipeline(workspace, overrides={"shift": shift})
    version = register(workspace)
    assert gate_model(workspace, ref=version.ref).passed
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref=version.ref)
    rollout = release(workspace, ref=version.ref).rollout
    assert rollout is not None
    return rollout.id


def rolled_back(workspace: LocalWorkspace, shift: float) -> None:
    """A version that a guard takes back."""
    identity = released(workspace, shift)
    (rollout,) = [each for each in list_rollouts(workspace, active=True) if each.id == identity]
    with workspace._context() as context:
        context.begin()
        moves.roll_back(context, rollout, rule="harm", says="for the test")


def test_a_round_goes_the_whole_way_and_the_next_does_nothing(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)
    assert kinds(reconcile(workspace))[-1] == "released"
    before = count_verbs(workspace)
    assert reconcile(workspace) == []
    assert count_verbs(workspace) == before


def test_it_acts_under_its_own_name(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)
    reconcile(workspace)
    assert ops.list_retrainings(workspace)[0].by == "controller"
    assert list_models(workspace)[0].registered_by == "controller"


def test_without_a_policy_nothing_begins(workspace: LocalWorkspace) -> None:
    settings(workspace, "")
    judged_rows(workspace, 40)
    assert reconcile(workspace) == []


def test_an_unsound_policy_is_told_and_what_is_open_goes_on(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)
    ask(workspace, None)
    settings(workspace, POLICY.replace("[policy.data]", 'time_zone = "Mars"\n[policy.data]'))
    actions = reconcile(workspace)
    assert "released" in kinds(actions)
    assert actions[-1].says.startswith("[policy-invalid] ropeway.toml [policy] `time_zone`")


def test_a_project_file_that_is_broken_for_a_moment_stops_nothing_for_good(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)
    settings(workspace, "[policy")
    assert set(kinds(reconcile(workspace))) == {"error"}
    settings(workspace, POLICY)
    assert "released" in kinds(reconcile(workspace))


def test_what_is_held_back_is_told_and_begins_when_it_may(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'quiet = ["08:00-10:00"]\n[policy.data]'))
    judged_rows(workspace, 40)
    actions = reconcile(workspace)
    assert kinds(actions) == ["policy", "held"]
    assert "quiet hours until 10:00" in actions[1].says
    advance(workspace, 3600)
    assert kinds(reconcile(workspace))[-1] == "released"


def test_an_alert_that_asks_is_named_briefly_when_held_and_when_it_begins(workspace: LocalWorkspace) -> None:
    """Its figures have a line of their own; they were told three times."""
    settings(workspace, POLICY.replace('"new-data", "drift", ', ""))
    identity = alert(workspace, "degradation")
    actions = reconcile(workspace)
    asks = f"degradation of halves@1: {identity}"
    assert actions[-1].says.startswith(f"{asks}; held back: there is too little to learn from")
    judged_rows(workspace, 40)
    assert asks in [action.says for action in reconcile(workspace) if action.kind == "triggered"]


def test_months_without_a_controller_are_one_scheduled_retraining(workspace: LocalWorkspace) -> None:
    settings(workspace, '[policy]\ntriggers = ["schedule"]\nschedule = "0 3 1 * *"\napproval = "by-rule"\n')
    reconcile(workspace)
    advance(workspace, 100 * DAY)
    assert kinds(reconcile(workspace)) == ["triggered", "no-new-data"]
    assert reconcile(workspace) == []
    advance(workspace, 31 * DAY)
    assert kinds(reconcile(workspace)) == ["triggered", "no-new-data"]
    assert count_verbs(workspace)["PolicyAdopted"] == 1


def test_a_pipeline_that_fails_is_not_tried_again_each_round(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)
    broken = PIPELINE.replace(
        "    high = rows.filter", '    raise ValueError("no")\n    high = rows.filter', 1
    )
    (workspace.root / "pipeline.py").write_text(broken)
    assert kinds(reconcile(workspace))[-1] == "failed"
    for _ in range(3):
        reconcile(workspace)
    assert count_verbs(workspace)["RetrainingTriggered"] == 1


def test_a_cycle_of_rollbacks_asks_a_person(workspace: LocalWorkspace) -> None:
    rolled_back(workspace, 0.1)
    judged_rows(workspace, 10)
    assert "paused" not in kinds(reconcile(workspace))
    rolled_back(workspace, 0.2)
    judged_rows(workspace, 30, start=10)
    actions = reconcile(workspace)
    assert "paused" in kinds(actions)
    assert "halves@3, halves@2" in next(each.says for each in actions if each.kind == "paused")
    assert "triggered" not in kinds(actions)
    state = ops.policy_standing(workspace, name="halves", environment="production")
    assert state.paused_by_rule
    with pytest.raises(PolicyPausedNow, match="2 versions were rolled back"):
        ask(workspace, None)
    assert count_verbs(workspace)["PolicyPaused"] == 1


def test_what_a_person_has_seen_does_not_pause_it_again(workspace: LocalWorkspace) -> None:
    rolled_back(workspace, 0.1)
    rolled_back(workspace, 0.2)
    reconcile(workspace)
    advance(workspace, 60)
    ops.resume_policy(workspace, name="halves", environment="production", reason="seen")
    reconcile(workspace)
    advance(workspace, 60)
    rolled_back(workspace, 0.3)
    assert "paused" not in kinds(reconcile(workspace))
    rolled_back(workspace, 0.4)
    assert "paused" in kinds(reconcile(workspace))


def test_a_resumption_under_a_clock_that_stood_ahead_does_not_excuse_what_comes_after(
    workspace: LocalWorkspace,
) -> None:
    years = 50 * 365 * DAY
    advance(workspace, years)
    rolled_back(workspace, 0.1)
    ops.pause_policy(workspace, name="halves", environment="production", reason="the clock")
    ops.resume_policy(workspace, name="halves", environment="production")
    advance(workspace, -years)
    rolled_back(workspace, 0.2)
    assert "paused" not in kinds(reconcile(workspace))
    rolled_back(workspace, 0.3)
    assert "paused" in kinds(reconcile(workspace))


def test_rollbacks_by_hand_or_long_ago_are_no_cycle(workspace: LocalWorkspace) -> None:
    rolled_back(workspace, 0.1)
    advance(workspace, 8 * DAY)
    released(workspace, 0.2)
    rollback(workspace, name="halves")
    rolled_back(workspace, 0.3)
    assert "paused" not in kinds(reconcile(workspace))


def test_by_hand_it_goes_at_once_in_quiet_hours_too(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'quiet = ["08:00-10:00"]\n[policy.data]'))
    judged_rows(workspace, 3)
    asked = ask(workspace, "the boss wants it")
    assert kinds(take_on(workspace))[-1] == "released"
    found = ops.show_retraining(workspace, retraining=asked.id)
    assert (found.trigger, found.says) == ("hand", "the boss wants it")
    assert found.cause.startswith("person:person_")


def test_by_hand_it_is_refused_while_another_version_is_on_its_way(workspace: LocalWorkspace) -> None:
    released(workspace, 0.1)
    with pytest.raises(RolloutActive, match="halves@2 is on its way"):
        ask(workspace, None)


def test_by_hand_it_is_refused_under_an_unsound_policy(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'time_zone = "Mars"\n[policy.data]'))
    with pytest.raises(PolicyInvalid, match="Mars"):
        ask(workspace, None)


def test_a_second_controller_is_refused(workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller"), pytest.raises(LeaseHeld, match="controller is run by"):
        reconcile(workspace)


def test_one_that_slept_through_its_term_writes_nothing_more(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 40)

    def sleep(_: object) -> None:
        advance(workspace, 61)
        take_lease(other, "controller")

    with LocalWorkspace(workspace.root, actor="other", clock=workspace.clock) as other:
        with pytest.raises(LeaseLost, match="taken over"):
            reconcile(workspace, progress=_once(sleep))
        (open_one,) = ops.open_retrainings(workspace)
        assert open_one.stage == "data"
        advance(workspace, 61)
        assert kinds(reconcile(other))[-1] == "released"
    counted = count_verbs(workspace)
    assert counted["RetrainingEnded"] == counted["RolloutStarted"] == counted["FeedbackCollected"] == 1


def _once(function):
    called: list[bool] = []

    def call(event: object) -> None:
        if not called:
            called.append(True)
            function(event)

    return call


def test_the_loop_tells_only_what_is_new_and_ends_when_told(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    judged_rows(workspace, 40)
    stop, told = threading.Event(), []

    def tell(actions: list[Action]) -> None:
        told.extend(kinds(actions))
        if told.count("waiting") and "released" not in told:
            with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
                approve_model(ben, ref="halves@2")
        if "released" in told:
            stop.set()

    run(workspace, every_s=0.01, stop=stop, tell=tell)
    assert told.count("waiting") == 1
    assert told[-1] == "released"
    with take_lease(workspace, "controller"):
        pass


def test_a_clock_that_cannot_be_read_for_a_while_does_not_end_the_loop(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    clock.set(START)
    stop, told = threading.Event(), []

    def tell(actions: list[Action]) -> None:
        told.extend(actions)
        if "error" not in kinds(told):
            clock.path.write_text("nobody knows")
        elif "released" in kinds(actions):
            stop.set()
        else:
            clock.set(START)

    with live_project(tmp_path / "p", clock=clock) as workspace:
        settings(workspace, POLICY.replace("by-rule", "two-person"))
        judged_rows(workspace, 40)
        with LocalWorkspace(workspace.root, actor="ben", clock=FileClock(tmp_path / "other")) as ben:
            ben.clock.set(START)
            run(workspace, every_s=0.01, stop=stop, tell=_then_approve(tell, ben))
    assert {each.subject for each in told if each.kind == "error"} >= {"lease", "monitoring"}


def _then_approve(tell, ben: LocalWorkspace):
    """Tell, and let a person approve once the clock could not be read."""

    def call(actions: list[Action]) -> None:
        tell(actions)
        if "error" in kinds(actions):
            approve_model(ben, ref="halves@2")

    return call


ROUNDS = """
import sys, threading
from pathlib import Path
from ropeway.continuous.controller import run
import ropeway.continuous.retraining.collect, ropeway.models.gate, ropeway.models.exam
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import FileClock
root = Path(sys.argv[1])
workspace = LocalWorkspace(root, actor="controller", clock=FileClock(root / "clock"))
print("ready", flush=True)
run(workspace, every_s=0.01, stop=threading.Event(), tell=lambda actions: None)
"""


@pytest.mark.slow
def test_killed_at_any_point_another_carries_on_and_nothing_happens_twice(tmp_path: Path) -> None:
    chance, kills, begun = random.Random(20260302), 0, 0
    clock = FileClock(tmp_path / "p" / "clock")
    with live_project(tmp_path / "p", clock=clock) as workspace:
        clock.set(START)
        longest = 1.0
        while kills < KILLS or ops.open_retrainings(workspace):
            past = ops.list_retrainings(workspace)
            if kills < KILLS and len(past) == begun and not ops.open_retrainings(workspace):
                begun += 1
                _ask_for_another(workspace, clock, begun)
            killed_after = _kill_one(workspace.root, chance.uniform(0, longest))
            kills += 1
            assert killed_after == -signal.SIGKILL
        _check_nothing_twice(workspace, begun)


def _ask_for_another(workspace: LocalWorkspace, clock: FileClock, number: int) -> None:
    """End the rollout of the one before, and let people judge more predictions."""
    for rollout in list_rollouts(workspace, active=True):
        end_rollout(workspace, rollout=rollout.id)
    clock.set(START + timedelta(days=20 * number))
    judged_rows(workspace, 40, limit=30 + number % 4, start=17 * number)


def _kill_one(root: Path, after_s: float) -> int:
    process = subprocess.Popen([sys.executable, "-c", ROUNDS, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
        return process.wait()


def _check_nothing_twice(workspace: LocalWorkspace, begun: int) -> None:
    retrainings = ops.list_retrainings(workspace)
    # The last one may not have been asked for before the last kill.
    assert begun - 1 <= len(retrainings) <= begun
    assert begun >= 2
    assert {each.outcome for each in retrainings} <= {"released", "no-new-data", "refused-by-gate"}
    events: Counter[tuple[str, str]] = Counter()
    with workspace.ledger.reading() as connection:
        for fact in workspace.ledger.facts(connection):
            event = fact.event
            key = getattr(event, "retraining", "") or f"{event.subject()}"
            events[type(event).__name__, f"{key} {getattr(event, 'stage', '')}"] += 1
    once = (
        "RetrainingTriggered",
        "RetrainingAdvanced",
        "RetrainingEnded",
        "FeedbackCollected",
        "DatasetArrived",
        "ModelRegistered",
        "GateEvaluated",
        "ApprovedByRule",
        "RolloutStarted",
    )
    assert [key for key, count in events.items() if key[0] in once and count > 1] == []
    by_name = Counter(name for name, _ in events)
    outcomes = Counter(each.outcome for each in retrainings)
    assert by_name["RolloutStarted"] == outcomes["released"]
    assert by_name["ModelPromoted"] == 1
    tables = ops.list_retrainings(workspace), list_models(workspace)
    workspace.ledger.rebuild()
    assert tables == (ops.list_retrainings(workspace), list_models(workspace))
