"""What asks for a retraining, and what holds it back without losing it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from retrained import POLICY, PROJECT, answer, bring, judged_rows, live_project, say

from ropeway.continuous.retraining import operations as ops
from ropeway.continuous.retraining.triggers import Feed, Pending, pending
from ropeway.core.ids import new_id
from ropeway.data.recheck import check_version
from ropeway.models.operations import recall_model
from ropeway.monitoring.events import AlertRaised, AlertResolved
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace

SCHEDULE = POLICY.replace(
    'triggers = ["new-data", "drift", "degradation"]',
    'triggers = ["schedule"]\nschedule = "0 3 * * *"\ntime_zone = "Europe/Berlin"',
)
DAY = 86_400


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    with live_project(tmp_path / "p") as made:
        yield made


def asked(workspace: LocalWorkspace) -> list[Pending]:
    return pending(workspace, workspace.project.policy, "halves", Feed(workspace))


def advance(workspace: LocalWorkspace, seconds: float) -> None:
    clock = workspace.clock
    assert isinstance(clock, FixedClock)
    clock.advance(seconds=seconds)


def settings(workspace: LocalWorkspace, policy: str) -> None:
    (workspace.root / "ropeway.toml").write_text(PROJECT + policy)


def adopt(workspace: LocalWorkspace) -> None:
    ops.adopt_policy(workspace, name="halves", environment="production")


def alert(workspace: LocalWorkspace, when: str = "drift", *, number: int = 1) -> str:
    identity = new_id("alert")
    now = workspace.clock.now()
    with workspace._context() as context:
        context.append(
            AlertRaised(
                id=identity,
                rule=when,
                when=when,
                severity="warn",
                name="halves",
                number=number,
                environment="production",
                start=now - timedelta(days=1),
                end=now,
                figure=0.4,
                limit=0.1,
                columns=["x"],
                says=f"{when} of x",
                next_step="ropeway monitor",
                sinks=[],
            )
        )
    return identity


def resolve(workspace: LocalWorkspace, identity: str) -> None:
    with workspace._context() as context:
        context.append(
            AlertResolved(
                id=identity, name="halves", number=1, environment="production", says="over", sinks=[]
            )
        )


def ended(workspace: LocalWorkspace, trigger: str, cause: str, outcome: str = "failed") -> None:
    begun = ops.trigger(
        workspace, name="halves", environment="production", trigger=trigger, cause=cause, live="halves@1"
    )
    ops.end(workspace, retraining=begun.id, outcome=outcome, says="for the test")


def test_nothing_asks_when_nothing_happened(workspace: LocalWorkspace) -> None:
    assert asked(workspace) == []


def test_enough_judged_predictions_are_new_data(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 19)
    assert asked(workspace) == []
    judged_rows(workspace, 1)
    (found,) = asked(workspace)
    assert (found.trigger, found.cause, found.held) == ("new-data", "feedback:halves@1/production", [])


def test_a_new_version_of_the_data_is_new_data_once(workspace: LocalWorkspace) -> None:
    bring(workspace, [("s", row, row / 2, row / 2 >= 30) for row in range(130)])
    (found,) = asked(workspace)
    assert found.cause.startswith("dataset:numbers@")
    ended(workspace, "new-data", found.cause)
    advance(workspace, 2 * DAY)
    assert asked(workspace) == []


def test_data_that_breaks_its_contract_asks_for_nothing(workspace: LocalWorkspace) -> None:
    bring(workspace, [("s", row, row * 1e6, row >= 30) for row in range(130)])
    assert asked(workspace) == []


@pytest.mark.parametrize("when", ["drift", "degradation"])
def test_an_alert_asks_and_waits_until_there_is_something_to_learn(
    workspace: LocalWorkspace, when: str
) -> None:
    identity = alert(workspace, when)
    (found,) = asked(workspace)
    assert (found.trigger, found.cause) == (when, f"alert:{identity}")
    assert found.held == ["there is too little to learn from: 0 new judged predictions of 20"]
    judged_rows(workspace, 25)
    assert asked(workspace)[0] == Pending(trigger=when, cause=f"alert:{identity}", says=f"{when} of x")


def test_an_alert_that_is_over_or_was_answered_asks_no_more(workspace: LocalWorkspace) -> None:
    first = alert(workspace)
    resolve(workspace, first)
    assert asked(workspace) == []
    second = alert(workspace)
    ended(workspace, "drift", f"alert:{second}", "released")
    advance(workspace, 2 * DAY)
    assert asked(workspace) == []
    alert(workspace)
    assert len(asked(workspace)) == 1


@pytest.mark.parametrize("outcome", ["refused-by-gate", "data-refused", "failed", "rejected"])
def test_an_alert_asks_again_when_its_retraining_brought_nothing(
    workspace: LocalWorkspace, outcome: str
) -> None:
    """Once a version was refused, the same alert stood for months and nothing was tried again."""
    identity = alert(workspace)
    ended(workspace, "drift", f"alert:{identity}", outcome)
    advance(workspace, 2 * DAY)
    (found,) = asked(workspace)
    assert found.held == ["there is too little to learn from: 0 new judged predictions of 20"]
    judged_rows(workspace, 25)
    first = asked(workspace)[0]
    assert (first.trigger, first.held) == ("drift", [])


def test_alerts_of_other_versions_ask_for_nothing(workspace: LocalWorkspace) -> None:
    alert(workspace, number=7)
    assert asked(workspace) == []


def test_an_alert_outlives_a_schedule_that_found_nothing_to_learn(workspace: LocalWorkspace) -> None:
    identity = alert(workspace)
    advance(workspace, 60)
    ended(workspace, "schedule", "time:x", "no-new-data")
    assert [each.cause for each in asked(workspace)] == [f"alert:{identity}"]


def test_degradation_comes_before_drift_before_new_data(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 30)
    alert(workspace, "drift")
    alert(workspace, "degradation")
    assert [each.trigger for each in asked(workspace)] == ["degradation", "drift", "new-data"]


def test_a_missed_schedule_asks_once(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    assert asked(workspace) == []
    adopt(workspace)
    advance(workspace, 4.5 * DAY)
    (found,) = asked(workspace)
    assert found.cause == "time:2026-03-06T02:00:00.000000Z"
    assert found.says == "due Fri 2026-03-06 03:00 Europe/Berlin"
    ended(workspace, "schedule", found.cause, "no-new-data")
    assert asked(workspace) == []
    advance(workspace, DAY)
    assert len(asked(workspace)) == 1


def test_times_before_a_schedule_was_adopted_do_not_count(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    adopt(workspace)
    advance(workspace, 3 * DAY)
    settings(workspace, SCHEDULE.replace("0 3 * * *", "0 4 * * *"))
    adopt(workspace)
    assert asked(workspace) == []


def test_another_setting_leaves_the_schedule_as_it_was(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    adopt(workspace)
    advance(workspace, 3 * DAY)
    settings(workspace, SCHEDULE.replace('cooldown = "1d"', 'cooldown = "2d"'))
    adopt(workspace)
    assert len(asked(workspace)) == 1


def test_a_clock_that_jumps_back_asks_for_nothing_again(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    adopt(workspace)
    advance(workspace, 2 * DAY)
    (found,) = asked(workspace)
    ended(workspace, "schedule", found.cause, "no-new-data")
    advance(workspace, -1.5 * DAY)
    assert asked(workspace) == []


YEARS = 50 * 365 * DAY


def test_a_clock_that_once_stood_years_ahead_holds_nothing_back(workspace: LocalWorkspace) -> None:
    """Once the cool-down lasted until 2076, and the budget was used up until then."""
    advance(workspace, YEARS)
    for number in range(4):
        ended(workspace, "hand", f"person:{number}")
    advance(workspace, -YEARS)
    judged_rows(workspace, 30)
    (found,) = asked(workspace)
    assert found.held == []


def test_after_a_clock_stood_years_ahead_cool_down_and_budget_hold_as_ever(workspace: LocalWorkspace) -> None:
    """The record's times never run backwards: all that followed was as late as the jump."""
    advance(workspace, YEARS)
    ended(workspace, "hand", "person:0")
    advance(workspace, -YEARS)
    judged_rows(workspace, 30)
    for number in range(4):
        ended(workspace, "hand", f"person:{number + 1}")
    cool, budget = asked(workspace)[0].held
    assert cool == "the last retraining ended less than 1d ago: until 2026-03-03 09:00"
    assert budget == "4 of 4 retrainings in 30d are used up"
    advance(workspace, 31 * DAY)
    assert asked(workspace)[0].held == []


def test_an_alert_after_a_retraining_under_a_clock_that_stood_ahead_asks(workspace: LocalWorkspace) -> None:
    """Once no alert was as late as that retraining, for decades."""
    advance(workspace, YEARS)
    ended(workspace, "hand", "person:x", "released")
    advance(workspace, -YEARS)
    identity = alert(workspace)
    assert [each.cause for each in asked(workspace)] == [f"alert:{identity}"]


def test_a_schedule_adopted_under_a_clock_that_stood_ahead_is_due_again(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    advance(workspace, YEARS)
    adopt(workspace)
    ended(workspace, "schedule", "time:2076-01-01T02:00:00.000000Z")
    advance(workspace, -YEARS)
    (found,) = asked(workspace)
    assert found.cause == "time:2026-03-02T02:00:00.000000Z"
    ended(workspace, "schedule", found.cause, "no-new-data")
    assert asked(workspace) == []


def test_a_clock_that_is_set_back_a_little_forgets_no_cool_down(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 30)
    ended(workspace, "hand", "person:x")
    advance(workspace, -3600)
    assert "ended less than 1d ago" in asked(workspace)[0].held[0]


def test_quiet_hours_hold_back_and_say_until_when(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'quiet = ["08:00-10:30"]\n[policy.data]'))
    judged_rows(workspace, 30)
    assert asked(workspace)[0].held == ["quiet hours until 10:30"]
    advance(workspace, 2 * 3600)
    assert asked(workspace)[0].held == []


def test_the_cool_down_holds_back(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 30)
    ended(workspace, "hand", "person:x")
    assert asked(workspace)[0].held == ["the last retraining ended less than 1d ago: until 2026-03-03 09:00"]
    advance(workspace, DAY + 1)
    assert asked(workspace)[0].held == []


def test_the_budget_holds_back(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 30)
    for number in range(4):
        ended(workspace, "hand", f"person:{number}")
    advance(workspace, 2 * DAY)
    assert asked(workspace)[0].held == ["4 of 4 retrainings in 30d are used up"]
    advance(workspace, 29 * DAY)
    assert asked(workspace)[0].held == []


def test_a_pause_an_open_retraining_and_a_rollout_hold_back(workspace: LocalWorkspace) -> None:
    from ropeway.continuous.retraining.saga import carry_on

    judged_rows(workspace, 30)
    begun = ops.trigger(workspace, name="halves", environment="production", trigger="hand", live="halves@1")
    assert asked(workspace)[0].held == [f"{begun.id} is not over: it stands at 'triggered'"]
    carry_on(workspace, begun, workspace.project.policy)
    ops.pause_policy(workspace, name="halves", environment="production", reason="lunch")
    advance(workspace, 60)
    judged_rows(workspace, 30, start=60)
    held = asked(workspace)[0].held
    assert held[0] == "the policy is paused: lunch"
    assert held[1].startswith("a version is on its way to production: halves@2 (rollout_")


def test_nothing_begins_where_nothing_is_live(workspace: LocalWorkspace) -> None:
    settings(workspace, SCHEDULE)
    adopt(workspace)
    recall_model(workspace, ref="halves@1", reason="harm")
    advance(workspace, DAY)
    assert asked(workspace)[0].held == ["nothing of 'halves' is live in production"]


def test_a_log_that_keeps_nothing_says_why_it_is_no_data(workspace: LocalWorkspace) -> None:
    judged_rows(workspace, 30)
    alert(workspace)
    settings(workspace, POLICY + '[log]\ncolumns = {x = "dropped"}\n')
    (found,) = asked(workspace)
    assert "'x' is dropped" in found.held[0]


def test_predictions_that_cannot_be_used_are_told(workspace: LocalWorkspace) -> None:
    alert(workspace)
    say(workspace, dict.fromkeys(answer(workspace, [{"x": "many"}] * 3), "low"))
    (found,) = asked(workspace)
    assert found.held[0].endswith(
        "0 new judged predictions of 20; 3 of 3 judged predictions (100.0%) are left out "
        "(3: 'x' lacks a value or has one of another kind)"
    )


def test_data_that_was_refused_asks_again_when_its_contract_was_reviewed(workspace: LocalWorkspace) -> None:
    alert(workspace)
    ids = answer(workspace, [{"x": 900.0 + n} for n in range(30)])
    say(workspace, dict.fromkeys(ids, "high"))
    assert asked(workspace)[0].held == []
    ended(workspace, "drift", "alert:x", "data-refused")
    advance(workspace, 2 * DAY)
    (found,) = asked(workspace)
    assert "30 of 30 judged predictions (100.0%) are left out (30: 'x' is not 0 to " in found.held[0]
    assert found.held[0].endswith("edit contracts/numbers.toml, then ropeway data check numbers")
    contract = workspace.root / "contracts" / "numbers.toml"
    contract.write_text(re.sub(r"max = [0-9.]+", "max = 1000", contract.read_text()))
    assert "ropeway data check" in asked(workspace)[0].held[0] or asked(workspace)[0].held
    check_version(workspace, "numbers")
    assert [(each.trigger, each.held) for each in asked(workspace)] == [("drift", []), ("new-data", [])]


def test_data_that_was_refused_asks_again_when_more_was_judged(workspace: LocalWorkspace) -> None:
    alert(workspace)
    ids = answer(workspace, [{"x": 900.0 + n} for n in range(30)])
    say(workspace, dict.fromkeys(ids, "high"))
    ended(workspace, "drift", "alert:x", "data-refused")
    advance(workspace, 2 * DAY)
    judged_rows(workspace, 5)
    assert asked(workspace)[0].held == []


def test_the_feed_counts_anew_only_when_something_changed(workspace: LocalWorkspace) -> None:
    feed, policy = Feed(workspace), workspace.project.policy
    judged_rows(workspace, 5)
    assert feed.new_rows(policy, "halves").count == 5
    first = feed._found
    assert feed.new_rows(policy, "halves") is first
    judged_rows(workspace, 5, start=5)
    assert feed.new_rows(policy, "halves").count == 10
