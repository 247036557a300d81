"""`ropeway controller`, `policy` and `retrain`, as they are typed."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from ropeway.cli.main import main
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import VARIABLE, FileClock
from ropeway.workspace.lease import take_lease

Say = Callable[..., tuple[int, str, str]]

SCRIPT = Path(__file__).parents[1] / "continuous" / "retraining" / "retrained.py"


def _load() -> ModuleType:
    spec = spec_from_file_location("retrained", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


retrained = _load()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorkspace]:
    """A project with a live version, in a rehearsal whose clock stands in a file."""
    clock = FileClock(tmp_path / "clock")
    clock.set(retrained.START)
    monkeypatch.setenv(VARIABLE, str(clock.path))
    with retrained.live_project(tmp_path / "p", clock=clock) as made:
        yield made


@pytest.fixture
def say(workspace: LocalWorkspace, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command line in the project; gives exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*words, "-C", str(workspace.root)])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def settings(workspace: LocalWorkspace, policy: str) -> None:
    (workspace.root / "ropeway.toml").write_text(retrained.PROJECT + policy)


def test_policy_says_in_words_what_it_will_do_and_when(say: Say, workspace: LocalWorkspace) -> None:
    settings(
        workspace,
        '[policy]\ntriggers = ["schedule", "drift"]\nschedule = "0 3 * * 1"\ntime_zone = "Europe/Berlin"\n',
    )
    code, out, _ = say("policy")
    assert code == 0
    assert "halves in production: halves@1 is live" in out
    assert "at 03:00 on Monday (Europe/Berlin); on an alert of drift; when a person says so" in out
    assert "Mon 2026-03-09 03:00 CET" in out


def test_policy_shows_what_asks_and_what_holds_it_back(say: Say, workspace: LocalWorkspace) -> None:
    settings(workspace, retrained.POLICY.replace("[policy.data]", 'quiet = ["08:00-10:00"]\n[policy.data]'))
    retrained.judged_rows(workspace, 40)
    _, out, _ = say("policy")
    assert "new-data: 40 predictions were judged that the data does not have" in out
    assert "quiet hours until 10:00" in out
    _, out, _ = say("policy", "--json")
    assert json.loads(out)["pending"][0]["held"] == ["quiet hours until 10:00"]


def test_policy_check_names_contradictions_and_exits_with_2(say: Say, workspace: LocalWorkspace) -> None:
    assert say("policy", "check")[:2] == (0, "the policy is sound\n")
    settings(workspace, retrained.POLICY.replace("[policy.data]", 'time_zone = "Mars"\n[policy.data]'))
    code, out, _ = say("policy", "check")
    assert code == 2
    assert "[policy] time_zone  there is no time zone 'Mars'" in out


def test_a_project_without_a_policy_is_told_what_is_missing(say: Say, workspace: LocalWorkspace) -> None:
    settings(workspace, "")
    for words in (["policy"], ["policy", "check"], ["policy", "pause", "x"], ["retrain"]):
        code, _, err = say(*words)
        assert code == 3
        assert "error[no-policy]" in err


def test_pausing_and_resuming(say: Say, workspace: LocalWorkspace) -> None:
    assert "is paused: lunch" in say("policy", "pause", "lunch")[1]
    assert "paused since 2026-03-02 09:00: lunch" in say("policy")[1]
    code, _, err = say("retrain")
    assert (code, "error[policy-paused]" in err) == (3, True)
    assert "goes on" in say("policy", "resume", "--note", "back")[1]


def test_once_does_a_round_and_says_what_it_did(say: Say, workspace: LocalWorkspace) -> None:
    retrained.judged_rows(workspace, 40)
    code, out, _ = say("controller", "--once")
    assert code == 0
    assert "halves@2 begins beside halves@1" in out
    assert say("controller", "--once")[1] == "nothing to do\n"
    assert '"by": "controller"' in say("policy", "--json")[1]


def test_once_ends_quietly_with_3_while_another_one_works(say: Say, workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller"):
        assert say("controller", "--once") == (3, "", "")


def test_the_loop_is_refused_with_words_while_another_one_works(say: Say, workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller"):
        code, _, err = say("controller")
    assert code == 3
    assert "error[lease-held]  The controller is run by" in err


def test_retraining_by_hand_shows_each_stage(say: Say, workspace: LocalWorkspace) -> None:
    retrained.judged_rows(workspace, 5)
    code, out, _ = say("retrain", "--why", "to see", "--as", "ana")
    assert code == 0
    assert "5 judged predictions added: numbers@v2 has 125 rows" in out
    assert "ropeway rollout halves" in out
    code, _, err = say("retrain")
    assert (code, "A retraining of 'halves' cannot begin: halves@2 is on its way to production" in err) == (
        3,
        True,
    )
    assert "ropeway rollout halves" in err


def test_what_a_retraining_waits_for_is_taken_on_by_the_controller(
    say: Say, workspace: LocalWorkspace
) -> None:
    settings(workspace, retrained.POLICY.replace('"by-rule"', '"two-person"'))
    retrained.judged_rows(workspace, 5)
    assert "ropeway model approve halves@2" in say("retrain")[1]
    _, out, _ = say("model", "approve", "halves@2", "--as", "ben")
    assert "ropeway controller --once" in out


def test_retraining_by_hand_is_left_to_a_controller_at_work(say: Say, workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller"):
        code, out, err = say("retrain")
    assert code == 0
    assert "the controller that is at work takes it on" in err
    assert "stands at triggered" in out
    code, _, err = say("retrain")
    assert (code, "error[retraining-underway]" in err) == (3, True)


def test_sigterm_ends_the_loop_after_its_round(
    workspace: LocalWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This project is one of many copies, of which others were signed for before.
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "own"))
    command = [sys.executable, "-m", "ropeway.cli", "controller", "--every", "0.1", "-C", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert "a round every 0.1 s" in process.stderr.readline()
        assert "goes by the policy" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
    with take_lease(workspace, "controller"):
        pass


def test_a_signal_that_comes_while_the_loop_goes_to_sleep_ends_it_too() -> None:
    from ropeway.cli.controller import _signals

    stop = threading.Event()
    with _signals(stop):
        # As the interpreter holds it in the middle of stop.wait(); what set it from here would wait for ever.
        with stop._cond:
            signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)
