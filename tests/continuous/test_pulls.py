from datetime import UTC, datetime

import pytest

from ropeway.continuous.pulls import Pulls
from ropeway.data.operations import list_versions
from ropeway.testing import FixedClock

TOML = """
[project]
name = "trial"
[source.drops]
kind = "file"
path = "drop/*.csv"
mode = "append"
schedule = "0 6 * * *"
"""
HOUR = 3600


@pytest.fixture
def clock():
    return FixedClock(datetime(2026, 1, 1, 5, 30, tzinfo=UTC))


@pytest.fixture
def workspace(project, clock):
    return project(TOML, clock=clock, **{"drop/1.csv": "a,b\n1,2\n"})


def test_a_source_is_pulled_when_its_time_comes_and_once(workspace, clock):
    pulls = Pulls(clock.now())
    assert pulls(workspace) == []
    clock.advance(seconds=HOUR)
    assert [(each.kind, each.subject) for each in pulls(workspace)] == [("pulled", "drops@v1")]
    assert pulls(workspace) == []


def test_a_controller_that_begins_anew_makes_up_for_what_it_missed(workspace, clock):
    first = Pulls(clock.now())
    clock.advance(seconds=HOUR)
    first(workspace)
    (workspace.root / "drop" / "2.csv").write_text("a,b\n3,4\n")
    clock.advance(seconds=72 * HOUR)
    assert [each.subject for each in Pulls(clock.now())(workspace)] == ["drops@v2"]
    assert len(list_versions(workspace, name="drops")) == 2


def test_what_is_wrong_is_told_and_not_asked_for_again_and_again(workspace, clock):
    pulls = Pulls(clock.now())
    (workspace.root / "drop" / "1.csv").write_text("a,b\n1\n")
    clock.advance(seconds=HOUR)
    assert "[broken-row]" in pulls(workspace)[0].says
    assert pulls(workspace) == []
    path = workspace.root / "ropeway.toml"
    path.write_text(TOML.replace("0 6", "0 25"))
    assert "the hour is '25'" in pulls(workspace)[0].says
