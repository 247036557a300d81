"""A retraining from trigger to its end, and taken on from wherever it stood."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from retrained import PIPELINE, POLICY, PROJECT, answer, bring, judged_rows, live_project, say

from ropeway.continuous.retraining import operations as ops
from ropeway.continuous.retraining.collect import gather, put_together
from ropeway.continuous.retraining.errors import (
    MadeByHand,
    PolicyPausedNow,
    RetrainingMoved,
    RetrainingUnderway,
)
from ropeway.continuous.retraining.operations import Retraining
from ropeway.continuous.retraining.saga import carry_on
from ropeway.continuous.rollouts import moves
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.data.operations import list_versions
from ropeway.models.operations import (
    approve_model,
    gate_model,
    list_models,
    promote_model,
    recall_model,
    reject_model,
)
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.tracking.operations import search_runs
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    """A model that is live, and sixty judged predictions that it has not learnt from."""
    with live_project(tmp_path / "p") as made:
        judged_rows(made, 60)
        yield made


def begin(workspace: LocalWorkspace, trigger: str = "new-data") -> Retraining:
    return ops.trigger(
        workspace, name="halves", environment="production", trigger=trigger, cause="x:y", live="halves@1"
    )


def go_on(workspace: LocalWorkspace, begun: Retraining) -> Retraining:
    carry_on(workspace, begun, workspace.project.policy)
    return ops.show_retraining(workspace, retraining=begun.id)


def settings(workspace: LocalWorkspace, policy: str, pipeline: str = PIPELINE) -> None:
    (workspace.root / "ropeway.toml").write_text(PROJECT + policy)
    (workspace.root / "pipeline.py").write_text(pipeline)


def verbs(workspace: LocalWorkspace) -> list[str]:
    with workspace.ledger.reading() as connection:
        return [type(fact.event).__name__ for fact in workspace.ledger.facts(connection)]


def test_feedback_becomes_data_a_version_and_a_rollout(workspace: LocalWorkspace) -> None:
    done = go_on(workspace, begin(workspace))
    assert (done.outcome, done.version, done.passed) == ("released", "halves@2", True)
    assert list_versions(workspace, name="numbers")[-1].rows == 180
    (rollout,) = list_rollouts(workspace, active=True)
    assert (rollout.ref, rollout.retraining, rollout.rule) == (
        "halves@2",
        done.id,
        "policy: retraining after new-data",
    )
    assert done.rollout == rollout.id


def test_the_tables_come_out_of_a_replay_as_they_were(workspace: LocalWorkspace) -> None:
    go_on(workspace, begin(workspace))
    ops.pause_policy(workspace, name="halves", environment="production", reason="lunch")
    before = (
        ops.list_retrainings(workspace),
        ops.policy_standing(workspace, name="halves", environment="production"),
    )
    workspace.ledger.rebuild()
    assert before == (
        ops.list_retrainings(workspace),
        ops.policy_standing(workspace, name="halves", environment="production"),
    )


def test_lineage_leads_from_the_model_back_to_what_triggered_it(workspace: LocalWorkspace) -> None:
    begun = ops.trigger(
        workspace, name="halves", environment="production", trigger="drift", cause="alert:a1", live="halves@1"
    )
    done = go_on(workspace, begun)
    with workspace.ledger.reading() as connection:
        edges = {
            (edge.upstream, edge.downstream)
            for fact in workspace.ledger.facts(connection)
            for edge in fact.event.edges()
        }
    version = list_versions(workspace, name="numbers")[-1]
    way = [
        ("alert:a1", f"retraining:{done.id}"),
        ("feedback:halves@1/production", version.reference),
        (version.reference, f"retraining:{done.id}"),
        (f"retraining:{done.id}", f"run:{done.run}"),
        (f"run:{done.run}", "model:halves@2"),
    ]
    assert set(way) <= edges


def test_without_anything_new_it_ends_and_says_so(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        judged_rows(workspace, 5)
        done = go_on(workspace, begin(workspace, "schedule"))
        assert done.outcome == "no-new-data"
        assert "5 new judged predictions are fewer than 20" in done.ended_says
        assert not done.run


def test_by_hand_it_trains_on_what_there_is_and_finds_the_live_version_again(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        done = go_on(workspace, begin(workspace, "hand"))
        assert (done.outcome, done.version) == ("no-new-data", "halves@1")


def test_by_hand_a_changed_pipeline_makes_a_new_version(tmp_path: Path) -> None:
    with live_project(tmp_path / "p") as workspace:
        settings(workspace, POLICY, PIPELINE.replace("shift: float = 0.0", "shift: float = 0.5"))
        done = go_on(workspace, begin(workspace, "hand"))
        assert (done.outcome, done.version) == ("released", "halves@2")


def test_a_new_dataset_version_is_learnt_from_without_feedback(tmp_path: Path) -> None:
    with live_project(tmp_path / "p", policy=POLICY + "feedback = false\n") as workspace:
        bring(workspace, [("s", row, row / 2, row / 2 >= 40) for row in range(160)])
        done = go_on(workspace, begin(workspace))
        assert done.outcome == "released"
        assert done.dataset == list_versions(workspace, name="numbers")[-1].reference


def test_data_that_breaks_its_contract_is_not_learnt_from(workspace: LocalWorkspace) -> None:
    path = workspace.root / "contracts" / "numbers.toml"
    path.write_text(path.read_text().replace("[columns.x]", "[columns.x]\nmax = 12.0\n#", 1))
    text = path.read_text().split("\n")
    path.write_text("\n".join(text))
    done = go_on(workspace, begin(workspace))
    assert done.outcome in ("data-refused", "failed")
    assert not done.run


def test_a_version_that_the_gate_refuses_is_not_released(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", "params = {shift = 200.0}\n[policy.data]"))
    done = go_on(workspace, begin(workspace))
    assert (done.outcome, done.passed) == ("refused-by-gate", False)
    assert list_rollouts(workspace) == []


def test_a_version_that_only_is_not_better_for_certain_may_be_left_to_the_rollout(
    workspace: LocalWorkspace,
) -> None:
    file = workspace.root / "ropeway.toml"
    file.write_text(file.read_text().replace("[gate]", "[gate]\nmin_gain = 0.5"))
    done = go_on(workspace, begin(workspace))
    assert done.outcome == "refused-by-gate"
    assert "a negative [gate] min_gain keeps out only what is clearly worse" in done.ended_says


def test_a_pipeline_that_raises_ends_it_with_its_code(workspace: LocalWorkspace) -> None:
    settings(
        workspace,
        POLICY,
        PIPELINE.replace("    high = rows.filter", '    raise ValueError("no")\n    high = rows.filter', 1),
    )
    done = go_on(workspace, begin(workspace))
    assert (done.outcome, done.code) == ("failed", "step-failed")
    assert go_on(workspace, done) == done


def test_a_parameter_that_the_pipeline_lacks_ends_it(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", "params = {depth = 3}\n[policy.data]"))
    done = go_on(workspace, begin(workspace))
    assert done.outcome == "failed"
    assert "depth" in done.ended_says


def test_two_people_are_waited_for(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    begun = begin(workspace)
    waiting = go_on(workspace, begun)
    assert (waiting.outcome, waiting.stage) == (None, "gated")
    actions = carry_on(workspace, waiting, workspace.project.policy)
    assert [action.kind for action in actions] == ["waiting"]
    assert "ropeway model approve halves@2" in actions[0].says
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref="halves@2")
    assert go_on(workspace, begun).outcome == "released"


def test_who_retrained_may_approve_where_the_project_says_so(workspace: LocalWorkspace) -> None:
    toml = PROJECT.replace('name = "halves"', 'name = "halves"\napproval = "self"')
    (workspace.root / "ropeway.toml").write_text(toml + POLICY.replace("by-rule", "self"))
    assert go_on(workspace, begin(workspace)).outcome == "released"
    assert list_models(workspace)[0].self_approved


def test_a_person_who_rejects_it_ends_it(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    begun = begin(workspace)
    go_on(workspace, begun)
    reject_model(workspace, ref="halves@2", reason="no")
    done = go_on(workspace, begun)
    assert (done.outcome, done.ended_says) == ("rejected", "halves@2 is rejected")


def test_a_person_who_promotes_it_ends_it(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    begun = begin(workspace)
    go_on(workspace, begun)
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref="halves@2")
        promote_model(ben, ref="halves@2")
    done = go_on(workspace, begun)
    assert done.outcome == "released"
    assert list_rollouts(workspace) == []


def test_evidence_that_went_stale_while_it_waited_is_looked_at_anew(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    begun = begin(workspace)
    go_on(workspace, begun)
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref="halves@2")
    (workspace.root / "ropeway.toml").write_text(
        PROJECT.replace("bar = 0.6", "bar = 0.55") + POLICY.replace("by-rule", "two-person")
    )
    waiting = go_on(workspace, begun)
    assert waiting.outcome is None
    assert verbs(workspace).count("GateEvaluated") == 3
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref="halves@2")
    assert go_on(workspace, begun).outcome == "released"


def test_feedback_outside_the_contract_ends_it_with_what_to_do(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    ids = answer(workspace, [{"x": 900.0 + n} for n in range(10)])
    say(workspace, dict.fromkeys(ids, "high"))
    done = go_on(workspace, begun)
    assert (done.outcome, done.code) == ("data-refused", "feedback-outside-contract")
    assert "are left out (10: 'x' is not 0 to " in done.ended_says
    assert done.ended_says.endswith("ropeway data check numbers")


def test_a_bad_row_is_told_in_what_is_recorded(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    say(workspace, dict.fromkeys(answer(workspace, [{"x": 900.0}]), "high"))
    assert go_on(workspace, begun).outcome == "released"
    with workspace.ledger.reading() as connection:
        events = [fact.event for fact in workspace.ledger.facts(connection)]
    (data,) = [each for each in events if getattr(each, "stage", "") == "data"]
    assert "1 of 61 judged predictions (1.6%) are left out" in data.says


def test_a_paused_policy_stops_it_before_its_next_stage(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    ops.pause_policy(workspace, name="halves", environment="production", reason="lunch")
    assert go_on(workspace, begun).stage == "triggered"
    ops.resume_policy(workspace, name="halves", environment="production")
    assert go_on(workspace, begun).outcome == "released"


def test_nothing_is_released_in_quiet_hours(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'quiet = ["08:00-12:00"]\n[policy.data]'))
    begun = begin(workspace)
    waiting = go_on(workspace, begun)
    assert (waiting.outcome, waiting.stage) == (None, "approved")
    workspace.clock.advance(seconds=3 * 3600)
    assert go_on(workspace, begun).outcome == "released"


def test_a_version_made_by_hand_is_not_approved_by_rule(workspace: LocalWorkspace) -> None:
    by_hand = run_pipeline(workspace, overrides={"shift": 0.5}).run
    version = register(workspace)
    assert gate_model(workspace, ref=version.ref).passed
    begun = begin(workspace)
    ops.advance(workspace, retraining=begun.id, stage="data")
    ops.advance(workspace, retraining=begun.id, stage="trained", run=by_hand)
    ops.advance(workspace, retraining=begun.id, stage="registered", version=version.ref)
    with pytest.raises(RetrainingMoved, match="'approved'"):
        ops.approve_retrained(workspace, retraining=begun.id)
    ops.advance(workspace, retraining=begun.id, stage="gated", passed=True)
    with pytest.raises(MadeByHand, match="a person trained it"):
        ops.approve_retrained(workspace, retraining=begun.id)
    waiting = go_on(workspace, begun)
    assert (waiting.outcome, waiting.stage) == (None, "gated")
    assert "ApprovedByRule" not in verbs(workspace)


def test_content_that_a_person_made_before_waits_for_another_person(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("[policy.data]", "params = {shift = 0.5}\n[policy.data]"))
    run_pipeline(workspace, overrides={"shift": 0.5})
    made = register(workspace)
    begun = begin(workspace, "hand")
    ops.advance(workspace, retraining=begun.id, stage="data", dataset=f"dataset:{made.dataset}")
    assert go_on(workspace, begun).version == made.ref
    (waiting,) = carry_on(workspace, begun, workspace.project.policy)
    assert waiting.says.endswith(f"ropeway model approve {made.ref} --as SOMEONE")
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref=made.ref)
    assert go_on(workspace, begun).outcome == "released"


def test_no_operation_takes_the_name_of_a_rule(workspace: LocalWorkspace) -> None:
    from ropeway.workspace.operation import OPERATIONS
    from ropeway.workspace.rooms import load_operations

    load_operations()
    assert "models.approve-by-rule" not in OPERATIONS
    for name in ("continuous.release", "retraining.release", "retraining.approve"):
        assert not {"rule", "by_rule"} & set(OPERATIONS[name].arguments.__struct_fields__)


@pytest.mark.parametrize("rule", ["harm", "guard: errors"])
def test_what_went_back_for_harm_is_not_released_again_by_itself(
    workspace: LocalWorkspace, rule: str
) -> None:
    go_on(workspace, begin(workspace))
    go_back(workspace, rule)
    again = go_on(workspace, begin(workspace, "hand"))
    assert (again.outcome, again.version) == ("rejected", "halves@2")
    assert again.ended_says.startswith("refused: halves@2 was rolled back before, by rollout_")
    assert again.ended_says.endswith("ropeway release halves@2 --to production")
    assert list_rollouts(workspace, active=True) == []


def test_what_went_back_unseen_may_be_tried_again(workspace: LocalWorkspace) -> None:
    go_on(workspace, begin(workspace))
    go_back(workspace, "cannot be watched")
    assert go_on(workspace, begin(workspace, "hand")).outcome == "released"


def go_back(workspace: LocalWorkspace, rule: str) -> None:
    (rollout,) = list_rollouts(workspace, active=True)
    with workspace._context() as context:
        context.begin()
        moves.roll_back(context, rollout, rule=rule, says="for the test.")


def test_another_rollout_is_waited_for(workspace: LocalWorkspace) -> None:
    from ropeway.continuous.rollouts.operations import end_rollout, release

    run_pipeline(workspace, overrides={"shift": 0.5})
    other = register(workspace)
    gate_model(workspace, ref=other.ref)
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        approve_model(ben, ref=other.ref)
    begun = begin(workspace)
    rollout = release(workspace, ref=other.ref).rollout
    assert go_on(workspace, begun).stage == "approved"
    end_rollout(workspace, rollout=rollout.id)
    assert go_on(workspace, begun).outcome == "released"


def test_one_at_a_time(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    with pytest.raises(RetrainingUnderway, match=begun.id):
        begin(workspace)


def test_nothing_begins_under_a_paused_policy(workspace: LocalWorkspace) -> None:
    ops.pause_policy(workspace, name="halves", environment="production", reason="lunch")
    with pytest.raises(PolicyPausedNow, match="lunch"):
        begin(workspace)


def test_stages_come_once_and_in_order(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    with pytest.raises(RetrainingMoved, match="'trained'"):
        ops.advance(workspace, retraining=begun.id, stage="trained", run="run_x")
    ops.advance(workspace, retraining=begun.id, stage="data")
    before = len(verbs(workspace))
    ops.advance(workspace, retraining=begun.id, stage="data")
    assert len(verbs(workspace)) == before


# --- taken on after a death between two writes ---


def test_data_that_was_collected_is_not_collected_again(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    policy = workspace.project.policy
    made = put_together(workspace, policy, "halves", gather(workspace, policy, "halves"))
    ops.record_collected(workspace, retraining=begun.id, gathered=made)
    ops.record_collected(workspace, retraining=begun.id, gathered=made)
    judged_rows(workspace, 40, start=60)
    done = go_on(workspace, begun)
    assert done.outcome == "released"
    assert verbs(workspace).count("FeedbackCollected") == 1
    assert list_versions(workspace, name="numbers")[-1].rows == 180


def test_a_run_that_had_finished_is_not_run_again(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    policy = workspace.project.policy
    made = put_together(workspace, policy, "halves", gather(workspace, policy, "halves"))
    ops.record_collected(workspace, retraining=begun.id, gathered=made)
    run = run_pipeline(workspace, overrides=policy.params).run
    assert go_on(workspace, begun).run == run


def test_a_run_of_somebody_else_is_not_taken_for_its_own(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    policy = workspace.project.policy
    made = put_together(workspace, policy, "halves", gather(workspace, policy, "halves"))
    ops.record_collected(workspace, retraining=begun.id, gathered=made)
    with LocalWorkspace(workspace.root, actor="ben", clock=workspace.clock) as ben:
        run = run_pipeline(ben, overrides={"shift": 3.0}).run
    assert go_on(workspace, begun).run != run


def test_what_was_registered_gated_and_approved_before_is_not_again(workspace: LocalWorkspace) -> None:
    begun = begin(workspace)
    policy = workspace.project.policy
    made = put_together(workspace, policy, "halves", gather(workspace, policy, "halves"))
    ops.record_collected(workspace, retraining=begun.id, gathered=made)
    run = run_pipeline(workspace, overrides=policy.params).run
    version = register(workspace, run, name="halves")
    assert gate_model(workspace, ref=version.ref).passed
    ops.advance(workspace, retraining=begun.id, stage="trained", run=run)
    ops.advance(workspace, retraining=begun.id, stage="registered", version=version.ref)
    ops.advance(workspace, retraining=begun.id, stage="gated", passed=True)
    ops.approve_retrained(workspace, retraining=begun.id)
    done = go_on(workspace, begun)
    assert (done.outcome, done.version) == ("released", version.ref)
    counted = verbs(workspace)
    assert counted.count("GateEvaluated") == 2  # that of the first version, and this one
    assert counted.count("ApprovedByRule") == 1
    assert counted.count("ModelRegistered") == 2


def test_the_same_version_again_that_was_rejected_ends_it(workspace: LocalWorkspace) -> None:
    settings(workspace, POLICY.replace("by-rule", "two-person"))
    begun = begin(workspace)
    go_on(workspace, begun)
    reject_model(workspace, ref="halves@2", reason="no")
    go_on(workspace, begun)
    again = go_on(workspace, begin(workspace, "hand"))
    assert (again.outcome, again.version) == ("rejected", "halves@2")


def test_a_first_version_is_not_put_live_by_a_rule_but_by_a_person(tmp_path: Path) -> None:
    from retrained import project

    from ropeway.continuous.rollouts.operations import release

    with project(tmp_path / "p") as workspace:
        settings(workspace, POLICY + "feedback = false\n")
        begun = ops.trigger(workspace, name="halves", environment="production", trigger="hand")
        assert go_on(workspace, begun).stage == "approved"
        (waiting,) = carry_on(workspace, begun, workspace.project.policy)
        assert waiting.kind == "waiting"
        assert "nothing is live there" in waiting.says
        assert "ropeway release halves@1 --to production" in waiting.says
        assert list_models(workspace)[0].environments == []
        assert release(workspace, ref="halves@1").rollout is None
        assert go_on(workspace, begun).outcome == "released"


def test_nothing_is_gated_or_released_when_the_live_version_is_recalled_meanwhile(
    workspace: LocalWorkspace,
) -> None:
    begun = begin(workspace)
    recall_model(workspace, ref="halves@1", reason="it does harm")
    waiting = go_on(workspace, begun)
    assert (waiting.outcome, waiting.stage) == (None, "registered")
    (action,) = carry_on(workspace, begun, workspace.project.policy)
    assert action.says.startswith("halves@1 was live in production when this began, and nothing is now")
    assert "ropeway model promote halves@2" in action.says
    assert list_models(workspace)[0].environments == []


def test_an_approved_version_waits_when_the_live_one_is_recalled_before_its_release(
    workspace: LocalWorkspace,
) -> None:
    settings(workspace, POLICY.replace("[policy.data]", 'quiet = ["08:00-12:00"]\n[policy.data]'))
    begun = begin(workspace)
    assert go_on(workspace, begun).stage == "approved"
    recall_model(workspace, ref="halves@1", reason="it does harm")
    workspace.clock.advance(seconds=4 * 3600)
    assert go_on(workspace, begun).outcome is None
    assert list_models(workspace)[0].environments == []


def test_a_second_version_is_put_live_by_its_rollout_and_the_next_learns_on(
    workspace: LocalWorkspace,
) -> None:
    go_on(workspace, begin(workspace))
    promote_model(workspace, ref="halves@2")
    judged_rows(workspace, 60, limit=20.0, start=60)
    from ropeway.continuous.rollouts.reconcile import reconcile

    reconcile(workspace)
    done = go_on(workspace, begin(workspace))
    assert (done.outcome, done.version) == ("released", "halves@3")
    assert len(search_runs(workspace)) == 3
