"""The tutorial works as written. Its outcome is computed: what is held here is that each turn was taken."""

import re

import pytest
from tests.docs.pages import ROOT, run_as_written

BIKES = ROOT / "docs" / "tutorial" / "bikes.md"
PATIENCE_S = 900
"""Ten months take a minute and a half on two free cores, and more beside the other tests."""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the ten months said."""
    return run_as_written(BIKES, tmp_path_factory.mktemp("year"), PATIENCE_S)


def position(said, pattern):
    found = re.search(pattern, said)
    assert found, f"nobody said {pattern!r}:\n{said}"
    return found.start()


@pytest.mark.slow
def test_winter_meets_spring_and_a_retrained_version_proves_itself(said):
    turns = [
        r"bikes@1 is live",
        r"alert .*'temp'.* drifted",
        r"triggered +degradation of bikes@1: alert_",
        r"released +bikes@2 begins beside bikes@1",
        r"rollout-advanced +bikes@2 goes on to 25 %",
        r"rollout-promoted +bikes@2 is live",
        r"rollout-promoted +bikes@3 is live",
    ]
    assert [position(said, turn) for turn in turns] == sorted(position(said, turn) for turn in turns)


@pytest.mark.slow
def test_a_bad_release_goes_back_by_itself_from_the_shadow(said):
    assert position(said, r"bikes@1 is rolled back: Worse after") > position(said, r"bikes@3 is live")
    assert re.search(r"steps +· shadow +○ 25 %", said[position(said, r"bikes@1 is rolled back") :])


@pytest.mark.slow
def test_summer_recovers_what_spring_had_lost(said):
    weeks = re.findall(r"^(\d\d) (\w{3})  the week's forecasts were off by (\d+)", said, re.MULTILINE)
    by_month = {month: [int(off) for _, at, off in weeks if at == month] for month in ("May", "Jul")}
    assert max(by_month["Jul"]) < max(by_month["May"]) / 1.5
    assert len(weeks) == 41


@pytest.mark.slow
def test_everything_is_on_record_and_sound(said):
    assert "✓ sound" in said
    assert re.search(r"model bikes@3 +controller", said)
    assert re.search(r"monitor\.html +[\d.,]+ KB", said)
    assert "error[" not in said
    assert not re.search(r"^ +\S error ", said, re.MULTILINE), "a part of a controller's round failed"
