"""Where people say what was wrong, and not what was right: nothing is decided for gain."""

import pytest
from rollouts_world import CANDIDATE, LIVE, right_in

from ropeway.continuous.rollouts.evidence import evaluate

TRAFFIC = {"live": right_in(0.8), "candidate": right_in(0.6), "truths": lambda draw: "yes"}


def complaining(world, rows, **traffic):
    """Traffic of which people only report the wrong answers."""
    given, said, truths = {}, world.say, {}
    add = world.log.add

    def noted(model, inputs, prediction, probabilities, **more):
        identity = add(model, inputs, prediction, probabilities, **more)
        given[identity] = prediction
        return identity

    world.log.add, world.say = noted, truths.__setitem__
    world.serve(rows, **traffic)
    world.log.add, world.say = add, said
    for identity, truth in truths.items():
        if given[identity] != truth:
            said(identity, truth)


def test_complaints_alone_promote_no_worse_version(make_world):
    world = make_world(steps='["shadow", 0.1, 0.5]', min_entities=30)
    world.release()
    for _ in range(6):
        complaining(world, 150, **TRAFFIC)
        assert "rollout-promoted" not in world.reconcile()
    assert "who is heard may depend on the answer" in evaluate(world.ana, world.rollout).guarded.waits


def test_what_the_candidate_saves_must_be_seen_by_those_who_got_its_answers(make_world):
    world = make_world(steps="[0.5]")
    world.release()
    world.clock.advance(seconds=60)
    complaining(world, 300, live=right_in(0.8), candidate=right_in(0.8), truths=lambda draw: "yes")
    waits = evaluate(world.ana, world.rollout).guarded.waits
    assert waits.startswith("the candidate saves -")
    assert "where its own answer was given" in waits


@pytest.mark.parametrize("mirror", ["true", "false"])
def test_entities_that_are_heard_of_by_version_hold_the_decision_within_the_gap(make_world, mirror):
    world = make_world(rollout=f"mirror = {mirror}", steps="[0.5]")
    world.release()
    alike = {"live": right_in(0.8), "candidate": right_in(0.8)}
    world.serve(1800, **alike, labelled={LIVE: 0.3, CANDIDATE: 0.45})
    waits = evaluate(world.ana, world.rollout).guarded.waits
    assert "more than chance sets them apart" in waits


def test_one_entity_that_is_heard_of_often_is_one(make_world):
    world = make_world(steps="[0.5]")
    world.release()
    world.serve(
        300, live=right_in(0.8), candidate=right_in(0.8), entities=4, labelled={LIVE: 0.45, CANDIDATE: 0.55}
    )
    assert "more than chance" not in evaluate(world.ana, world.rollout).guarded.waits


def test_a_better_version_that_all_are_heard_of_waits_for_nothing(make_world):
    world = make_world(steps="[0.5]")
    world.release()
    world.serve(300, live=right_in(0.6), candidate=right_in(0.95), labelled=0.5)
    findings = evaluate(world.ana, world.rollout)
    assert (findings.summary.verdict, findings.guarded.waits) == ("gain", "")
