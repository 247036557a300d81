"""What the environment says of tracking: numbers are taken, junk is told of and stops nothing."""

import pytest

from ropeway.tracking.variables import LONGEST_S, first_rank, seconds


@pytest.mark.parametrize(
    ("said", "expected"), [("2.5", 2.5), ("0", 0.0), (" 7 ", 7.0), ("", 30.0), ("inf", LONGEST_S)]
)
def test_seconds_are_taken_as_they_are_said(monkeypatch: pytest.MonkeyPatch, said: str, expected: float):
    monkeypatch.setenv("ROPEWAY_SYNC_WAIT_S", said)
    assert seconds("ROPEWAY_SYNC_WAIT_S", 30.0) == expected


@pytest.mark.parametrize("said", ["soon", "nan", "-1", "30s", "1e", "0x10"])
def test_junk_is_told_of_and_the_usual_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: str
):
    monkeypatch.setenv("ROPEWAY_SYNC_WAIT_S", said)
    assert seconds("ROPEWAY_SYNC_WAIT_S", 30.0) == 30.0
    assert "ROPEWAY_SYNC_WAIT_S is" in caplog.text
    assert "export ROPEWAY_SYNC_WAIT_S=30" in caplog.text


@pytest.mark.parametrize("said", ["first", "1" * 5000])
def test_a_rank_that_is_junk_is_told_of_and_the_next_launchers_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: str
):
    monkeypatch.setenv("RANK", said)
    monkeypatch.setenv("SLURM_PROCID", "2")
    assert first_rank(("RANK", "SLURM_PROCID")) == 2
    assert f"RANK is {said[:80]!r}, not a whole number from 0" in caplog.text
