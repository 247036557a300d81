"""A history moves from SQLite to PostgreSQL and back, whole or not at all."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.golden.make import TOML, told
from tests.ledger.trial import facts_of, hold, numbers_of
from tests.postgres import PostgresServer

from ropeway.core.clock import SystemClock
from ropeway.keeping.operations import fsck, move_ledger
from ropeway.ledger import Ledger
from ropeway.ledger.errors import LedgerMoved, MoveDiffers, TargetNotEmpty
from ropeway.ledger.move import digest_of_records, move
from ropeway.ledger.projections import projected_rows
from ropeway.testing import make_workspace

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("format-*"))
CLOCK = SystemClock()


@pytest.fixture
def source(tmp_path: Path):
    made = Ledger(tmp_path / "ledger.db", CLOCK)
    for number in range(5):
        hold(made, number, note=f"n{number}\x00")
    yield made
    made.close()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda folder: folder.name)
def test_every_released_ledger_moves_and_says_in_postgresql_what_it_said(
    golden: Path, tmp_path: Path, postgres: PostgresServer
) -> None:
    (tmp_path / ".ropeway").mkdir()
    shutil.copyfile(golden / "ledger.db", tmp_path / ".ropeway" / "ledger.db")
    url = postgres.schema()
    with make_workspace(tmp_path, toml=TOML) as here:
        expected = told(here)
        with here.ledger.reading() as connection:
            before = projected_rows(connection), digest_of_records(connection)
        moved = move_ledger(here, to=url)
    with make_workspace(tmp_path, toml=f'{TOML}\n[workspace]\nledger = "{url}"\n') as there:
        assert told(there) == expected
        with there.ledger.reading() as connection:
            assert (projected_rows(connection), digest_of_records(connection)) == before
            assert there.ledger.problems(connection) == []
    assert moved.events == expected["events"]


def test_what_is_left_behind_says_where_the_history_is(source: Ledger, postgres: PostgresServer) -> None:
    place = postgres.place()
    moved = move(source, place, CLOCK)
    assert moved.to == place.name
    with pytest.raises(LedgerMoved, match=place.schema):
        hold(source, 9)
    with pytest.raises(LedgerMoved, match=place.schema):
        Ledger(source.place, CLOCK)


def test_it_goes_back_again_with_what_was_written_since(
    source: Ledger, postgres: PostgresServer, tmp_path: Path
) -> None:
    place = postgres.place()
    move(source, place, CLOCK)
    there = Ledger(place, CLOCK)
    hold(there, 5, note="since")
    (tmp_path / "back").mkdir()
    move(there, tmp_path / "back" / "ledger.db", CLOCK)
    back = Ledger(tmp_path / "back" / "ledger.db", CLOCK)
    assert numbers_of(back) == list(range(6))
    assert facts_of(back)[0].event.note == "n0\x00"
    there.close()
    back.close()


def test_a_place_with_another_history_is_refused(source: Ledger, postgres: PostgresServer) -> None:
    place = postgres.place()
    other = Ledger(place, CLOCK)
    hold(other, 7)
    with pytest.raises(TargetNotEmpty, match="already"):
        move(source, place, CLOCK)
    assert numbers_of(other) == [7]
    hold(source, 9)
    other.close()


def test_a_move_that_was_cut_off_before_its_end_is_repeated(source: Ledger, postgres: PostgresServer) -> None:
    place = postgres.place()
    move(source, place, CLOCK)
    # As if the process had died after the target's commit and before the source's.
    with source._database.writing() as connection:
        connection.execute(text("DELETE FROM meta WHERE key = 'moved'"))
    assert move(source, place, CLOCK).events == 5


def test_a_source_whose_tables_do_not_follow_from_its_events_is_not_moved(
    source: Ledger, postgres: PostgresServer
) -> None:
    place = postgres.place()
    with source.transaction() as transaction:
        transaction.connection.execute(text("UPDATE trial SET note = 'forged' WHERE number = 1"))
    with pytest.raises(MoveDiffers, match="'trial'"):
        move(source, place, CLOCK)
    hold(source, 9)
    target = Ledger(place, CLOCK)
    assert numbers_of(target) == []
    target.close()


def test_fsck_finds_a_moved_workspace_sound(tmp_path: Path, postgres: PostgresServer) -> None:
    toml = f'[project]\nname = "trial"\n[workspace]\nledger = "{postgres.schema()}"\n'
    with make_workspace(tmp_path, toml=toml) as workspace:
        assert fsck(workspace).findings == []
        assert not (workspace.home / "ledger.db").exists()
