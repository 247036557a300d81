import multiprocessing
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Column, Integer, String, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from ropeway.core.clock import SystemClock
from ropeway.core.ids import PersonId
from ropeway.ledger import Edge, Event, Fact, Ledger, edge, event, projected, projects
from ropeway.ledger.errors import LedgerDamaged, UnknownEvent, WorkspaceNewer
from ropeway.ledger.projections import projected_rows
from ropeway.testing import FixedClock
from ropeway.workspace import rooms

rooms.load_projections()
ANA = PersonId("person_ana")

trial = Table(
    "trial",
    projected,
    Column("number", Integer, primary_key=True),
    Column("note", String),
    Column("at", String),
)


@event("trial-held", erasable=("note",))
class TrialHeld(Event, frozen=True, kw_only=True):
    number: int
    note: str | None = None
    free: dict[str, int | float] = msgspec.field(default_factory=dict)

    def subject(self) -> str:
        return f"trial:{self.number}"

    def edges(self) -> Iterable[Edge]:
        yield Edge("trial:0", "before", self.subject())


@projects(TrialHeld)
def _hold(fact: Fact[TrialHeld], connection) -> None:
    connection.execute(
        insert(trial).values(number=fact.event.number, note=fact.event.note, at=fact.at.isoformat())
    )


@pytest.fixture
def ledger(tmp_path: Path):
    made = Ledger(tmp_path / "ledger.db", SystemClock())
    yield made
    made.close()


def hold(ledger: Ledger, *numbers: int, note: str | None = None) -> None:
    with ledger.transaction() as transaction:
        for number in numbers:
            transaction.append(TrialHeld(number=number, note=note), actor=ANA)


def numbers_of(ledger: Ledger) -> list[int]:
    with ledger.reading() as connection:
        return list(connection.execute(select(trial.c.number).order_by(trial.c.number)).scalars())


def test_an_event_and_its_projection_are_written_together(ledger: Ledger) -> None:
    hold(ledger, 1, note="hello")
    with ledger.reading() as connection:
        [fact] = ledger.facts(connection)
        assert (fact.seq, fact.actor, fact.event) == (1, ANA, TrialHeld(number=1, note="hello"))
        assert connection.execute(select(edge.c.downstream)).scalars().all() == ["trial:1"]
    assert numbers_of(ledger) == [1]


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction() as transaction:
            transaction.append(TrialHeld(number=1), actor=ANA)
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        fail()
    hold(ledger, 2)
    with ledger.reading() as connection:
        assert [fact.seq for fact in ledger.facts(connection)] == [1]
    assert numbers_of(ledger) == [2]


def test_events_cannot_be_changed_or_removed(ledger: Ledger) -> None:
    hold(ledger, 1)
    for statement in ("UPDATE event SET verb = 'x'", "DELETE FROM event"):
        with pytest.raises(DBAPIError, match="append-only"), ledger.transaction() as transaction:
            transaction.connection.execute(text(statement))
    assert numbers_of(ledger) == [1]


def test_projections_are_rebuilt_the_same_by_replay(ledger: Ledger) -> None:
    for number in range(1, 30):
        hold(ledger, number, note=f"n{number}")
    with ledger.reading() as connection:
        before = projected_rows(connection)
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("DROP TABLE trial"))
    assert ledger.rebuild() == 29
    with ledger.reading() as connection:
        assert projected_rows(connection) == before


def test_handlers_see_an_event_as_a_replay_will(ledger: Ledger) -> None:
    with ledger.transaction() as transaction:
        fact = transaction.append(TrialHeld(number=1, free={"b": 1.0, "a": 2}), actor=ANA)
    with ledger.reading() as connection:
        [replayed] = ledger.facts(connection)
    assert repr(fact) == repr(replayed)
    assert repr(fact.event.free) == "{'a': 2, 'b': 1}"


def test_a_changed_projection_is_rebuilt_when_the_ledger_is_opened(ledger: Ledger, tmp_path: Path) -> None:
    hold(ledger, 1, 2)
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("UPDATE meta SET value = 'old' WHERE key = 'projections'"))
        transaction.connection.execute(text("DELETE FROM trial"))
    again = Ledger(tmp_path / "ledger.db", SystemClock())
    assert numbers_of(again) == [1, 2]
    again.close()


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    ledger = Ledger(tmp_path / "ledger.db", clock)
    hold(ledger, 1)
    clock.advance(seconds=-3600)
    hold(ledger, 2)
    with ledger.reading() as connection:
        first, second = ledger.facts(connection)
    ledger.close()
    assert second.at >= first.at


def test_an_erased_payload_reads_as_none_and_the_rest_stays(ledger: Ledger) -> None:
    hold(ledger, 1, note="personal")
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("DELETE FROM event_payload"))
    ledger.rebuild()
    with ledger.reading() as connection:
        assert [fact.event for fact in ledger.facts(connection)] == [TrialHeld(number=1, note=None)]


def test_a_database_of_a_newer_format_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.transaction() as transaction:
        transaction.connection.execute(text("UPDATE meta SET value = '99' WHERE key = 'format'"))
    with pytest.raises(WorkspaceNewer, match="format 99"):
        Ledger(tmp_path / "ledger.db", SystemClock())


def test_an_event_of_a_newer_release_is_named_and_not_guessed(ledger: Ledger) -> None:
    hold(ledger, 1)
    statement = (
        "INSERT INTO event SELECT 2, 'ev_2', at, actor, 'moon-landed', subject, "
        "replace(replace(record, 'trial-held', 'moon-landed'), '\"seq\":1', '\"seq\":2') FROM event"
    )
    with ledger.transaction() as transaction:
        transaction.connection.exec_driver_sql(statement)
    with pytest.raises(UnknownEvent, match="'moon-landed' version 1"), ledger.reading() as connection:
        list(ledger.facts(connection))


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(LedgerDamaged, match="not a database"):
        Ledger(tmp_path / "ledger.db", SystemClock())


def _write_many(path: Path, worker: int, count: int) -> None:
    ledger = Ledger(path, SystemClock())
    for number in range(count):
        hold(ledger, worker * 1000 + number)
    ledger.close()


def test_processes_that_write_at_once_lose_nothing_and_leave_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_write_many, args=(path, worker, 25)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ledger = Ledger(path, SystemClock())
    with ledger.reading() as connection:
        assert [fact.seq for fact in ledger.facts(connection)] == list(range(1, 101))
    assert len(numbers_of(ledger)) == 100
    ledger.close()


def test_the_database_runs_in_wal_mode_with_full_sync(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_a_reader_does_not_wait_for_a_writer(ledger: Ledger) -> None:
    hold(ledger, 1)
    with ledger.transaction() as transaction:
        transaction.append(TrialHeld(number=2), actor=ANA)
        assert numbers_of(ledger) == [1]
    assert numbers_of(ledger) == [1, 2]


def test_the_standard_library_can_read_the_file(ledger: Ledger, tmp_path: Path) -> None:
    hold(ledger, 1)
    ledger.close()
    plain = sqlite3.connect(tmp_path / "ledger.db")
    assert plain.execute("SELECT count(*) FROM event").fetchone() == (1,)
    plain.close()
