"""Threads that wait for each other become durable together: what each may rely on all the same."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError
from tests.ledger.contract import fork
from tests.ledger.test_postgres import cut_all
from tests.ledger.trial import ANA, TrialHeld, facts_of, numbers_of, trial
from tests.postgres import PostgresServer

from ropeway.core import merkle
from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger, Transaction
from ropeway.ledger.database import Place, PostgresPlace
from ropeway.ledger.errors import DiskFull, LedgerUnreachable
from ropeway.ledger.projections import projected_rows
from ropeway.ledger.tables import event as events
from ropeway.ledger.tree import root_at

Work = Callable[[Transaction], object]


def held(*numbers: int) -> Work:
    def work(transaction: Transaction) -> None:
        for number in numbers:
            transaction.append(TrialHeld(number=number, note=f"n{number}"), actor=ANA)

    return work


def failing(number: int) -> Work:
    def work(transaction: Transaction) -> None:
        transaction.append(TrialHeld(number=number), actor=ANA)
        raise RuntimeError("changed its mind")

    return work


def in_line(ledger: Ledger, *works: Work, alone: frozenset[int] = frozenset()) -> list[BaseException | None]:
    """Do each piece of work in a turn of its own; the first waits for the others to stand in line."""
    ended: list[BaseException | None] = [None] * len(works)
    came = threading.Event()

    def go(place: int) -> None:
        try:
            with ledger.transaction(alone=place in alone) as transaction:
                came.set()
                if place == 0:
                    wait_for(ledger, len(works) - 1)
                works[place](transaction)
        except BaseException as error:  # noqa: BLE001
            ended[place] = error

    threads = [threading.Thread(target=go, args=(place,)) for place in range(len(works))]
    for standing, thread in enumerate(threads):
        thread.start()
        came.wait()
        # Once the last stands in line, the first goes on, and the line may be gone before we look.
        if standing < len(works) - 1:
            wait_for(ledger, standing)
    for thread in threads:
        thread.join()
    return ended


def wait_for(ledger: Ledger, length: int) -> None:
    while ledger._turns._line.length < length:
        threading.Event().wait(0.001)


def commits_of(ledger: Ledger) -> list[str]:
    said: list[str] = []
    event.listen(ledger._database._engine, "commit", lambda _: said.append("commit"))
    return said


def check_sound(ledger: Ledger, numbers: list[int]) -> None:
    assert [fact.seq for fact in facts_of(ledger)] == list(range(1, len(numbers) + 1))
    assert numbers_of(ledger) == sorted(numbers)
    with ledger.reading() as connection:
        before = projected_rows(connection)
        records = connection.execute(select(events.c.record).order_by(events.c.seq)).scalars().all()
        leaves = [merkle.leaf_hash(record) for record in records]
        grown = merkle.Frontier()
        for leaf in leaves:
            list(grown.add(leaf))
        assert root_at(connection, len(leaves)) == grown.root()
    assert ledger.rebuild() == len(numbers)
    with ledger.reading() as connection:
        assert projected_rows(connection) == before


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine takes its time between two turns; what is tested here is not how long.
    monkeypatch.setattr("ropeway.ledger.turns.TOGETHER_S", 60.0)


class TogetherContract:
    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, place: Place) -> Iterator[Ledger]:
        made = Ledger(place, SystemClock())
        yield made
        made.close()

    def test_those_who_wait_in_line_share_one_commit(self, ledger: Ledger) -> None:
        commits = commits_of(ledger)
        assert in_line(ledger, *(held(number, 100 + number) for number in range(1, 9))) == [None] * 8
        assert len(commits) == 1
        check_sound(ledger, [*range(1, 9), *range(101, 109)])

    def test_each_is_told_how_many_events_were_its_own(self, ledger: Ledger) -> None:
        told: list[int] = []
        ledger.after_commit = told.append
        in_line(ledger, held(1), held(2, 3), held())
        assert sorted(told) == [1, 2]

    def test_nobody_returns_before_the_commit(self, ledger: Ledger) -> None:
        returned: list[int] = []
        before: list[list[int]] = []
        event.listen(ledger._database._engine, "commit", lambda _: before.append(list(returned)))
        ledger.after_commit = returned.append
        in_line(ledger, held(1), held(2), held(3))
        assert (before, returned) == ([[]], [1, 1, 1])

    def test_a_turn_that_fails_takes_back_its_own_alone(self, ledger: Ledger) -> None:
        ended = in_line(ledger, held(1), failing(2), held(3), failing(4), held(5))
        assert [type(each) for each in ended] == [type(None), RuntimeError] * 2 + [type(None)]
        check_sound(ledger, [1, 3, 5])

    def test_a_first_turn_that_fails_leaves_the_rest_a_fresh_one(self, ledger: Ledger) -> None:
        assert isinstance(in_line(ledger, failing(1), held(2), held(3))[0], RuntimeError)
        check_sound(ledger, [2, 3])

    def test_a_turn_that_the_database_refuses_takes_back_its_own_alone(self, ledger: Ledger) -> None:
        ended = in_line(ledger, held(1), held(1), held(2))
        assert [type(each) for each in ended] == [type(None), IntegrityError, type(None)]
        check_sound(ledger, [1, 2])

    def test_a_turn_sees_what_those_before_it_wrote(self, ledger: Ledger) -> None:
        seen: list[list[int]] = []

        def look(transaction: Transaction) -> None:
            seen.append(list(transaction.connection.execute(select(trial.c.number)).scalars()))

        in_line(ledger, held(1), failing(2), held(3), look)
        assert [sorted(each) for each in seen] == [[1, 3]]

    def test_who_wants_to_be_alone_shares_with_nobody(self, ledger: Ledger) -> None:
        commits = commits_of(ledger)
        in_line(ledger, held(1), held(2), held(3), held(4), alone=frozenset({1}))
        assert len(commits) == 3
        check_sound(ledger, [1, 2, 3, 4])

    def test_none_of_those_who_wait_is_durable_when_the_process_is_killed(
        self, ledger: Ledger, place: Place
    ) -> None:
        def go() -> None:
            own = Ledger(place, SystemClock())

            def die(_: Transaction) -> None:
                os.kill(os.getpid(), signal.SIGKILL)

            in_line(own, held(1), held(2), die)

        child = fork.Process(target=go)
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        check_sound(ledger, [])

    def test_a_thread_that_asks_for_a_turn_within_its_own_is_told(self, ledger: Ledger) -> None:
        def twice() -> None:
            with ledger.transaction(), ledger.transaction():
                pass

        with pytest.raises(AssertionError, match="one write transaction at a time"):
            twice()
        assert in_line(ledger, held(1), held(2)) == [None, None]


class TestSqlite(TogetherContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger.db"

    def test_a_full_disk_is_told_to_all_whose_work_it_took(self, ledger: Ledger) -> None:
        def fill(transaction: Transaction) -> None:
            # From here on the file may not grow by a page: SQLite says that the disk is full.
            pages = transaction.connection.execute(text("PRAGMA page_count")).scalar()
            transaction.connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            held(*range(10, 2000))(transaction)

        ended = in_line(ledger, held(1), held(2), fill)
        assert isinstance(ended[2], DiskFull)
        with ledger.transaction() as transaction:
            transaction.connection.execute(text("PRAGMA max_page_count = 1073741823"))
        there = numbers_of(ledger)
        # Whether the others' work survives is SQLite's to say; that they were told the truth is ours.
        assert there == [number for number, failure in ((1, ended[0]), (2, ended[1])) if failure is None]
        assert all(failure is None or isinstance(failure, DiskFull) for failure in ended)
        check_sound(ledger, there)


class TestPostgres(TogetherContract):
    @pytest.fixture
    def place(self, postgres: PostgresServer) -> PostgresPlace:
        return postgres.place()

    def test_a_connection_that_is_cut_takes_all_who_shared_it(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        def cut(transaction: Transaction) -> None:
            cut_all(postgres)
            held(3)(transaction)

        ended = in_line(ledger, held(1), held(2), cut)
        assert [type(each) for each in ended] == [LedgerUnreachable] * 3
        assert numbers_of(ledger) == []
        assert in_line(ledger, held(4), held(5)) == [None, None]
        check_sound(ledger, [4, 5])
