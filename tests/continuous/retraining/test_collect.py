"""Rows to learn from, made of what people said of predictions."""

from datetime import timedelta
from pathlib import Path

import pytest
from retrained import POLICY, PROJECT, START, answer, judged_rows, live_project, project, put_live, say

from ropeway.continuous.retraining.collect import gather, put_together, require_within_contract
from ropeway.continuous.retraining.errors import FeedbackOutsideContract, InputsNotKept, KeyNotCarried
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
        assert (found.unusable, found.rows["x"].to_list()) == (2, [3.0])
        assert "1: 'x' lacks a value or has one of another kind; 1: 'x' has no value" in found.left_out


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


CHECKS = """
from ropeway import check


@check("numbers")
def high_is_high(rows):
    return rows.filter((rows["label"] == "high") & (rows["x"] < 10))
"""


def test_a_version_that_is_refused_is_on_record_and_what_it_held_is_new_still(tmp_path: Path) -> None:
    """Once feedback counted as collected that nobody had learnt from."""
    with live_project(tmp_path / "p") as workspace:
        (workspace.root / "checks.py").write_text(CHECKS)
        ids = answer(workspace, [{"x": 1.0 + n / 10} for n in range(30)])
        say(workspace, dict.fromkeys(ids, "high"))
        collect(workspace)
        broken = resolve(workspace, "numbers")
        assert not broken.is_trainable
        found = gathered(workspace)
        assert (found.base.ordinal, found.fresh) == (1, 30)


def test_a_row_that_breaks_the_contract_is_left_out_and_told(tmp_path: Path) -> None:
    """Once one bad row had every retraining refused."""
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 40)
        say(workspace, dict.fromkeys(answer(workspace, [{"x": 900_000.0}]), "high"))
        found = gathered(workspace)
        assert (found.rows.height, found.unusable, found.outside) == (40, 1, "")
        assert found.left_out.startswith(
            "1 of 41 judged predictions (2.4%) are left out (1: 'x' is not 0 to "
        )
        assert "900" not in found.left_out
        require_within_contract(found)
        collect(workspace)
        assert resolve(workspace, "numbers").is_trainable


@pytest.mark.parametrize(
    ("row", "truth"), [({"x": 900.0}, "high"), ({"x": 3.0}, "middling"), ({"x": None}, "low")]
)
def test_many_rows_that_break_the_contract_are_not_left_out_unseen(
    tmp_path: Path, row: dict[str, object], truth: str
) -> None:
    """What the world has become is what a model should learn; without it, it would learn of a picked one."""
    with live_project(tmp_path / "p") as workspace:
        contract = workspace.root / "contracts" / "numbers.toml"
        assert "nulls = 0" in contract.read_text()
        judged_rows(workspace, 40)
        say(workspace, dict.fromkeys(answer(workspace, [row] * 3), truth))
        with pytest.raises(FeedbackOutsideContract, match=r"3 of 43 judged predictions \(7.0%\)") as refused:
            require_within_contract(gathered(workspace))
        assert refused.value.next_step == "review contracts/numbers.toml, and: ropeway data check numbers"


@pytest.mark.parametrize("way", ["hashed", "dropped"])
def test_what_the_log_once_did_not_keep_is_no_row_though_it_keeps_it_now(tmp_path: Path, way: str) -> None:
    """Once digests became training data."""
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 5)
        row = {"x": 7.5} if way == "hashed" else {"x": None}
        say(workspace, dict.fromkeys(answer(workspace, [row] * 3, **{way: ["x"]}), "low"))
        found = gathered(workspace)
        assert (found.rows.height, found.unusable) == (5, 3)
        assert "3: 'x' was not kept in the log" in found.left_out


def test_a_hashed_key_names_no_row(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        carried = [{"id": "3f2a"}]
        say(workspace, dict.fromkeys(answer(workspace, [{"x": 1.0}], carried=carried, hashed=["id"]), "low"))
        found = gathered(workspace)
        assert (found.rows.height, found.unusable) == (0, 1)


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
