"""Alerts with the words that drifted and the figure as it stands now."""

import sys
from pathlib import Path

import pytest

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parent / "report"))

from season import Season
from season_versions import DAY

from ropeway.monitoring.operations import list_alerts
from ropeway.stats.drift.tokens import TellingToken
from ropeway.story.alerts import MOST_WORDS, moved_words
from ropeway.story.operations import tell_alerts


@pytest.fixture
def season(tmp_path):
    made = Season(tmp_path / "season")
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = Season(tmp_path_factory.mktemp("told") / "season").whole()
    yield made
    made.close()


def of(found, identity):
    return next(each for each in found if each.id == identity)


def test_the_alerts_and_their_order_are_those_of_monitoring(whole):
    for open_only in (True, False):
        told = tell_alerts(whole.workspace, open_only=open_only)
        plain = list_alerts(whole.workspace, open_only=open_only)
        assert [each.id for each in told] == [each.id for each in plain]
        assert [each.says for each in told] == [each.says for each in plain]


def test_a_drift_alert_has_the_words_of_its_own_window(whole):
    (words,) = of(tell_alerts(whole.workspace, open_only=False), "alert_1").words.values()
    assert 0 < len(words.more) <= MOST_WORDS
    assert 0 < len(words.less) <= MOST_WORDS
    assert all(each.current_share > each.reference_share for each in words.more)
    assert all(each.current_share < each.reference_share for each in words.less)
    assert "http" in {each.token for each in words.less}


def test_an_open_alert_has_its_figure_and_words_of_now(whole):
    found = of(tell_alerts(whole.workspace), "alert_3")
    assert found.now_at == found.end + 2 * DAY
    assert found.now == pytest.approx(0.7, abs=0.15)
    assert set(found.words_now) == {"text"}


def test_an_alert_that_is_over_has_no_now(whole):
    for each in tell_alerts(whole.workspace, open_only=False):
        if each.resolved_at is not None:
            assert (each.now, each.now_at, each.words_now) == (None, None, {})


def test_a_window_without_a_report_has_no_words(season):
    season.first_release()
    start = season.clock.now()
    season.alert("alert_1", "drift", start, start + DAY, 0.4, 0.1, "'text' drifted", columns=["text"])
    (found,) = tell_alerts(season.workspace)
    assert (found.words, found.now) == ({}, None)


def test_degradation_tells_what_was_measured_since(season):
    season.first_release()
    start, end = season.window(1, "reviews")
    season.alert("alert_1", "degradation", start, end, 0.43, 0.55, "macro_f1 0.430 is under 0.550")
    season.pass_days(1)
    assert tell_alerts(season.workspace)[0].now is None
    later = season.window(1, "reviews")[1]
    season.performance(1, start, later, 0.51, rows=360, labelled=200, recent=2)
    (found,) = tell_alerts(season.workspace)
    assert (found.figure, found.now, found.now_at) == (0.43, 0.51, later)


def test_words_are_told_by_side_those_first_that_moved_most_times():
    tokens = [
        TellingToken(token="the", z=9.0, reference_share=0.3, current_share=0.6),
        TellingToken(token="http", z=-8.0, reference_share=0.2, current_share=0.0),
        TellingToken(token="camera", z=4.0, reference_share=0.0, current_share=0.08),
        TellingToken(token="and", z=-3.0, reference_share=0.4, current_share=0.3),
    ]
    words = moved_words(tokens)
    assert [each.token for each in words.more] == ["camera", "the"]
    assert [each.token for each in words.less] == ["http", "and"]
    assert [each.token for each in moved_words(tokens, most=1).more] == ["camera"]
