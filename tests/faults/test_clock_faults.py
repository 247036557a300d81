"""Eight faults of the clock: history keeps its order, runs end once, and one holder of a lease at a time."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.faults.oracle import problems_of

from ropeway.core.ids import PersonId, new_id
from ropeway.ledger.people import PersonIntroduced
from ropeway.testing import make_workspace
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.clock import FileClock
from ropeway.workspace.errors import LeaseLost
from ropeway.workspace.lease import TERM, take_lease

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, YEARS = timedelta(days=1), timedelta(days=3650)


class Trial:
    """A project, its clock, and others who work in it with clocks of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.root = folder / "project"
        self._stack = stack
        self.clock = self.clock_at(START)
        make_workspace(self.root, files={"train.py": "loss = 1\n"}).close()
        self.workspace = self.opened(self.clock)
        self.runs: list[str] = []

    def clock_at(self, moment: datetime) -> FileClock:
        clock = FileClock(self.root.parent / f"clock-{new_id('tmp')}")
        clock.set(moment)
        return clock

    def opened(self, clock: FileClock) -> LocalWorkspace:
        return self._stack.enter_context(LocalWorkspace(self.root, actor="ana", clock=clock))

    def work(self, workspace: LocalWorkspace | None = None, *, jump: timedelta | None = None) -> None:
        """An event, and a run in the middle of which the clock may jump."""
        workspace = workspace or self.workspace
        with workspace.ledger.transaction() as transaction:
            someone = PersonId(new_id("person"))
            transaction.append(PersonIntroduced(person=someone, name="someone"), actor=someone)
        with start_run(workspace, name="trial") as run:
            run.log(0, loss=0.5)
            if jump is not None:
                self.clock.set(self.clock.now() + jump)
            run.log(1, loss=0.25)
        self.runs.append(run.id)


def _back_a_day(trial: Trial) -> None:
    trial.work()
    trial.clock.set(START - DAY)
    trial.work()


def _ten_years_ahead(trial: Trial) -> None:
    trial.work()
    trial.clock.set(START + YEARS)
    trial.work()
    trial.clock.set(START + DAY)
    trial.work()


def _frozen(trial: Trial) -> None:
    for _ in range(4):
        trial.work()


def _backwards_in_a_run(trial: Trial) -> None:
    trial.work(jump=-DAY)
    trial.work(jump=-YEARS)


def _a_leap_second_and_the_end_of_summer(trial: Trial) -> None:
    for moment in (
        "2016-12-31T23:59:59.900+00:00",
        "2016-12-31T23:59:59.100+00:00",
        "2026-10-25T02:59:59+02:00",
        "2026-10-25T02:00:00+01:00",
    ):
        trial.clock.path.write_text(moment, encoding="utf-8")
        trial.work()


def _ahead_during_a_lease(trial: Trial) -> None:
    first, second = trial.workspace, trial.opened(trial.clock)
    held = take_lease(first, "controller")
    trial.clock.set(START + YEARS)
    with take_lease(second, "controller") as newer:
        assert newer.token == held.token + 1
        fenced = first.fenced(held)
        with pytest.raises(LeaseLost, match="controller"):
            start_run(fenced, name="too late")
        fenced.close()
        trial.clock.set(START)
        newer.renew()
        trial.work(second)
    held.release()
    trial.clock.set(START - YEARS)
    with take_lease(second, "controller") as last:
        assert last.token == held.token + 2


def _two_clocks_years_apart(trial: Trial) -> None:
    other = trial.opened(trial.clock_at(START - YEARS))
    for _ in range(2):
        trial.work()
        trial.work(other)
    held = take_lease(other, "controller")
    # By this clock its term is long over: it is followed, and can write nothing more.
    with take_lease(trial.workspace, "controller"):
        fenced = other.fenced(held)
        with pytest.raises(LeaseLost, match="controller"):
            start_run(fenced, name="too late")
        fenced.close()
    held.release()


def _the_far_past(trial: Trial) -> None:
    for moment in (datetime(1970, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)):
        trial.clock.set(moment)
        trial.work()
    trial.clock.set(START + TERM)
    trial.work()


FAULTS = (
    _back_a_day,
    _ten_years_ahead,
    _frozen,
    _backwards_in_a_run,
    _a_leap_second_and_the_end_of_summer,
    _ahead_during_a_lease,
    _two_clocks_years_apart,
    _the_far_past,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_no_clock_breaks_the_order_or_a_lease(tmp_path: Path, fault: Callable[[Trial], None]) -> None:
    with ExitStack() as stack:
        trial = Trial(tmp_path, stack)
        fault(trial)
        with trial.workspace.ledger.reading() as connection:
            facts = list(trial.workspace.ledger.facts(connection))
        assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
        assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)
        runs = [resolve_run(trial.workspace, run) for run in trial.runs]
        assert {run.status for run in runs} <= {"finished"}
        assert problems_of(trial.workspace) == []
