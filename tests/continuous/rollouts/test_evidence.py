"""What the log says in costs: who counts, how often, and what people say later."""

import pytest
from rollouts_world import CANDIDATE, LIVE, right_in

from ropeway.continuous.rollouts.evidence import evaluate, path_of
from ropeway.continuous.rollouts.operations import get_rollout
from ropeway.predictions.seal import seal

ALIKE = {"live": right_in(0.8), "candidate": right_in(0.8)}
SURE = {"live": right_in(0.0), "candidate": right_in(1.0)}


def found(world):
    return evaluate(world.ana, world.rollout)


def test_an_answer_costs_what_the_charter_says(world):
    world.release()
    world.serve(10, **SURE, truths=lambda draw: "yes")
    world.serve(10, **SURE, truths=lambda draw: "no")
    assert found(world).differences == [4.0] * 10 + [1.0] * 10
    assert world.rollout.terms.scale == 4.0


def test_without_entities_each_prediction_counts_by_itself(world):
    world.release()
    world.serve(25, **ALIKE)
    assert (found(world).summary.entities, found(world).summary.in_step) == (25, 25)


def test_an_entity_counts_once_whatever_it_asks(world):
    world.release()
    world.serve(200, **ALIKE, entities=12)
    assert (found(world).summary.entities, found(world).summary.in_step) == (12, 12)


def test_an_entity_is_heard_for_as_long_as_the_project_says(make_world):
    world = make_world(rollout='settle = "1h"')
    world.release()
    world.serve(30, **ALIKE, entities=5)
    assert found(world).summary.entities == 0
    world.clock.advance(seconds=3600)
    assert found(world).summary.entities == 5


def test_a_second_thought_after_an_entity_has_settled_changes_nothing(world):
    world.release()
    ids = world.serve(20, live=right_in(1.0), candidate=right_in(0.0), truths=lambda draw: "yes")
    before = found(world)
    for identity in ids:
        world.say(identity, "no", after=10)
    world.clock.advance(seconds=60)
    assert found(world).differences == before.differences == [-4.0] * 20


def test_a_second_thought_in_time_counts(make_world):
    world = make_world(rollout='settle = "1h"')
    world.release()
    ids = world.serve(5, live=right_in(1.0), candidate=right_in(0.0), truths=lambda draw: "yes")
    for identity in ids:
        world.say(identity, "no", after=60)
    world.clock.advance(seconds=7200)
    assert found(world).differences == [1.0] * 5


def test_truth_that_comes_late_counts_when_it_comes(world):
    world.release()
    ids = world.serve(20, **ALIKE, labelled=0.0)
    assert found(world).summary.entities == 0
    world.clock.advance(seconds=86_400)
    for identity in ids:
        world.say(identity, "yes")
    assert found(world).summary.entities == 20


def test_what_was_answered_before_the_rollout_is_no_evidence(world):
    world.serve(20, **ALIKE)
    world.clock.advance(seconds=10)
    world.release()
    assert found(world).summary.entities == 0


def test_a_version_that_fails_is_charged_the_highest_cost(world):
    from rollouts_world import failing_in

    world.release()
    world.serve(5, live=right_in(1.0), candidate=failing_in(1.0))
    assert found(world).differences == [-4.0] * 5


@pytest.mark.parametrize("mirror", ["true", "false"])
def test_failing_on_what_is_hard_is_not_free(make_world, mirror):
    from rollouts_world import failing_in

    world = make_world(rollout=f"mirror = {mirror}", steps="[0.5]")
    world.release()
    world.clock.advance(seconds=60)
    hard = {"live": right_in(0.5), "candidate": failing_in(1.0), "truths": lambda draw: "yes"}
    world.serve(40, **hard)
    world.serve(40, live=right_in(1.0), candidate=right_in(1.0), truths=lambda draw: "no")
    findings = found(world)
    assert min(findings.differences) == -4.0
    # Its failures are held against it, though somebody had an answer and said what would have been true.
    assert findings.summary.estimate < -0.5


def test_what_the_candidate_says_when_asked_again_does_not_stand_for_what_it_failed_to_say(make_world):
    from ropeway.predictions.record import ShadowRecord

    world = make_world(steps="[0.5]")
    rollout = world.release().id
    world.clock.advance(seconds=1)
    now, on_behalf = world.clock.now(), {"rollout": rollout, "instead_of": CANDIDATE}
    given = world.log.add(LIVE, {}, "yes", None, at=now, latency_us=1, **on_behalf)
    world.log.add_shadow(ShadowRecord(of=given, at=now, model=CANDIDATE, prediction="yes", rollout=rollout))
    world.say(given, "yes")
    assert found(world).differences == [-4.0]
    assert found(world).guarded.live.answers == 0


def test_a_mirrored_answer_that_comes_on_record_late_changes_nothing(world):
    from ropeway.predictions.record import ShadowRecord

    rollout = world.release()

    def answered(said):
        world.clock.advance(seconds=1)
        return world.log.add(LIVE, {}, said, None, at=world.clock.now(), latency_us=1, entity="ann")

    def beside(of, said):
        world.clock.advance(seconds=1)
        at, ref = world.clock.now(), CANDIDATE
        world.log.add_shadow(ShadowRecord(of=of, at=at, model=ref, prediction=said, rollout=rollout.id))

    early, late = answered("yes"), answered("no")
    beside(early, "no")
    world.say(early, "yes")
    world.say(late, "yes")
    before = found(world).differences
    beside(late, "yes")
    assert found(world).differences == before == [-4.0]


def test_without_mirroring_entities_of_both_arms_are_held_against_each_other(make_world):
    world = make_world(rollout="mirror = false", steps="[0.5]")
    world.release()
    world.clock.advance(seconds=60)
    world.serve(100, **SURE, truths=lambda draw: "yes")
    findings = found(world)
    assert set(findings.differences) == {4.0}
    assert len(findings.differences) < findings.summary.entities < 100
    assert findings.entities[-1] == findings.summary.entities


def test_without_mirroring_what_only_live_answered_in_shadow_counts_for_nothing(make_world):
    world = make_world(rollout="mirror = false")
    world.release()
    world.serve(30, **ALIKE)
    world.reconcile()
    assert world.rollout.step == 1
    # A row whose shadow was lost, from before lots were drawn.
    early = world.log.add(LIVE, {}, "no", None, at=world.rollout.started_at, latency_us=1, entity="early")
    world.say(early, "yes")
    before = found(world).summary.entities
    world.serve(40, **ALIKE)
    assert found(world).summary.entities > before
    assert found(world).settled_at == sorted(found(world).settled_at)


def test_answers_of_a_clock_that_jumped_back_before_the_rollout_are_no_evidence(world):
    world.release()
    world.serve(20, **ALIKE)
    world.clock.advance(seconds=-86_400)
    world.serve(20, **ALIKE)
    assert world.reconcile() == []
    world.clock.advance(seconds=86_400)
    assert found(world).summary.entities == 20


def test_sealing_the_log_changes_nothing(world):
    world.release()
    world.serve(40, **ALIKE, entities=15)
    before = found(world)
    world.log.close()
    seal(world.ana)
    assert found(world) == before


def test_the_path_of_the_test_ends_where_it_stands(world):
    world.release()
    world.serve(50, **SURE)
    findings, rollout = found(world), get_rollout(world.ana, rollout="sentiment")
    path = path_of(rollout, findings)
    last = path[-1]
    assert [look.entities for look in path] == list(range(1, 51))
    assert (last.estimate, last.low, last.high) == pytest.approx(
        (findings.summary.estimate, findings.summary.low, findings.summary.high)
    )
    assert last.at == findings.settled_at[-1]


def test_rows_of_another_environment_and_of_another_rollout_are_left_out(world):
    first = world.release(steps=[0.5])
    world.serve(20, **ALIKE)
    from ropeway.continuous.rollouts.operations import end_rollout

    end_rollout(world.ben, rollout=first.id)
    world.clock.advance(seconds=60)
    world.release(steps=[0.5])
    world.log.add(CANDIDATE, {}, "no", None, at=world.clock.now(), latency_us=1, rollout=first.id)
    assert found(world).guarded.candidate.answers == 0
