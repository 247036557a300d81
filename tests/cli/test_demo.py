"""The demo, for real: its own process, its own service, real tweets."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from ropeway.cli.main import main

pytestmark = pytest.mark.slow


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "ropeway.cli", "demo", str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


def finish(process):
    said, errors = process.communicate(timeout=600)
    assert process.returncode == 0, said + errors
    return said


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The folder, what the first telling said, and what the second said."""
    folder = tmp_path_factory.mktemp("demo") / "tweets"
    return folder, finish(start(folder)), finish(start(folder))


def part(said, heading):
    """What stands under a numbered heading."""
    return re.split(r"^\d+  ", said.split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_check_finds_the_defects_of_the_published_means(told):
    assert "199" in part(told[1], "Raw ratings arrive")


def test_the_raters_agreement_is_measured(told):
    assert re.search(r"0\.7[789]", part(told[1], "Labels, with measured agreement"))


def test_the_plain_model_is_refused_with_the_reason(told):
    said = part(told[1], "A plain model")
    assert "✗" in said
    assert "✗ refused: sentiment@1" in said
    assert re.search(r"sure of at least 0\.\d+: misses the bar of 0\.55", said)


def test_the_better_model_passes_and_goes_live_by_the_other_person(told):
    assert "✓ passed: sentiment@2 is validated" in part(told[1], "A better one")
    said = part(told[1], "Approved by another person")
    assert "approve sentiment@2 --as Ben" in said
    assert "live" in said


def test_real_tweets_are_answered_and_one_is_traced_back_to_its_raters(told):
    assert len(re.findall(r"p-\w+-\w+-\w+", part(told[1], "Answers over HTTP"))) >= 6
    way = part(told[1], "all the way back")
    for link in (
        "model sentiment@2",
        "run run_",
        "dataset tweets@v1",
        "ratings 'sentiment'",
        "guide ",
        "anonymous rater",
    ):
        assert link in way, link


def test_it_ends_with_status_and_what_to_try_next(told):
    said = part(told[1], "Where the project stands")
    assert re.search(r"predictions, [\d,]+ with feedback", said)
    assert "ropeway explain" in part(told[1], "What to try next")


def test_drift_is_told_with_the_words_that_tell_most(told):
    said = part(told[1], "The texts change")
    assert "drift  sentiment@2 in production" in said
    assert "'text'" in said
    assert re.search(r"more of .*\b(camera|player|product|phone)\b", said)
    assert re.search(r"less of .*\b(anonymous|http|url_removed)\b", said)


def test_late_labels_show_degradation_and_the_policy_retrains(told):
    said = part(told[1], "People say what 1,000 of them should have been")
    assert re.search(r"macro_f1 0\.\d+ \(between 0\.\d+ and 0\.\d+\)", said)
    assert "triggered  degradation of sentiment@2: alert_" in said
    assert "the gate passed sentiment@3" in said
    assert "model approve sentiment@3 --as Ben" in said


def test_the_new_version_is_live_once_its_gain_is_proven(told):
    said = part(told[1], "The new version proves itself")
    assert "goes on to 20 %" in said
    assert re.search(r"rollout-promoted: sentiment@3 is live .* after [\d,]+ entities", said)


def test_a_worse_release_goes_back_by_itself(told):
    said = part(told[1], "A release that makes things worse")
    assert re.search(r"rollout-rolled-back: sentiment@2 .*Worse after [\d,]+ entities", said)
    assert "sentiment@3  live in production" in part(told[1], "How production is now")


def test_an_answer_of_the_new_version_tells_the_whole_story(told):
    way = part(told[1], "From an answer of the new version")
    for link in (
        "model sentiment@3",
        "approved",
        "rollout of sentiment@3 against sentiment@2",
        "dataset tweets@v2",
        "feedback on the answers of sentiment@2",
        "retraining of sentiment, after: degradation",
        "alert 'degradation' of sentiment@2",
        "ratings 'sentiment'",
    ):
        assert link in way, link


def test_the_report_is_one_file_without_a_link_outward(told):
    page = (told[0] / "monitor.html").read_text()
    assert "sentiment@3" in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_told_again_it_shows_what_came_of_it_and_does_nothing_twice(told):
    again = told[2]
    assert "not told twice" in again
    assert "sentiment@3  live in production" in again
    assert "ropeway run" not in again.split("What to try next")[0]


def test_the_folder_is_an_ordinary_sound_project(told, capsys):
    for words in (["fsck"], ["status"], ["why", "sentiment@production"], ["explain"]):
        with pytest.raises(SystemExit, match="0"):
            main([*words, "-C", str(told[0])])
    assert "✓ sound" in capsys.readouterr().out


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder in which a demo was begun and stopped, by the test that comes first."""
    return tmp_path_factory.mktemp("begun") / "tweets"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_while_serving_stops_the_service_too(begun, how):
    was_begun = begun.exists()
    process = start(begun)
    try:
        port, lines = None, []
        while port is None:
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it served"
            found = re.search(r"--port (\d+)", lines[-1])
            port = int(found[1]) if found else None
        # Ctrl-C reaches the whole group, as a terminal sends it; SIGTERM the demo alone.
        os.killpg(process.pid, how) if how is signal.SIGINT else process.send_signal(how)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not still_listening(port)
    if was_begun:
        # Told again as far as here, nothing is done or judged twice.
        said = "".join(lines)
        assert "✓ ran" not in said
        assert said.count("not judged again") == 2


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    process = start(tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.startswith("error[demo-folder-taken]")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def still_listening(port):
    import socket

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        time.sleep(0.1)
    return True
