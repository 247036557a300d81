"""What each section tells of a season on record."""

import re
from html import unescape

import pytest
from msgspec.structs import replace

from ropeway.story.operations import report_data
from ropeway.story.report.page import page
from ropeway.story.report.sections.alerts import alerts
from ropeway.story.report.sections.drift import drift
from ropeway.story.report.sections.opening import opening
from ropeway.story.report.sections.performance import performance
from ropeway.story.report.sections.retrainings import retrainings
from ropeway.story.report.sections.rollouts import MOST_POINTS, rollouts, thinned
from ropeway.story.report.sections.traffic import quality, traffic


@pytest.fixture(scope="module")
def data(whole):
    return report_data(whole.workspace)


@pytest.fixture(scope="module")
def place(data):
    return data.places[0]


def words(markup):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_the_opening_says_what_is_live_by_which_rule_and_who_answers_for_it(data, place):
    said = words(opening(data, place))
    assert "sentiment@2 is live" in said
    assert "by rule: proven gain , in place of sentiment@1" in said.replace("gain,", "gain ,")
    assert "approved by rule (policy: retraining after degradation)" in said
    assert "1 alert open: drift" in said


def test_the_opening_has_figure_drift_and_cost(data, place):
    said = words(opening(data, place))
    assert "0.630" in said
    assert "bar 0.55" in said
    assert "450" in said or "83% of 540 answers labelled" in said
    assert re.search(r"text 0\.\d\d", said)
    assert "by the charter\u2019s matrix" in said


def test_performance_draws_each_version_with_band_bar_and_releases(data, place):
    drawn = performance(data, place)
    assert 'class="band"' in drawn
    assert 'class="dotted"' in drawn
    assert "bar 0.55" in drawn
    assert "sentiment@2 live" in drawn
    assert "sentiment@2 went live on" in drawn
    assert "170 of 180 answers labelled" in drawn


def test_drift_shows_columns_over_windows_and_the_telling_words(data, place):
    drawn = drift(data, place)
    said = words(drawn)
    assert "drifted" in said
    assert drawn.count('class="mark"') > 5
    assert re.search(r"more texts have it", said)
    assert re.search(r"\d+% \u2192 \d+%", said)
    assert "channel" in said


def test_quality_names_problems_and_columns(data, place):
    said = words(quality(place))
    assert "unseen" in said
    assert "columns concerned: channel, text" in said


def test_traffic_counts_requests_and_failures(place):
    said = words(traffic(place))
    assert re.search(r"half of the answers came within \d+\.\d ms", said)
    assert "1 failed" in said


def test_rollouts_tell_outcome_steps_and_the_path_of_the_test(data):
    drawn = rollouts(data)
    said = words(drawn)
    assert "sentiment@2 against sentiment@1 in production" in said
    assert "went live" in said
    assert "rolled back" in said
    assert "Better after 620 entities" in said
    assert "Worse after 260 entities" in said
    for step in ("shadow", "10 %", "50 %"):
        assert f"\u25cf {step}" in said
    assert "gain proven: 100" in said
    assert "trying the old one" in said


def test_the_budget_of_alpha_adds_up(data):
    assert "0.018 of 0.05 spent on 2 releases, 0.032 left" in words(rollouts(data))


def test_alerts_tell_what_is_open_and_what_is_over(data):
    said = words(alerts(data))
    assert "1 open, 2 over." in said
    assert "'text', 'channel' drifted, by up to 0.58 (limit 0.1)" in said
    assert "sentiment@1 is not live any more" in said
    assert "ropeway retrain sentiment" in said


def test_retrainings_tell_each_stage(data):
    said = words(retrainings(data))
    assert "after degradation" in said
    for stage in (
        "1,000 judged predictions added: tweets@v2 has 5,200 rows",
        "trained in run_bbbb",
        "registered as sentiment@2",
        "the gate passed sentiment@2",
        "approved by a rule",
    ):
        assert stage in said, stage
    assert said.count("registered as sentiment@2") == 1


def test_a_paused_policy_is_shown_with_its_reason(season):
    season.first_release()
    season.pause("two rollbacks in a week")
    assert "Paused: sentiment in production: two rollbacks in a week" in words(
        page(report_data(season.workspace))
    )


def test_an_e_value_beyond_the_picture_is_said_to_be(data):
    for e_gain, is_beyond in ((1e3, False), (1e14, True)):
        looks = [replace(each, e_gain=e_gain, e_harm=0.1) for each in data.rollouts[-1].looks]
        drawn = rollouts(replace(data, rollouts=[replace(data.rollouts[-1], looks=looks)]))
        assert ("Evidence, e-values, drawn up to 10⁸" in words(drawn)) is is_beyond


def test_a_rollout_that_nobody_judged_yet_says_what_to_type(season):
    season.drifting().retrain()
    said = words(rollouts(report_data(season.workspace)))
    assert "under way" in said
    assert "ropeway rollout rollout_one" in said


def test_thinning_keeps_the_ends(data):
    looks = data.rollouts[-1].looks
    assert len(looks) > MOST_POINTS
    kept = thinned(looks)
    assert len(kept) == MOST_POINTS
    assert (kept[0], kept[-1]) == (looks[0], looks[-1])
    assert thinned(looks[:3]) == looks[:3]
