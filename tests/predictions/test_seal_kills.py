"""A sealer killed at random points loses nothing and counts nothing twice."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.predictions.written import AT, answers, say

from ropeway.keeping.operations import fsck
from ropeway.predictions.history import feedback, predictions
from ropeway.predictions.record import find_in
from ropeway.predictions.seal import seal
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

KILLS = 36
SEALER = Path(__file__).with_name("sealer.py")


@pytest.mark.slow
def test_a_sealer_killed_anywhere_loses_nothing_and_doubles_nothing(workspace: LocalWorkspace) -> None:
    draw = random.Random(20261121)
    expected: list[str] = []
    killed = ended = 0
    with subprocess.Popen(
        [sys.executable, str(SEALER), str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sealer:
        assert sealer.stdin is not None
        assert sealer.stdout is not None

        def ask(delay: str) -> tuple[float, int]:
            sealer.stdin.write(delay + "\n")
            sealer.stdin.flush()
            lived, status = sealer.stdout.readline().split()
            return float(lived), int(status)

        def write() -> None:
            ids = answers(workspace.home, 12, log={"segment_bytes": 300})
            say(workspace.home, ids[0], "no", at=AT)
            expected.extend(ids)

        write()
        longest, _ = ask("-")
        for _ in range(KILLS):
            write()
            _, status = ask(str(draw.uniform(0, longest * 1.2)))
            killed += status == -signal.SIGKILL
            ended += status == 0
            assert sorted(predictions(workspace)["id"]) == sorted(expected)
        sealer.stdin.close()
    assert killed >= KILLS // 2
    assert killed + ended == KILLS
    seal(workspace)
    assert list(workspace.home.rglob("*.seg")) == []
    assert sorted(predictions(workspace)["id"]) == sorted(expected)
    assert feedback(workspace)["truths"].to_list() == [1] * (KILLS + 1)
    subjects = [each.subject for each in list_events(workspace, limit=10_000, verb="segment-sealed")]
    assert len(subjects) == len(set(subjects))
    assert [find_in(workspace.home, each).id for each in expected[::40]] == expected[::40]
    assert fsck(workspace).is_sound
