"""What a hand slips into a run: wrong references, steps and names, and Ctrl-C."""

import signal
import subprocess
import sys

import pytest

from ropeway.data.add import add
from ropeway.tracking.errors import AmbiguousRun, ReferenceUnknown, SettingInvalid, SortInvalid, StepInvalid
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.search import search_runs
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

STOPPED = """
import signal, time
import ropeway
with ropeway.run(name="stopped") as run:
    run.log(1, loss=0.5)
    print("logged", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def words(workspace: LocalWorkspace, tmp_path) -> str:
    (tmp_path / "words.csv").write_text("id,word\n1,a\n2,b\n")
    return add(workspace, tmp_path / "words.csv").version.reference


def test_an_input_that_is_not_on_record_is_refused(workspace: LocalWorkspace, words):
    with start_run(workspace) as run:
        with pytest.raises(ReferenceUnknown, match=r"(?s)'dataset:nope@v9' was not .*such as dataset:words@"):
            run.uses("dataset:nope@v9")
        run.uses(words)
        run.uses("url:https://example.org/words")
    assert resolve_run(workspace, run.id).inputs == [words, "url:https://example.org/words"]
    with pytest.raises(ReferenceUnknown, match="no such model"):
        start_run(workspace, inputs=["model:words@1"])
    assert len(search_runs(workspace)) == 1


def test_a_version_as_people_name_it_is_refused_with_the_whole_reference(workspace: LocalWorkspace, words):
    with start_run(workspace) as run, pytest.raises(ReferenceUnknown, match=f"such as {words}"):
        run.uses("dataset:words@v1")


def test_a_run_stopped_from_the_keyboard_is_interrupted(workspace: LocalWorkspace):
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED], cwd=workspace.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    child.communicate()
    found = resolve_run(workspace, "stopped")
    assert (found.status, found.metrics, found.error_type) == ("interrupted", {"loss": 0.5}, "")
    assert found.duration_s is not None
    assert found.duration_s > 0
    assert recover_runs(workspace) == []


def test_a_run_that_died_without_a_sign_has_no_duration(workspace: LocalWorkspace):
    run = start_run(workspace)
    run._spool.let_go()  # as death does
    assert recover_runs(workspace) == [run.id]
    found = resolve_run(workspace, run.id)
    assert (found.status, found.duration_s) == ("interrupted", None)


def test_a_beginning_that_many_runs_share_counts_them_all(workspace: LocalWorkspace):
    for _ in range(12):
        start_run(workspace).finish()
    with pytest.raises(AmbiguousRun, match=r"the beginning of 12 runs") as caught:
        resolve_run(workspace, "run_")
    assert caught.value.expected.count("run_") == 8


def test_a_sort_key_is_not_called_a_filter(workspace: LocalWorkspace):
    with pytest.raises(SortInvalid, match=r"(?s)The sort key cannot be read at column 1.*--sort="):
        search_runs(workspace, sort=["speed"])


def test_a_step_is_not_called_a_metric(workspace: LocalWorkspace):
    with (
        start_run(workspace) as run,
        pytest.raises(StepInvalid, match=r"(?s)step 1\.5 was not.*a whole number"),
    ):
        run.log(1.5, loss=1.0)


@pytest.mark.parametrize(
    ("name", "good"), [("../x.png", "x.png"), ("/tmp/x.png", "x.png"), ("..", "curve.png"), ("a/../b", "b")]
)
def test_a_name_that_leads_out_comes_back_as_one_that_does_not(workspace: LocalWorkspace, name, good):
    with start_run(workspace) as run:
        with pytest.raises(SettingInvalid, match=f'run.artifact\\("{good}", data\\)'):
            run.artifact(name, b"")
        run.artifact(good, b"")
