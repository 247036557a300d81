"""Points that any release wrote are read for ever: spools, sealed segments, blocks of the ledger.

`golden/points` was written by the release before points were packed: a spool as a running process had it, and
the segment that its end sealed. `golden/format-3-points` is of this one.
"""

import math
import shutil
from pathlib import Path

import pytest

from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.tracking.harvest import read_spool_points
from ropeway.tracking.history import history
from ropeway.tracking.points import list_points
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.segment import is_segment, read_points_of
from ropeway.tracking.series import NO_STEP, Series
from ropeway.tracking.spool import spool_path
from ropeway.tracking.start import start_run

GOLDEN = Path(__file__).parents[1] / "golden"
SAID = [
    ("loss", 0, math.inf, True),
    ("loss", 1, 0.5, True),
    ("top-5 / 'acc' µ", 1, 0.25, False),
    ("loss", NO_STEP, math.nan, True),
    ("loss", 2, 0.125, True),
]


def told(points: Series) -> list[tuple[object, ...]]:
    rows = zip(points.key.tolist(), points.step.tolist(), points.value.tolist(), points.begins, strict=True)
    return [(points.keys[place], step, value, bool(begins)) for place, step, value, begins in rows]


@pytest.mark.parametrize("name", ["spool-1.segment", "sealed-1.segment"])
def test_points_of_the_release_before_are_read(name: str):
    points = read_spool_points(GOLDEN / "points" / name)
    assert repr(told(points)) == repr(SAID)
    assert not is_segment(GOLDEN / "points" / name)


def test_a_spool_of_the_release_before_is_harvested(tmp_path: Path):
    with make_workspace(tmp_path) as workspace:
        run = start_run(workspace)
        run.artifact("note.txt", "kept")
        path = spool_path(workspace.home, run.id)
        run._spool.let_go()
        shutil.copyfile(GOLDEN / "points" / "spool-1.segment", path)
        assert recover_runs(workspace) == [run.id]
        found = resolve_run(workspace, run.id)
        assert (found.status, found.params, found.tags) == ("interrupted", {"c": 1}, {"team": "night"})
        assert found.metrics == {"loss": 0.125, "top-5 / 'acc' µ": 0.25}
        assert [point.ordinal for point in list_points(workspace, run=run.id)] == [0, 1, 1, 2, 3]


def test_a_sealed_segment_of_this_release_is_read_for_ever():
    points = read_points_of(GOLDEN / "format-3-points" / "segment", "odd / ключ")
    assert points.at_us[:2].tolist() == [1_700_000_000_000_000, 1_700_000_000_000_010]
    assert set(points.step.tolist()) == {NO_STEP}
    assert repr(points.value[:5].tolist()) == "[nan, inf, -inf, -0.0, 5e-324]"


def test_points_that_waited_in_a_ledger_of_this_release_are_read_for_ever(tmp_path: Path):
    (tmp_path / ".ropeway").mkdir()
    shutil.copyfile(GOLDEN / "format-3-points" / "ledger.db", tmp_path / ".ropeway" / "ledger.db")
    with make_workspace(tmp_path, toml=MINIMAL_PROJECT) as workspace:
        workspace.store.put_file(GOLDEN / "format-3-points" / "segment")
        run = resolve_run(workspace, "from afar").id
        with workspace._context() as context:
            loss = history(context, run, "loss")
    assert loss.value.tolist() == [1 / (step + 1) for step in range(100)]
