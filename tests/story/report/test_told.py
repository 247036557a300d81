"""`why` and `status` on a season: the whole story of a version that the loop has made."""

import pytest

from ropeway.continuous.rollouts.events import RolloutHeld
from ropeway.story.operations import status, why


def titles(links):
    """All titles on the way, depth first."""
    return [title for link in links for title in (link.thing.title, *titles(link.links))]


def lines(links):
    return "\n".join(line for link in links for line in (*link.thing.lines, lines(link.links)))


def test_a_retrained_version_leads_back_to_feedback_retraining_alert_and_rollout(whole):
    account = why(whole.workspace, ref="sentiment@2")
    assert titles(account.back) == [
        "run run_bbbb",
        "dataset tweets@v2",
        "dataset tweets@v1",
        "feedback on the answers of sentiment@1 in production",
        "retraining of sentiment, after: degradation",
        "alert 'degradation' of sentiment@1 in production",
        "model sentiment@1",
        "run run_aaaa",
        "dataset tweets@v1",
        "dataset tweets@v2",
        "rollout of sentiment@2 against sentiment@1",
        "model sentiment@1",
        "retraining of sentiment, after: degradation",
    ]


def test_the_way_back_says_on_which_evidence(whole):
    account = why(whole.workspace, ref="sentiment@2")
    told = "\n".join([*account.thing.lines, lines(account.back)])
    for words in (
        "approved 2026-05-14 08:00 by rule (policy: retraining after degradation)",
        "live in production from 2026-05-20 08:00 by controller",
        "1,000 rows from feedback on sentiment@1, said between 2026-05-08 08:00 and 2026-05-14 08:00",
        "macro_f1 0.430 (between 0.399 and 0.461) on 850 labelled of 900 answers",
        "after 620 entities saves +0.2",
        "proven from 100",
        "promoted 2026-05-20 08:00 by rule (proven gain): Better after 620 entities",
        "in production: macro_f1 0.630 (0.588 to 0.672) on 450 labelled of 540 answers",
    ):
        assert words in told, words


def test_a_prediction_of_the_retrained_version_has_the_whole_story(season):
    from ropeway.serving.log import PredictionLog

    season.drifting().recovering()
    with PredictionLog(season.workspace.home, model="sentiment", environment="production") as log:
        asked = log.add("sentiment@2", {"text": "good"}, "positive", None, at=log.clock.now(), latency_us=9)
    told = titles(why(season.workspace, ref=asked).back)
    assert told[:2] == ["model sentiment@2", "run run_bbbb"]
    assert "alert 'degradation' of sentiment@1 in production" in told
    assert "rollout of sentiment@2 against sentiment@1" in told


def test_a_later_rollout_is_no_part_of_what_came_before_it(whole):
    told = titles(why(whole.workspace, ref="sentiment@2").back)
    assert "rollout of sentiment@1 against sentiment@2" not in told
    assert "rollout of sentiment@1 against sentiment@2" in titles(
        why(whole.workspace, ref="sentiment@1").back
    )


@pytest.mark.parametrize(
    ("ref", "title"),
    [
        ("rollout_two", "rollout of sentiment@1 against sentiment@2"),
        ("alert_2", "alert 'degradation' of sentiment@1 in production"),
        ("retraining_r1", "retraining of sentiment, after: degradation"),
    ],
)
def test_alerts_retrainings_and_rollouts_can_be_asked_for_by_id(whole, ref, title):
    assert why(whole.workspace, ref=ref).thing.title == title


def test_an_alert_leads_forward_to_the_retraining_and_what_came_of_it(whole):
    told = titles(why(whole.workspace, ref="alert_2").forward)
    assert told[:3] == [
        "retraining of sentiment, after: degradation",
        "run run_bbbb",
        "model sentiment@2",
    ]


def test_an_alert_that_is_over_says_why(whole):
    assert why(whole.workspace, ref="alert_1").thing.lines[-1] == (
        "over 2026-05-20 08:00: sentiment@1 is not live any more"
    )


def test_status_tells_of_open_alerts_and_the_last_retraining_and_what_to_do(whole):
    found = status(whole.workspace)
    assert found.alerts == [
        "drift of sentiment@2 in production: 'text', 'channel' drifted, by up to 0.58 (limit 0.1)"
    ]
    assert found.retraining == "sentiment@2, 2026-05-14 08:00, after degradation: released"
    assert found.rollouts == found.paused == []
    assert found.next_steps == ["ropeway retrain sentiment"]


def test_a_retrained_version_that_waits_for_approval_is_the_next_step(season):
    season.drifting().retrain(rollout="", approved=False)
    found = status(season.workspace)
    assert found.retraining.endswith("after degradation: under way (gated)")
    assert found.next_steps[0] == "ropeway model approve sentiment@2 --as SOMEONE-ELSE"


def test_a_held_rollout_comes_before_all_else(season):
    season.drifting().retrain()
    held = {"rollout": "rollout_one", "name": "sentiment", "number": 2, "environment": "production"}
    season.record(RolloutHeld(**held, reason="undecided", rule="deadline", says="time is up", note=None))
    found = status(season.workspace)
    (line,) = found.rollouts
    assert line.endswith("shadow, no entity heard of yet, held: time is up")
    assert found.next_steps[0] == "ropeway rollout show rollout_one"


def test_a_paused_policy_is_shown_and_is_to_be_looked_at(season):
    season.first_release().pause("it was rolled back twice")
    found = status(season.workspace)
    assert found.paused == ["sentiment in production: it was rolled back twice"]
    assert found.next_steps == ["ropeway policy"]
