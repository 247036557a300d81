"""Releasing, moving by hand, going back: what is allowed, and what is said where it is not."""

from datetime import timedelta

import pytest
from models_packages import judge
from rollouts_world import CANDIDATE, LIVE

from ropeway.continuous.rollouts.errors import (
    AlphaSpent,
    AlreadyLive,
    BadSteps,
    NotHeld,
    NothingToRollBack,
    RolloutActive,
    RolloutOver,
    UnknownRollout,
)
from ropeway.continuous.rollouts.operations import (
    advance_rollout,
    count_rollbacks,
    end_rollout,
    get_budget,
    get_rollout,
    hold_rollout,
    list_rollouts,
    release,
    resume_rollout,
    rollback,
)
from ropeway.models.errors import IllegalTransition, StaleEvidence
from ropeway.models.operations import (
    approve_model,
    get_routing,
    model_history,
    promote_model,
    recall_model,
    resolve_version,
)


def live(world, environment: str = "production") -> str | None:
    return get_routing(world.ana, name="sentiment", environment=environment).live


def test_where_nothing_is_live_a_release_is_live_at_once(world):
    released = release(world.ben, ref=CANDIDATE, environment="staging")
    assert released.rollout is None
    assert released.says.startswith("nothing was live in staging")
    assert live(world, "staging") == CANDIDATE


def test_a_release_begins_in_shadow_and_asks_the_candidate_beside(world):
    rollout = world.release()
    routing = get_routing(world.ana, name="sentiment")
    assert (routing.live, routing.arms, routing.shadows) == (LIVE, [], [CANDIDATE])
    assert (routing.rollout, routing.salt) == (rollout.id, rollout.salt)
    assert (rollout.steps, rollout.champion) == (["shadow", "50 %"], LIVE)


def test_shares_keep_the_salt_and_mirror_rows(world):
    rollout = world.release()
    advance_rollout(world.ben, rollout=rollout.id)
    routing = get_routing(world.ana, name="sentiment")
    assert [(arm.ref, arm.share) for arm in routing.arms] == [(CANDIDATE, 0.5)]
    assert (routing.shadows, routing.salt) == ([CANDIDATE], rollout.salt)


def test_without_mirroring_a_share_has_no_shadow(make_world):
    world = make_world(rollout="mirror = false")
    advance_rollout(world.ben, rollout=world.release().id)
    assert get_routing(world.ana, name="sentiment").shadows == []


def test_steps_may_be_given(world):
    assert world.release(steps=["shadow", 0.05, 0.2, 0.6]).steps == ["shadow", "5 %", "20 %", "60 %"]


@pytest.mark.parametrize("steps", [[0.5, 0.1], [0.5, "shadow"], ["all"], [1.0], []])
def test_steps_that_lead_nowhere_are_refused(world, steps):
    with pytest.raises(BadSteps, match="will not do"):
        world.release(steps=steps)
    assert list_rollouts(world.ana) == []


def test_one_rollout_at_a_time_in_an_environment(world):
    rollout = world.release()
    world.approved("3")
    with pytest.raises(RolloutActive, match=f"sentiment@2 is on its way to production \\({rollout.id}\\)"):
        world.release("sentiment@3")


def test_what_is_not_approved_is_not_released(world):
    version = world.package("3")
    judge(world.ana, version)
    with pytest.raises(IllegalTransition, match="Cannot promote 'sentiment@3': it is validated"):
        world.release("sentiment@3")


def test_the_live_version_is_not_released(world):
    with pytest.raises(AlreadyLive, match="live in production already"):
        world.release(LIVE)


def test_a_version_whose_evidence_is_stale_is_not_released(world):
    promote_model(world.ben, ref=world.approved("3").ref)
    with pytest.raises(StaleEvidence, match="it was compared with sentiment@1"):
        world.release(CANDIDATE)


def test_a_version_that_was_live_before_needs_no_fresh_evidence(world):
    promote_model(world.ben, ref=CANDIDATE)
    assert world.release(LIVE).champion == CANDIDATE


def test_each_release_takes_its_share_of_what_is_left_for_the_year(world):
    spent = []
    for _ in range(3):
        rollout = world.release()
        spent.append(rollout.alpha_spent)
        end_rollout(world.ben, rollout=rollout.id)
    assert spent == pytest.approx([0.01, 0.008, 0.0064])
    assert get_budget(world.ana, name="sentiment").left == pytest.approx(0.0256)
    world.clock.advance(seconds=timedelta(days=366).total_seconds())
    assert world.release().alpha_spent == pytest.approx(0.01)


def test_a_spent_budget_refuses(make_world):
    world = make_world(rollout="spend = 0.999")
    end_rollout(world.ben, rollout=world.release().id)
    with pytest.raises(AlphaSpent, match="have spent their budget for 2026"):
        world.release()


def test_behind_the_last_step_a_person_makes_it_live(world):
    rollout = world.release(steps=[0.5])
    ended = advance_rollout(world.ben, rollout=rollout.id, note="the fair begins tomorrow")
    assert (ended.outcome, ended.ended_by, ended.ended_rule) == ("promoted", "ben", "")
    assert live(world) == CANDIDATE
    assert model_history(world.ana, name="sentiment").moves[-1].note == "the fair begins tomorrow"


def test_each_step_has_its_own_deadline(world):
    rollout = world.release()
    world.clock.advance(seconds=timedelta(days=3).total_seconds())
    later = advance_rollout(world.ben, rollout=rollout.id)
    assert later.deadline_at - rollout.deadline_at == timedelta(days=3)


def test_what_is_over_is_not_moved(world):
    rollout = end_rollout(world.ben, rollout=world.release().id)
    for move in (advance_rollout, hold_rollout, resume_rollout, end_rollout):
        with pytest.raises(RolloutOver, match="is over: ended"):
            move(world.ben, rollout=rollout.id)
    assert get_routing(world.ana, name="sentiment").shadows == []


def test_only_what_is_held_is_resumed(world):
    rollout = world.release()
    with pytest.raises(NotHeld, match="is not held"):
        resume_rollout(world.ben, rollout=rollout.id)
    hold_rollout(world.ben, rollout=rollout.id)
    hold_rollout(world.ben, rollout=rollout.id)
    assert resume_rollout(world.ben, rollout=rollout.id).state == "running"
    assert [move.move for move in world.rollout.moves] == ["started", "held", "resumed"]


def test_advancing_a_held_one_lets_it_go_on(world):
    rollout = world.release()
    hold_rollout(world.ben, rollout=rollout.id)
    assert advance_rollout(world.ben, rollout=rollout.id).state == "running"


def test_an_unknown_rollout_is_told_so(world):
    with pytest.raises(UnknownRollout, match="no rollout 'sentiment'"):
        get_rollout(world.ana, rollout="sentiment")


def test_rollback_ends_an_active_rollout(world):
    world.release(steps=[0.5])
    back = rollback(world.ben, name="sentiment", note="it is late")
    assert back.says == "the rollout of sentiment@2 is over; all traffic is sentiment@1's again"
    assert (world.rollout.outcome, world.rollout.moves[-1].note) == ("rolled-back", "it is late")


def test_rollback_makes_the_former_version_live_at_night_without_a_gate(world):
    promote_model(world.ben, ref=CANDIDATE)
    file = world.ana.root / "ropeway.toml"
    file.write_text(file.read_text() + "[gate]\nmin_gain = 0.1\n")
    back = rollback(world.ben, name="sentiment")
    assert (back.live, back.left) == (LIVE, CANDIDATE)
    assert live(world) == LIVE


def test_rollback_twice_goes_back_two_versions(world):
    promote_model(world.ben, ref=CANDIDATE)
    promote_model(world.ben, ref=world.approved("3").ref)
    assert rollback(world.ben, name="sentiment").live == CANDIDATE
    assert rollback(world.ben, name="sentiment").live == LIVE
    with pytest.raises(NothingToRollBack, match="nothing to go back to in production"):
        rollback(world.ben, name="sentiment")


def test_rollback_from_an_old_version_that_was_chosen_anew_goes_to_what_it_replaced(world):
    promote_model(world.ben, ref=CANDIDATE)
    promote_model(world.ben, ref=LIVE)
    assert rollback(world.ben, name="sentiment").live == CANDIDATE


def test_rollback_skips_what_was_recalled(world):
    promote_model(world.ben, ref=CANDIDATE)
    promote_model(world.ben, ref=world.approved("3").ref)
    recall_model(world.ben, ref=CANDIDATE, reason="it leaks")
    assert rollback(world.ben, name="sentiment").live == LIVE


def test_rollback_fills_an_environment_that_a_recall_has_emptied(world):
    promote_model(world.ben, ref=CANDIDATE)
    recall_model(world.ben, ref=CANDIDATE, reason="it leaks")
    back = rollback(world.ben, name="sentiment")
    assert (back.live, back.left) == (LIVE, None)
    assert live(world) == LIVE


def test_rollbacks_are_counted_from_a_moment_on(world):
    world.release()
    rollback(world.ben, name="sentiment")
    promote_model(world.ben, ref=CANDIDATE)
    world.clock.advance(seconds=3600)
    since = world.clock.now()
    rollback(world.ben, name="sentiment")
    begin = since - timedelta(days=1)
    assert count_rollbacks(world.ana, name="sentiment", since=begin) == 2
    assert count_rollbacks(world.ana, name="sentiment", since=since) == 1
    assert count_rollbacks(world.ana, name="sentiment", since=begin, environment="staging") == 0


def test_who_gates_a_candidate_again_holds_its_rollout_until_it_is_approved(world):
    rollout = world.release()
    judge(world.ana, resolve_version(world.ana, ref=CANDIDATE))
    assert world.reconcile() == ["rollout-held"]
    assert world.rollout.reason == "not-approved"
    approve_model(world.ben, ref=CANDIDATE)
    resume_rollout(world.ben, rollout=rollout.id)
    assert world.reconcile() == []
    assert world.rollout.state == "running"
