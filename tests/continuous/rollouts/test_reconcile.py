"""From production's log to a decision: what is better goes live by itself, and what is not goes back."""

from datetime import timedelta

import msgspec
import pytest
from rollouts_world import CANDIDATE, LIVE, failing_in, right_in

from ropeway.continuous.rollouts.evidence import evaluate, put_evidence, read_evidence
from ropeway.continuous.rollouts.operations import advance_rollout, hold_rollout, resume_rollout
from ropeway.continuous.rollouts.reconcile import conclude
from ropeway.core.canonical import canonical
from ropeway.models.operations import get_routing, promote_model, recall_model, resolve_version, route_traffic
from ropeway.workspace.errors import BadArguments
from ropeway.workspace.operations import list_events

BETTER = {"live": right_in(0.6), "candidate": right_in(0.97)}
WORSE = {"live": right_in(0.97), "candidate": right_in(0.6)}
ALIKE = {"live": right_in(0.8), "candidate": right_in(0.8)}


def verbs(world, verb: str) -> list[dict]:
    return [item.body for item in list_events(world.ana, verb=verb, limit=1000)]


def test_a_better_version_goes_through_its_steps_and_is_promoted(world):
    world.release()
    done = world.run(40, **BETTER)
    assert done == ["rollout-advanced", "rollout-promoted"]
    assert resolve_version(world.ana, ref="sentiment@production").ref == CANDIDATE
    rollout = world.rollout
    assert (rollout.outcome, rollout.ended_rule) == ("promoted", "proven gain")
    assert rollout.says.startswith("Better after")
    evidence = read_evidence(world.ana.store, rollout.evidence)
    assert len(evidence.differences) == evidence.summary.entities == evidence.trajectory[-1].entities
    assert evidence.trajectory[-1].e_gain >= 1 / rollout.alpha_spent
    assert get_routing(world.ana, name="sentiment").rollout == ""


def test_a_worse_version_is_rolled_back_before_it_answers_anybody(world):
    world.release()
    assert world.run(40, **WORSE) == ["rollout-rolled-back"]
    assert (world.rollout.outcome, world.rollout.ended_rule) == ("rolled-back", "harm")
    assert world.rollout.step == 0
    routing = get_routing(world.ana, name="sentiment")
    assert (routing.live, routing.arms, routing.shadows) == (LIVE, [], [])


def test_a_version_that_turns_bad_in_canary_is_rolled_back(world):
    world.release()
    world.serve(30, **ALIKE)
    assert world.reconcile() == ["rollout-advanced"]
    assert [arm.ref for arm in get_routing(world.ana, name="sentiment").arms] == [CANDIDATE]
    assert world.run(60, **WORSE) == ["rollout-rolled-back"]
    assert get_routing(world.ana, name="sentiment").arms == []


def test_nothing_happens_while_nothing_is_heard(world):
    world.release()
    before = len(list_events(world.ana, limit=1000))
    assert world.reconcile() == []
    world.serve(50, **BETTER, labelled=0.0)
    assert world.reconcile() == []
    assert len(list_events(world.ana, limit=1000)) == before


def test_reconciling_again_adds_no_event(world):
    world.release()
    world.serve(25, **ALIKE)
    world.reconcile()
    before = len(list_events(world.ana, limit=1000))
    assert world.reconcile() == []
    assert len(list_events(world.ana, limit=1000)) == before


def test_too_small_a_gain_is_futile(make_world):
    world = make_world(rollout="min_gain = 1.0", steps='["shadow"]')
    world.release()
    assert world.run(60, **ALIKE) == ["rollout-futile"]
    assert world.rollout.ended_rule == "futility"


def test_at_the_deadline_an_undecided_one_is_held_where_it_is(world):
    world.release()
    world.serve(40, **ALIKE)
    assert world.reconcile() == ["rollout-advanced"]
    world.clock.advance(seconds=timedelta(days=8).total_seconds())
    world.serve(5, **ALIKE)
    assert world.reconcile() == ["rollout-held"]
    assert (world.rollout.state, world.rollout.reason) == ("held", "undecided")
    assert "stays at 50 % and waits for a person" in world.rollout.says
    assert [arm.ref for arm in get_routing(world.ana, name="sentiment").arms] == [CANDIDATE]
    assert world.reconcile() == []
    resume_rollout(world.ben, rollout=world.rollout.id)
    assert world.rollout.deadline_at > world.clock.now()


def test_at_the_deadline_an_undecided_one_goes_back_where_the_project_says_so(make_world):
    world = make_world(rollout='undecided = "roll-back"')
    world.release()
    world.serve(10, **ALIKE)
    world.clock.advance(seconds=timedelta(days=8).total_seconds())
    assert world.reconcile() == ["rollout-undecided"]
    assert get_routing(world.ana, name="sentiment").shadows == []


def test_a_held_one_does_not_advance_but_harm_still_ends_it(world):
    world.release()
    hold_rollout(world.ben, rollout="sentiment", note="over the weekend")
    world.serve(60, **ALIKE)
    assert world.reconcile() == []
    assert world.run(40, **WORSE) == ["rollout-rolled-back"]


def test_a_version_that_fails_too_often_is_rolled_back(world):
    world.release()
    world.serve(30, **ALIKE)
    world.reconcile()
    assert world.run(40, live=right_in(0.5), candidate=failing_in(0.2)) == ["rollout-rolled-back"]
    assert world.rollout.ended_rule in ("guard: errors", "harm")
    assert "failed on" in world.rollout.says


def test_one_failure_in_three_rows_ends_nothing(world):
    world.release()
    world.serve(2, live=right_in(0.9), candidate=right_in(0.9), labelled=0.0)
    world.serve(1, live=right_in(0.9), candidate=failing_in(1.0), labelled=0.0)
    assert world.reconcile() == []


def test_a_slow_version_is_rolled_back(world):
    world.release()
    world.latency_us[CANDIDATE] = 50_000
    assert world.run(10, **ALIKE, labelled=0.0) == ["rollout-rolled-back"]
    assert world.rollout.ended_rule == "guard: latency"


def test_a_few_slow_answers_end_nothing(world):
    world.release()
    world.serve(400, **ALIKE, labelled=0.0)
    world.latency_us[CANDIDATE] = 500_000
    world.serve(3, **ALIKE, labelled=0.0)
    assert world.reconcile() == []


def test_truth_that_comes_for_one_arm_only_holds_the_decision(make_world):
    world = make_world(steps="[0.5]", min_entities=40)
    world.release()
    heard = {LIVE: 1.0, CANDIDATE: 0.3}
    assert world.run(15, **BETTER, labelled=heard) == []
    assert world.rollout.summary.verdict == "gain"
    evidence = read_evidence(world.ana.store, world.rollout.evidence)
    assert "who is heard may depend on the answer" in evidence.guarded.waits


def test_another_live_version_supersedes_the_rollout(world):
    world.release()
    world.serve(10, **ALIKE)
    promote_model(world.ben, ref=world.approved("3").ref)
    assert world.reconcile() == ["rollout-superseded"]
    assert world.rollout.says.startswith("sentiment@3 is live in production now")
    assert world.reconcile() == []


def test_traffic_divided_by_hand_supersedes_the_rollout(world):
    world.release()
    route_traffic(world.ben, name="sentiment", arms={CANDIDATE: 0.3})
    assert world.reconcile() == ["rollout-superseded"]
    assert [arm.share for arm in get_routing(world.ana, name="sentiment").arms] == [0.3]


def test_a_recalled_candidate_ends_its_rollout_and_leaves_the_traffic(world):
    world.release(steps=[0.5])
    recall_model(world.ben, ref=CANDIDATE, reason="it leaks")
    assert get_routing(world.ana, name="sentiment").arms == []
    assert world.reconcile() == ["rollout-withdrawn"]
    assert world.rollout.says == "sentiment@2 is recalled"


def test_a_recalled_live_version_ends_the_rollout_of_its_candidate(world):
    world.release()
    recall_model(world.ben, ref=LIVE, reason="it leaks")
    assert world.reconcile() == ["rollout-superseded"]
    assert "nothing is live" in world.rollout.says


def test_stale_evidence_at_promotion_holds_it(world):
    world.release()
    world.serve(30, **BETTER)
    assert world.reconcile() == ["rollout-advanced"]
    file = world.ana.root / "ropeway.toml"
    file.write_text(file.read_text() + "[gate]\nmin_gain = 0.1\n")
    assert world.run(40, **BETTER) == ["rollout-held"]
    assert world.rollout.reason == "stale-evidence"
    assert "min_gain was 0 and is 0.1 now" in world.rollout.says
    assert world.reconcile() == []


def test_a_rollout_moved_by_hand_meanwhile_is_left_alone(world):
    world.release()
    rollout = world.rollout
    world.serve(40, **ALIKE)
    advance_rollout(world.ben, rollout=rollout.id)
    assert conclude(world.ben, rollout=rollout.id, seq=rollout.seq) == []
    assert world.rollout.step == 1


def test_evidence_is_nobodys_to_hand_in(world):
    rollout = world.release(steps=[0.5])
    world.serve(60, live=right_in(0.9), candidate=right_in(0.1))
    seen = read_evidence(
        world.ana.store, put_evidence(world.ana.store, rollout, evaluate(world.ana, rollout))
    )
    summary = msgspec.structs.replace(seen.summary, verdict="gain", in_step=10**6, says="trust me")
    forged = world.ana.store.put(canonical(msgspec.structs.replace(seen, summary=summary)))
    with pytest.raises(BadArguments, match="unknown field `evidence`"):
        conclude(world.ben, rollout=rollout.id, seq=rollout.seq, evidence=forged)
    assert [each.kind for each in conclude(world.ben, rollout=rollout.id, seq=rollout.seq)] == [
        "rollout-rolled-back"
    ]
    assert resolve_version(world.ana, ref="sentiment@production").ref == LIVE


def test_replaying_the_ledger_gives_the_same_rollouts(world):
    world.release()
    world.run(40, **BETTER)
    before = world.rollout
    world.ana.ledger.rebuild()
    assert world.rollout == before
    assert len(verbs(world, "rollout-ended")) == 1
