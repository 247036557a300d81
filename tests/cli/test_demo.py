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
    said, errors = process.communicate(timeout=300)
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
    assert "6 predictions, 1 with feedback" in said
    assert "ropeway explain" in part(told[1], "What to try next")


def test_told_again_everything_is_cached_and_nothing_is_judged_again(told):
    again = told[2]
    assert "✓ ran" not in again
    assert "= cached" in again
    assert again.count("not judged again") == 2


def test_the_folder_is_an_ordinary_sound_project(told, capsys):
    for words in (["fsck"], ["status"], ["why", "sentiment@production"], ["explain"]):
        with pytest.raises(SystemExit, match="0"):
            main([*words, "-C", str(told[0])])
    assert "✓ sound" in capsys.readouterr().out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_while_serving_stops_the_service_too(told, how):
    process = start(told[0])
    try:
        port = None
        while port is None:
            line = process.stdout.readline()
            assert line, "it ended before it served"
            found = re.search(r"--port (\d+)", line)
            port = int(found[1]) if found else None
        # Ctrl-C reaches the whole group, as a terminal sends it; SIGTERM the demo alone.
        os.killpg(process.pid, how) if how is signal.SIGINT else process.send_signal(how)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not still_listening(port)


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    process = start(tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.startswith("error[demo-folder-taken]")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def still_listening(port):
    import socket

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        time.sleep(0.1)
    return True
