"""A ledger in PostgreSQL: the contract, and what only a server can do to it."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.ledger.contract import LedgerContract
from tests.ledger.trial import ANA, TrialHeld, facts_of, hold, numbers_of
from tests.postgres import PostgresServer

from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger
from ropeway.ledger.database import PostgresPlace, place_from
from ropeway.ledger.database.postgres_errors import reason_of
from ropeway.ledger.errors import CommitUnknown, LedgerPlaceInvalid, LedgerUnreachable, LedgerUnsuited


class TestPostgres(LedgerContract):
    @pytest.fixture
    def place(self, postgres: PostgresServer) -> PostgresPlace:
        return postgres.place()

    def test_events_cannot_be_emptied_away(self, ledger: Ledger) -> None:
        hold(ledger, 1, note="kept")
        for table in ("event", "event_payload"):
            with pytest.raises(DBAPIError, match=r"never changed|append-only"), ledger.transaction() as turn:
                turn.connection.execute(text(f"TRUNCATE {table}"))

    def test_two_schemas_of_one_database_know_nothing_of_each_other(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        other = Ledger(postgres.place(), SystemClock())
        hold(ledger, 1)
        with other.transaction() as transaction:
            # The other's turn is no reason to wait.
            hold(ledger, 2)
            transaction.append(TrialHeld(number=3), actor=ANA)
        assert (numbers_of(ledger), numbers_of(other)) == ([1, 2], [3])
        other.close()

    def test_a_snapshot_cannot_write(self, ledger: Ledger) -> None:
        with pytest.raises(Exception, match="read-only"), ledger.reading() as connection:
            connection.execute(text("DELETE FROM trial"))

    def test_who_looked_before_a_replay_finds_what_was_there_and_holds_up_nobody(
        self, ledger: Ledger
    ) -> None:
        hold(ledger, 1, note="one")
        with ledger.reading() as earlier:
            # One table is read: a replay that dropped it would wait for this reader, who waits for the next.
            assert earlier.execute(text("SELECT count(*) FROM trial")).scalar() == 1
            with ledger.transaction(alone=True) as turn:
                assert ledger.remake(turn) == 1
                assert earlier.execute(text("SELECT count(*) FROM person")).scalar() == 0
            hold(ledger, 2)
            assert earlier.execute(text("SELECT count(*) FROM trial")).scalar() == 1
        assert numbers_of(ledger) == [1, 2]

    def test_an_error_of_the_server_tells_no_question(self, ledger: Ledger) -> None:
        with pytest.raises(DBAPIError) as raised, ledger.reading() as connection:
            connection.execute(text("SELECT secret FROM trial"))
        assert "SELECT" in str(raised.value.orig) or "LINE" in str(raised.value.orig)
        assert reason_of(raised.value) == 'column "secret" does not exist'

    def test_a_role_that_trades_durability_for_speed_is_overruled(
        self, ledger: Ledger, place: PostgresPlace, postgres: PostgresServer
    ) -> None:
        with psycopg.connect(postgres.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE hasty LOGIN SUPERUSER")
            admin.execute("ALTER ROLE hasty SET synchronous_commit = off")
            admin.execute("ALTER ROLE hasty SET statement_timeout = 3000")
        url = place.url.replace("ropeway@", "hasty@")
        hasty = Ledger(PostgresPlace(url=url, schema=place.schema), SystemClock())
        with hasty.reading() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
            assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
        hasty.close()

    def test_a_database_that_cannot_hold_every_text_is_refused(self, postgres: PostgresServer) -> None:
        with psycopg.connect(postgres.url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        url = postgres.url.replace("/postgres", "/latin")
        with pytest.raises(LedgerUnsuited, match="LATIN1"):
            Ledger(place_from(url, Path("unused"), "trial"), SystemClock())

    def test_a_database_that_there_is_not_is_said_to_be_unreachable(self, postgres: PostgresServer) -> None:
        url = postgres.url.replace("/postgres", "/nowhere")
        with pytest.raises(LedgerUnreachable, match='"nowhere" does not exist'):
            Ledger(place_from(url, Path("unused"), "trial"), SystemClock())

    def test_a_connection_that_was_cut_between_two_turns_is_made_anew(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        hold(ledger, 1)
        cut_all(postgres)
        hold(ledger, 2)
        cut_all(postgres)
        assert numbers_of(ledger) == [1, 2]

    def test_a_connection_that_is_cut_within_a_turn_leaves_nothing(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        def cut_within() -> None:
            with ledger.transaction() as transaction:
                transaction.append(TrialHeld(number=1), actor=ANA)
                cut_all(postgres)
                transaction.append(TrialHeld(number=2), actor=ANA)

        with pytest.raises(LedgerUnreachable, match="has not happened"):
            cut_within()
        hold(ledger, 3)
        assert numbers_of(ledger) == [3]

    def test_a_connection_that_is_cut_at_the_commit_is_asked_about(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        def cut_at_the_end() -> None:
            with ledger.transaction() as transaction:
                transaction.append(TrialHeld(number=1), actor=ANA)
                transaction.finish()
                cut_all(postgres)

        with pytest.raises(LedgerUnreachable, match="before the end"):
            cut_at_the_end()
        assert numbers_of(ledger) == []

    def test_a_commit_that_went_through_unheard_is_found_to_have_happened(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        with ledger.transaction() as transaction:
            transaction.append(TrialHeld(number=1), actor=ANA)
            transaction.finish()
            # What a cut after the server's commit and before its answer looks like from here.
            driver = transaction.connection.connection.driver_connection
            driver.execute("COMMIT")
            cut_all(postgres)
        assert numbers_of(ledger) == [1]

    def test_a_hold_that_the_server_dropped_is_known_to_be_lost(
        self, ledger: Ledger, postgres: PostgresServer
    ) -> None:
        held = ledger.try_hold("controller")
        cut_all(postgres)
        assert not held.is_held()
        ledger.try_hold("controller").release()


class TestServerThatStops:
    @pytest.fixture
    def own(self, postgres: PostgresServer) -> Iterator[PostgresServer]:
        server = PostgresServer()
        yield server
        server.destroy()

    def test_what_was_acknowledged_is_there_after_it_was_stopped_at_once(self, own: PostgresServer) -> None:
        ledger = Ledger(own.place(), SystemClock())
        known: list[int] = []

        def write() -> None:
            for number in range(1000):
                try:
                    hold(ledger, number)
                except (LedgerUnreachable, CommitUnknown):
                    return
                known.append(number)

        thread = threading.Thread(target=write)
        thread.start()
        while len(known) < 20:
            threading.Event().wait(0.01)
        own.stop(signal.SIGQUIT)
        thread.join()
        with pytest.raises(LedgerUnreachable, match="cannot be reached"):
            numbers_of(ledger)
        own.start()
        assert set(known) <= set(numbers_of(ledger))
        assert [fact.seq for fact in facts_of(ledger)] == list(range(1, len(numbers_of(ledger)) + 1))
        ledger.close()


def cut_all(server: PostgresServer) -> None:
    """Let the server end every session but this one, as a network or an administrator might."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mysql://host/db", "begins with 'mysql:'"),
        ("postgresql://host", "names no database"),
        ("postgresql://host:port/db", "cannot be read"),
        ("postgresql://host/db?schema=a;b", "`schema` must be"),
        ("postgresql://host/db?schema=a&schema=b", "`schema` must be"),
        (f"postgresql://host/db?schema={'a' * 64}", "`schema` must be"),
        ("nowhere", "cannot be read"),
    ],
)
def test_a_place_that_is_none_is_refused(text: str, says: str) -> None:
    with pytest.raises(LedgerPlaceInvalid, match=says):
        place_from(text, Path("ledger.db"), "trial")


def test_a_place_takes_the_schema_of_the_projects_name_and_hides_its_password() -> None:
    place = place_from("postgres://ana:secret@host/db?sslmode=require", Path("ledger.db"), "My-Tweets")
    assert place.schema == "ropeway_my_tweets"
    assert place.name == "postgresql://ana@host/db?schema=ropeway_my_tweets&sslmode=require"
    assert "secret" in place.url
    assert place_from("sqlite", Path("ledger.db"), "trial") == Path("ledger.db")
