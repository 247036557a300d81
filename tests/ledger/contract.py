"""What a ledger keeps, whatever database it is in: a new one subclasses this and supplies `place`."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from tests.ledger.trial import ANA, TrialHeld, facts_of, hold, numbers_of, trial

from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger, edge, keep_first, keep_latest
from ropeway.ledger.database import Place, peek
from ropeway.ledger.erasure import erase_payloads
from ropeway.ledger.errors import LedgerMoved, UnknownEvent, WorkspaceNewer
from ropeway.ledger.projections import projected_rows
from ropeway.ledger.tables import meta
from ropeway.ledger.transaction import MOVED
from ropeway.testing import FixedClock

FORBIDDEN = (
    "UPDATE event SET verb = 'x'",
    "DELETE FROM event",
    "UPDATE event_payload SET value = nonce",
)
NOTES = ["", "a\x00b", "\x01", "\x00\x02\x01\x01", "'; --", "%s :x \\", "日本語 🚡", "a\r\n\t", "x" * 9000]
fork = multiprocessing.get_context("fork")


def in_children(count: int, work: Callable[[int], None]) -> None:
    """The same work in several processes at once, each with its number."""
    workers = [fork.Process(target=work, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * count


def killed_while(work: Callable[[], Iterator[None]]) -> None:
    """A process that is killed once it has come to where `work` yields."""
    there = fork.Event()

    def go() -> None:
        for _ in work():
            there.set()
            signal.pause()

    child = fork.Process(target=go)
    child.start()
    assert there.wait(60)
    os.kill(child.pid, signal.SIGKILL)
    child.join()


def change_meta(ledger: Ledger, key: str, value: str) -> None:
    with ledger.transaction() as transaction:
        keep_latest(transaction.connection, meta, key=key, value=value)


class LedgerContract:
    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, place: Place) -> Iterator[Ledger]:
        made = Ledger(place, SystemClock())
        yield made
        made.close()

    def test_an_event_and_its_projection_are_written_together(self, ledger: Ledger) -> None:
        hold(ledger, 1, note="hello")
        [fact] = facts_of(ledger)
        assert (fact.seq, fact.actor, fact.event) == (1, ANA, TrialHeld(number=1, note="hello"))
        with ledger.reading() as connection:
            assert connection.execute(select(edge.c.downstream)).scalars().all() == ["trial:1"]
        assert numbers_of(ledger) == [1]

    def test_a_transaction_that_fails_leaves_nothing(self, ledger: Ledger) -> None:
        def fail() -> None:
            with ledger.transaction() as transaction:
                transaction.append(TrialHeld(number=1), actor=ANA)
                raise RuntimeError("on the way")

        with pytest.raises(RuntimeError, match="on the way"):
            fail()
        hold(ledger, 2)
        assert [fact.seq for fact in facts_of(ledger)] == [1]
        assert numbers_of(ledger) == [2]

    def test_events_cannot_be_changed_or_removed(self, ledger: Ledger) -> None:
        hold(ledger, 1, note="kept")
        for statement in FORBIDDEN:
            with pytest.raises(DBAPIError, match=r"append-only|never changed"), ledger.transaction() as turn:
                turn.connection.execute(text(statement))
        assert facts_of(ledger)[0].event == TrialHeld(number=1, note="kept")

    def test_a_trigger_that_is_gone_is_a_problem(self, ledger: Ledger) -> None:
        with ledger.transaction() as transaction:
            on = " ON event" if transaction.connection.dialect.name == "postgresql" else ""
            transaction.connection.execute(text(f"DROP TRIGGER event_no_update{on}"))
        with ledger.reading() as connection:
            assert ["event_no_update" in each for each in ledger.problems(connection)] == [True]

    def test_projections_are_rebuilt_the_same_by_replay(self, ledger: Ledger) -> None:
        for number in range(1, 12):
            hold(ledger, number, note=f"n{number}")
        with ledger.reading() as connection:
            before = projected_rows(connection)
        with ledger.transaction() as transaction:
            transaction.connection.execute(text("DROP TABLE trial"))
        assert ledger.rebuild() == 11
        with ledger.reading() as connection:
            assert projected_rows(connection) == before

    def test_handlers_see_an_event_as_a_replay_will(self, ledger: Ledger) -> None:
        with ledger.transaction() as transaction:
            fact = transaction.append(TrialHeld(number=1, free={"b": 1.0, "a": 2}), actor=ANA)
        assert [repr(replayed) for replayed in facts_of(ledger)] == [repr(fact)]
        assert repr(fact.event.free) == "{'a': 2, 'b': 1}"

    def test_a_changed_projection_is_rebuilt_when_the_ledger_is_opened(
        self, ledger: Ledger, place: Place
    ) -> None:
        hold(ledger, 1, 2)
        with ledger.transaction() as transaction:
            transaction.connection.execute(text("UPDATE meta SET value = 'old' WHERE key = 'projections'"))
            transaction.connection.execute(text("DELETE FROM trial"))
        again = Ledger(place, SystemClock())
        assert numbers_of(again) == [1, 2]
        again.close()

    def test_time_never_runs_backwards(self, place: Place) -> None:
        clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
        ledger = Ledger(place, clock)
        hold(ledger, 1)
        clock.advance(seconds=-3600)
        hold(ledger, 2)
        first, second = facts_of(ledger)
        ledger.close()
        assert second.at >= first.at

    def test_an_erased_payload_reads_as_none_and_the_rest_stays(self, ledger: Ledger) -> None:
        hold(ledger, 1, note="personal")
        with ledger.transaction() as transaction:
            known = [fact.id for fact in ledger.facts(transaction.connection)]
            erase_payloads(transaction, known, certificate="erasure_1", actor=ANA, auth="none")
        ledger.rebuild()
        assert facts_of(ledger)[0].event == TrialHeld(number=1, note=None)

    def test_a_payload_goes_only_with_its_erasure_on_record(self, ledger: Ledger) -> None:
        hold(ledger, 1, note="personal")
        with pytest.raises(DBAPIError, match="only with its erasure"), ledger.transaction() as transaction:
            transaction.connection.execute(text("DELETE FROM event_payload"))
        assert facts_of(ledger)[0].event == TrialHeld(number=1, note="personal")

    def test_a_database_of_a_newer_format_is_refused(self, ledger: Ledger, place: Place) -> None:
        change_meta(ledger, "format", "99")
        with pytest.raises(WorkspaceNewer, match="format 99"):
            Ledger(place, SystemClock())

    def test_an_event_of_a_newer_release_is_named_and_not_guessed(self, ledger: Ledger) -> None:
        hold(ledger, 1)
        with ledger.transaction() as transaction:
            row = dict(transaction.connection.execute(text("SELECT * FROM event")).mappings().one())
            record = row["record"].replace(b"trial-held", b"moon-landed").replace(b'"seq":1', b'"seq":2')
            row |= {"seq": 2, "id": "ev_2", "verb": "moon-landed", "record": record}
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            transaction.connection.execute(text(f"INSERT INTO event ({names}) VALUES ({values})"), row)
        with pytest.raises(UnknownEvent, match="'moon-landed' version 1"):
            facts_of(ledger)

    def test_a_ledger_that_was_moved_is_neither_opened_nor_written(
        self, ledger: Ledger, place: Place
    ) -> None:
        change_meta(ledger, MOVED, "postgresql://elsewhere/db")
        with pytest.raises(LedgerMoved, match="elsewhere"):
            hold(ledger, 1)
        with pytest.raises(LedgerMoved, match="elsewhere"):
            Ledger(place, SystemClock())

    def test_a_reader_does_not_wait_for_a_writer(self, ledger: Ledger) -> None:
        hold(ledger, 1)
        with ledger.transaction() as transaction:
            transaction.append(TrialHeld(number=2), actor=ANA)
            assert numbers_of(ledger) == [1]
        assert numbers_of(ledger) == [1, 2]

    def test_a_snapshot_stays_as_it_was_while_others_write(self, ledger: Ledger) -> None:
        hold(ledger, 1)
        with ledger.reading() as connection:
            question = select(trial.c.number).order_by(trial.c.number)
            before = connection.execute(question).scalars().all()
            hold(ledger, 2)
            assert connection.execute(question).scalars().all() == before == [1]
        assert numbers_of(ledger) == [1, 2]

    def test_a_writer_reads_what_the_one_before_it_left(self, ledger: Ledger) -> None:
        def count_up() -> None:
            for _ in range(10):
                with ledger.transaction() as transaction:
                    highest = transaction.connection.execute(text("SELECT max(number) FROM trial")).scalar()
                    transaction.append(TrialHeld(number=(highest or 0) + 1), actor=ANA)

        threads = [threading.Thread(target=count_up) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert numbers_of(ledger) == list(range(1, 61))
        assert [fact.seq for fact in facts_of(ledger)] == list(range(1, 61))

    def test_processes_that_write_at_once_leave_no_gap_and_times_rise(self, place: Place) -> None:
        Ledger(place, SystemClock()).close()

        def write(worker: int) -> None:
            ledger = Ledger(place, SystemClock())
            for number in range(15):
                hold(ledger, worker * 1000 + number)
            ledger.close()

        in_children(4, write)
        ledger = Ledger(place, SystemClock())
        facts = facts_of(ledger)
        assert [fact.seq for fact in facts] == list(range(1, 61))
        assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)
        assert len(numbers_of(ledger)) == 60
        ledger.close()

    def test_processes_that_open_a_new_ledger_at_once_all_can(self, place: Place) -> None:
        def begin(number: int) -> None:
            ledger = Ledger(place, SystemClock())
            hold(ledger, number)
            ledger.close()

        in_children(4, begin)
        ledger = Ledger(place, SystemClock())
        assert numbers_of(ledger) == [0, 1, 2, 3]
        ledger.close()

    def test_a_writer_that_is_killed_lets_the_next_one_in(self, ledger: Ledger, place: Place) -> None:
        def stop_within_a_turn() -> Iterator[None]:
            other = Ledger(place, SystemClock())
            with other.transaction() as transaction:
                transaction.append(TrialHeld(number=1), actor=ANA)
                yield

        killed_while(stop_within_a_turn)
        hold(ledger, 2)
        assert numbers_of(ledger) == [2]
        assert [fact.seq for fact in facts_of(ledger)] == [1]

    def test_a_second_turn_within_a_turn_is_a_fault_of_ours(self, ledger: Ledger) -> None:
        with (
            ledger.transaction(),
            pytest.raises(AssertionError, match="one write transaction at a time"),
            ledger.transaction(),
        ):
            pass
        hold(ledger, 1)

    def test_one_that_lives_holds_a_piece_of_work_alone(self, ledger: Ledger, place: Place) -> None:
        other = Ledger(place, SystemClock())
        held = ledger.try_hold("controller")
        assert held is not None
        assert held.is_held()
        assert other.try_hold("controller") is None
        other.try_hold("something-else").release()
        held.release()
        other.try_hold("controller").release()
        other.close()

    def test_one_that_is_killed_holds_nothing(self, ledger: Ledger, place: Place) -> None:
        def hold_on() -> Iterator[None]:
            other = Ledger(place, SystemClock())
            assert other.try_hold("controller") is not None
            yield

        killed_while(hold_on)
        for _ in range(200):
            held = ledger.try_hold("controller")
            if held is not None:
                break
            threading.Event().wait(0.05)
        held.release()

    def test_any_text_comes_back_as_it_was(self, ledger: Ledger) -> None:
        for number, note in enumerate(NOTES):
            hold(ledger, number, note=note)
        with ledger.reading() as connection:
            question = select(trial.c.note).order_by(trial.c.number)
            assert connection.execute(question).scalars().all() == NOTES
            for number, note in enumerate(NOTES):
                found = connection.execute(select(trial.c.number).where(trial.c.note == note))
                assert found.scalars().all() == [number]
        assert [fact.event.note for fact in facts_of(ledger)] == NOTES

    def test_texts_sort_by_their_characters(self, ledger: Ledger) -> None:
        notes = [
            "b",
            "a",
            "B",
            "_",
            "é",
            "e",
            "",
            "a\x00",
            "a\x01",
            "ab",
            "a b",
            "10",
            "9",
            "日",
            "🚡",
            "A-b",
        ]
        for number, note in enumerate(notes):
            hold(ledger, number, note=note)
        with ledger.reading() as connection:
            found = connection.execute(select(trial.c.note).order_by(trial.c.note)).scalars().all()
        assert found == sorted(notes)

    def test_any_number_comes_back_as_it_was(self, ledger: Ledger) -> None:
        amounts = [0.1, 1 / 3, 1e308, 5e-324, -2.5, 123456789.123456789]
        with ledger.transaction() as transaction:
            for place, amount in enumerate(amounts):
                transaction.append(TrialHeld(number=2**53 - 1 - place, amount=amount), actor=ANA)
        with ledger.reading() as connection:
            rows = connection.execute(select(trial.c.number, trial.c.amount).order_by(trial.c.number.desc()))
            assert [tuple(row) for row in rows] == [(2**53 - 1 - n, each) for n, each in enumerate(amounts)]

    def test_a_row_is_kept_as_it_was_first_or_as_it_was_last(self, ledger: Ledger) -> None:
        with ledger.transaction() as transaction:
            connection = transaction.connection
            keep_first(connection, trial, {"number": 1, "note": "a"}, {"number": 1, "note": "b"})
            keep_latest(connection, trial, number=2, note="a", at="then")
            keep_latest(connection, trial, number=2, note="b")
            rows = connection.execute(select(trial.c.note, trial.c.at).order_by(trial.c.number)).all()
        assert [tuple(row) for row in rows] == [("a", None), ("b", "then")]

    def test_a_look_from_outside_sees_the_ledger_and_makes_none(self, place: Place) -> None:
        with peek(place) as connection:
            assert connection is None
        ledger = Ledger(place, SystemClock())
        hold(ledger, 1)
        with peek(place) as connection:
            assert connection is not None
            assert connection.execute(select(trial.c.number)).scalar_one() == 1
        ledger.close()
