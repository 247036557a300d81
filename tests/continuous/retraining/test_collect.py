"""Rows to learn from, made of what people said of predictions."""

from datetime import timedelta
from pathlib import Path

import pytest
from retrained import POLICY, PROJECT, START, answer, judged_rows, live_project, project, put_live, say

from ropeway.continuous.retraining.collect import gather, put_together
from ropeway.continuous.retraining.errors import InputsNotKept, KeyNotCarried
from ropeway.continuous.retraining.operations import record_collected, trigger
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace


def gathered(workspace: LocalWorkspace):
    return gather(workspace, workspace.project.policy, "halves")


def collect(workspace: LocalWorkspace) -> LocalWorkspace:
    begun = trigger(workspace, name="halves", environment="production", trigger="hand")
    made = put_together(workspace, workspace.project.policy, "halves", gathered(workspace))
    record_collected(workspace, retraining=begun.id, gathered=made)
    return workspace


def rewrite(workspace: LocalWorkspace, extra: str) -> None:
    (workspace.root / "ropeway.toml").write_text(PROJECT + POLICY + extra)


def test_judged_predictions_become_rows_of_the_data(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 30)
        found = gathered(workspace)
        assert (found.rows.height, found.fresh, found.known, found.unusable) == (30, 30, 0, 0)
        assert found.rows.columns == ["id", "x", "label"]
        assert found.models == ["halves@1"]


def test_predictions_without_truth_are_left_alone(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        answer(workspace, [{"x": 1.0}] * 5)
        assert gathered(workspace).rows.height == 0


def test_the_latest_truth_holds(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        (identity,) = answer(workspace, [{"x": 1.5}])
        say(workspace, {identity: "high"})
        say(workspace, {identity: "low"}, at=workspace.clock.now() + timedelta(hours=2))
        assert gathered(workspace).rows["label"].to_list() == ["low"]


def test_a_carried_key_names_the_row_and_comes_once(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        ids = answer(workspace, [{"x": 1.5}, {"x": 2.5}], carried=[{"id": "new"}, {"id": "new"}])
        say(workspace, {ids[0]: "low"}, at=workspace.clock.now() + timedelta(hours=3))
        say(workspace, {ids[1]: "high"}, at=workspace.clock.now() + timedelta(hours=2))
        assert gathered(workspace).rows.rows() == [("new", 1.5, "low")]


def test_a_row_that_the_data_has_stays_as_it_is(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        (identity,) = answer(workspace, [{"x": 59.0}], carried=[{"id": "r118"}])
        say(workspace, {identity: "low"})
        found = gathered(workspace)
        assert (found.rows.height, found.known) == (0, 1)


def test_values_of_another_kind_are_counted_and_not_used(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        ids = answer(workspace, [{"x": "many"}, {"x": None}, {"x": 3}])
        say(workspace, dict.fromkeys(ids, "low"))
        found = gathered(workspace)
        assert found.unusable == 1
        assert sorted(found.rows["x"].to_list(), key=str) == [3.0, None]


def test_old_predictions_of_other_models_and_environments_are_passed_over(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        old = answer(workspace, [{"x": 1.0}], at=workspace.clock.now() - timedelta(days=91))
        other = answer(workspace, [{"x": 1.0}], model="halves-b@1")
        say(workspace, dict.fromkeys(old + other, "low"))
        assert gathered(workspace).rows.height == 0


def test_collecting_again_gives_the_same_version(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 30)
        policy = workspace.project.policy
        first = put_together(workspace, policy, "halves", gathered(workspace))
        again = put_together(workspace, policy, "halves", gathered(workspace))
        assert first.found.version == again.found.version


def test_what_was_collected_is_not_new_any_more(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 30)
        collect(workspace)
        found = gathered(workspace)
        assert (found.rows.height, found.fresh, found.known) == (0, 0, 30)
        version = resolve(workspace, "numbers")
        assert (version.ordinal, version.rows, version.is_trainable) == (2, 150, True)
        assert version.source == "numbers@v1 and feedback on 'halves' in production"


def test_what_was_collected_under_a_clock_that_stood_ahead_makes_nothing_old(tmp_path: Path) -> None:
    """Once all feedback for decades counted as collected."""
    clock = FixedClock(START)
    with live_project(tmp_path / "p", clock=clock) as workspace:
        clock.advance(seconds=50 * 365 * 86_400)
        judged_rows(workspace, 30)
        collect(workspace)
        clock.advance(seconds=-50 * 365 * 86_400)
        judged_rows(workspace, 10, start=50)
        assert gathered(workspace).fresh == 10


def test_columns_that_nobody_asked_of_the_model_are_empty(tmp_path: Path) -> None:
    with project(tmp_path / "p") as workspace:
        path = workspace.root / "numbers.csv"
        rows = [f"r{n},{n / 2},{'high' if n >= 60 else 'low'},{'some' if n < 4 else ''}" for n in range(120)]
        path.write_text("id,x,label,remark\n" + "\n".join(rows))
        add(workspace, path, name="numbers", new_contract=True)
        put_live(workspace)
        judged_rows(workspace, 30)
        collect(workspace)
        frame = load(workspace, resolve(workspace, "numbers"))
        assert frame["remark"].tail(30).null_count() == 30


def test_a_version_that_breaks_the_contract_is_on_record_and_the_next_is_made_of_the_sound_one(
    tmp_path: Path,
) -> None:
    with live_project(tmp_path / "p") as workspace:
        ids = answer(workspace, [{"x": 900_000.0 + n} for n in range(30)])
        say(workspace, dict.fromkeys(ids, "high"))
        collect(workspace)
        broken = resolve(workspace, "numbers")
        assert not broken.is_trainable
        assert gathered(workspace).base.ordinal == 1
        # They were collected before: what is asked for next is something new.
        assert gathered(workspace).fresh == 0


@pytest.mark.parametrize("way", ["hashed", "dropped"])
def test_a_log_that_does_not_keep_the_inputs_is_refused(tmp_path: Path, way: str) -> None:
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 30)
        rewrite(workspace, f'[log]\ncolumns = {{x = "{way}"}}\n')
        with pytest.raises(InputsNotKept, match=f"'x' is {way}"):
            gathered(workspace)


def test_numbered_rows_ask_for_a_carried_key(tmp_path: Path) -> None:
    with project(tmp_path / "p") as workspace:
        path = workspace.root / "numbers.csv"
        rows = [f"{n},{n / 2},{'high' if n >= 60 else 'low'}" for n in range(120)]
        path.write_text("id,x,label\n" + "\n".join(rows))
        add(workspace, path, name="numbers", new_contract=True)
        put_live(workspace)
        ids = answer(workspace, [{"x": 1.0}, {"x": 2.0}])
        say(workspace, dict.fromkeys(ids, "low"))
        with pytest.raises(KeyNotCarried, match="carry no 'id'"):
            gathered(workspace)
        more = answer(workspace, [{"x": 1.0}], carried=[{"id": 500}])
        say(workspace, dict.fromkeys(more, "low"))
        found = gathered(workspace)
        assert (found.rows["id"].to_list(), found.unusable) == ([500], 2)
