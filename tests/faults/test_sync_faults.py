"""What breaks while scripts log and `ropeway sync` brings it, in short: every run is complete."""

from pathlib import Path

import pytest
from tests.faults.tracks.script import Script, told
from tests.faults.tracks.waiting import break_sync


def quiet(_line: str) -> None:
    """Nobody watches."""


@pytest.mark.slow
def test_runs_are_complete_whatever_was_killed_on_their_way(tmp_path: Path) -> None:
    found = break_sync(tmp_path, 4, seed=7, say=quiet)
    assert found.problems == []
    assert found.kills["server"] >= 1
    assert found.points > 0


def test_a_script_says_of_every_call_what_came_of_it(tmp_path: Path) -> None:
    script = Script(str(tmp_path), "7 s0", "s0", str(tmp_path / "told"))
    (tmp_path / "told").write_bytes(b"run_1\n++-+E")
    assert told(script) == ("run_1", [b"+", b"+", b"-", b"+"], True)
    (tmp_path / "told").write_bytes(b"run_1\n++")
    assert told(script) == ("run_1", [b"+", b"+"], False)
    assert list(script.acts()) == list(script.acts())
