"""The clock of rehearsals: the time stands in a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ropeway.core.clock import SystemClock
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import open_workspace
from ropeway.workspace.clock import VARIABLE, FileClock, clock_of_environment
from ropeway.workspace.errors import ClockUnreadable
from ropeway.workspace.lease import take_lease

MOMENT = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)


def test_the_time_is_what_the_file_says_each_time(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    for days in (0, 30, -400):
        clock.set(MOMENT + timedelta(days=days))
        assert FileClock(tmp_path / "clock").now() == MOMENT + timedelta(days=days)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-03T09:30:00Z\n", MOMENT),
        ("2026-05-03T11:30:00+02:00", MOMENT),
        ("2026-05-03T09:30:00", MOMENT),
        ("2026-05-03", datetime(2026, 5, 3, tzinfo=UTC)),
    ],
)
def test_people_may_write_it_as_they_like(tmp_path: Path, text: str, moment: datetime) -> None:
    (tmp_path / "clock").write_text(text)
    assert FileClock(tmp_path / "clock").now() == moment


@pytest.mark.parametrize("text", ["", "soon", "25:00"])
def test_a_file_that_holds_no_time_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)
    with pytest.raises(ClockUnreadable, match="holds no time"):
        FileClock(tmp_path / "clock").now()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClockUnreadable, match=VARIABLE):
        FileClock(tmp_path / "clock").now()


def test_the_environment_names_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert isinstance(clock_of_environment(), SystemClock)
    FileClock(tmp_path / "clock").set(MOMENT)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clock"))
    assert clock_of_environment().now() == MOMENT


def test_what_happens_under_it_is_recorded_at_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(tmp_path / "p", toml=MINIMAL_PROJECT).close()
    FileClock(tmp_path / "clock").set(MOMENT)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clock"))
    with open_workspace(tmp_path / "p", actor="ana") as workspace:
        with workspace._context() as context:
            assert context.actor
        FileClock(tmp_path / "clock").set(MOMENT - timedelta(days=1))
        with workspace.ledger.reading() as connection:
            (fact,) = list(workspace.ledger.facts(connection))
        assert fact.at == MOMENT
        with take_lease(workspace, "controller") as lease:
            lease.renew()
