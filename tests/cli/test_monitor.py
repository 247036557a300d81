"""`ropeway monitor`, `ropeway monitor report` and `ropeway alerts`, as they are typed."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ropeway.cli.main import main
from ropeway.cli.monitor import look
from ropeway.cli.monitor_screen import draw_alerts, draw_screen, sparkline
from ropeway.story.operations import tell_alerts

# Tests are imported by file, so what they share must be found by name.
sys.path.insert(0, str(Path(__file__).parents[1] / "story" / "report"))

from season import Season


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    made = Season(tmp_path_factory.mktemp("monitored") / "season").whole()
    yield made
    made.close()


@pytest.fixture
def ropeway(season, tmp_path, monkeypatch, capsys):
    """Type a command at the season's own time; gives its exit code and what it said."""
    (tmp_path / "clock").write_text(season.clock.now().isoformat())
    monkeypatch.setenv("ROPEWAY_CLOCK", str(tmp_path / "clock"))
    monkeypatch.setenv("ROPEWAY_PROJECT", str(season.ana.root))

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return stop.value.code, said.out + said.err

    return run


def drawn(function, *args, width, **kwargs):
    out = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    function(out, *args, **kwargs)
    return out.file.getvalue()


def test_monitor_shows_each_deployment_on_one_screen(ropeway):
    code, said = ropeway("monitor")
    assert code == 0
    for words in (
        "sentiment@2  live in production, 100% of the traffic   ! 1 alert open",
        "180 rows in the last window, 24 May",
        "! channel 0.7",
        "effect by window, up to 0.7",
        "0.630 (0.588 to 0.672); bar 0.55",
        "83% of 540 answers of 3 windows labelled",
        "0.592 (0.550 to 0.634) per labelled answer",
        "! drift  'text', 'channel' drifted",
        "next  ropeway retrain sentiment",
    ):
        assert words in said, words


def test_monitor_can_be_asked_for_one_model_or_version(ropeway):
    assert "sentiment@2  live" in ropeway("monitor", "sentiment", "--no-observe")[1]
    assert "sentiment@2  live" in ropeway("monitor", "sentiment@2", "--no-observe")[1]
    code, said = ropeway("monitor", "sentimnet")
    assert code == 4
    assert "Did you mean 'sentiment'" in said


def test_monitor_as_json_holds_health_windows_columns_and_rollouts(ropeway):
    screen = json.loads(ropeway("monitor", "--no-observe", "--json")[1])
    (seen,) = screen["deployments"]
    assert seen["health"]["ref"] == "sentiment@2"
    assert len(seen["windows"]) == 7
    assert {column["name"] for column in seen["columns"]} == {"text", "channel", "prediction", "confidence"}
    assert (screen["rollouts"], screen["observed"]) == ([], None)


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_the_terminal(season, width):
    text = drawn(draw_screen, look(season.workspace, None, None), width=width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert len(text.splitlines()) <= 24


@pytest.mark.parametrize("width", [80, 120])
def test_alerts_fit_the_terminal(season, width):
    text = drawn(draw_alerts, tell_alerts(season.workspace, open_only=False), every=True, width=width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_alerts_shows_figure_limit_window_version_and_next_step(ropeway):
    code, said = ropeway("alerts")
    assert code == 0
    assert "drift  sentiment@2 in production   ! warn" in said
    assert "figure   0.58, limit 0.10" in said
    assert "window   2026-05-22 00:00 to 2026-05-23 00:00 UTC" in said
    assert "next  ropeway retrain sentiment" in said
    assert "sentiment@1" not in said


def test_all_alerts_tell_why_the_old_ones_are_over(ropeway):
    said = ropeway("alerts", "--all")[1]
    assert said.count("✓ resolved") == 2
    assert "over    2026-05-20 08:00: sentiment@1 is not live any more" in said


def test_report_writes_one_page(ropeway, tmp_path):
    code, said = ropeway("monitor", "report", "--no-observe", "--out", tmp_path / "page.html")
    assert code == 0
    assert "1 deployment, 2 rollouts, 3 alerts, 1 retraining" in said
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere/page.html", "no such file or directory"),
        ("", "is a directory"),
        ("a.txt/b", "not a directory"),
    ],
)
def test_report_says_where_it_could_not_write(ropeway, tmp_path, place, reason):
    (tmp_path / "a.txt").write_text("mine")
    code, said = ropeway("monitor", "report", "--no-observe", "--out", tmp_path / place)
    assert code == 2
    assert "error[report-not-written]" in said
    assert reason in said
    assert "next     ropeway monitor report --out monitor.html" in said


def test_a_running_rollout_is_told_with_its_test(tmp_path):
    season = Season(tmp_path / "running").drifting()
    season.retrain()
    began = season.clock.now()
    season.pass_days(1)
    season.evaluate("rollout_one", 2, 1, 0, season.differences(140, 0.1), began)
    text = drawn(draw_screen, look(season.workspace, "sentiment", None), width=100)
    season.close()
    assert "sentiment@2  against sentiment@1 in production   ● rollout running" in text
    assert "● shadow  ○ 10 %  ○ 50 %  ○ live" in text
    assert "140 entities, 140 in this step (each needs 100)" in text
    assert "proven from 100; harm" in text


def test_a_canary_that_is_mirrored_stands_there_once(tmp_path):
    season = Season(tmp_path / "mirrored").drifting()
    season.retrain()
    season.route("rollout_one", 1, [(2, 0.2)], [2])
    screen = look(season.workspace, "sentiment", None)
    text = drawn(draw_screen, screen, width=100)
    season.close()
    assert [seen.health.ref for seen in screen.deployments] == ["sentiment@1", "sentiment@2"]
    assert "sentiment@2  canary in production, 20% of the traffic, mirrored" in text
    assert "shadow in" not in text


def test_nothing_live_is_said_with_what_to_do(tmp_path):
    season = Season(tmp_path / "empty")
    text = drawn(draw_screen, look(season.workspace, None, None), width=80)
    alerts = drawn(draw_alerts, [], every=False, width=80)
    season.close()
    assert "Nothing is live here yet" in text
    assert "No alert is open." in alerts


def test_a_sparkline_rises_from_nothing_to_the_top():
    assert sparkline([0, 1, 2], width=10).plain == "▁▅█"
    assert sparkline([0, 0], width=10).plain == "▁▁"
    assert len(sparkline(range(100), width=28).plain) == 28


def test_a_drift_alert_shows_the_words_that_tell_most_and_the_figure_now(ropeway):
    said = ropeway("alerts")[1]
    assert re.search(r"words +more of \w+ \(\d+%→\d+%\), .*\n +less of \w+ ", said)
    assert re.search(r"now +0\.\d\d in the window to 2026-05-2\d 00:00 UTC\n +more of ", said)
    (alert,) = json.loads(ropeway("alerts", "--json")[1])
    assert alert["words"]["text"]["less"][0]["z"] < 0
    assert alert["now"] > alert["limit"]


def test_monitor_shows_the_figure_of_an_alert_as_it_stands_now(ropeway):
    assert re.search(r"drifted, by up to 0\.58 \(limit 0\.1\); 0\.\d\d now", ropeway("monitor")[1])


def test_no_word_of_any_text_stands_in_events(ropeway, season):
    from ropeway.workspace.operations import list_events

    events = list_events(season.workspace, verb="alert-raised", limit=1000)
    assert "http" not in json.dumps([each.body for each in events])
