"""Writers that saturate one workspace, and an oracle of their order that notices what it is there for."""

from pathlib import Path

import msgspec
import pytest
from tests.faults.writer import APPEND, LOOK, Call
from tests.faults.writers import out_of_order, write_at_once

WRITERS, TIMES = 3, 60


@pytest.mark.slow
def test_writers_at_once_see_one_order(tmp_path: Path) -> None:
    found = write_at_once(tmp_path, writers=WRITERS, times=TIMES, seed=7)
    assert (found.calls, found.errors, found.problems) == (WRITERS * TIMES, 0, [])
    assert [share.writer for share in found.shares] == list(range(WRITERS))
    assert sum(share.share for share in found.shares) == pytest.approx(1.0, abs=0.01)


def test_an_event_that_was_over_before_its_forerunner_began_is_noticed() -> None:
    calls = [Call(APPEND, 1.0, 2.0, 7), Call(APPEND, 3.0, 4.0, 8)]
    assert out_of_order(calls) == []
    assert len(out_of_order([msgspec.structs.replace(calls[0], answer=9), calls[1]])) == 1


def test_a_look_that_misses_what_was_done_before_it_is_noticed() -> None:
    calls = [Call(APPEND, 1.0, 2.0, 7), Call(LOOK, 3.0, 4.0, [6, "mood@1"])]
    assert len(out_of_order(calls)) == 1
