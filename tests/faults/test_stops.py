"""PostgreSQL dies as in a crash while writers are at it; and the same writers as on SQLite saturate it."""

from pathlib import Path

import pytest
from tests.faults import stops
from tests.faults.writers import write_at_once

STOPS = 2
WRITERS, TIMES = 3, 40


@pytest.fixture(autouse=True)
def _needs_postgres() -> None:
    if reason := stops.why_not():
        pytest.skip(reason)


@pytest.mark.slow
def test_what_a_stopped_server_had_committed_is_there_once(tmp_path: Path) -> None:
    found = stops.stop_postgres(tmp_path, stops=STOPS, seed=7)
    assert found.told > 0
    assert found.problems == []


@pytest.mark.slow
def test_writers_at_once_see_one_order_in_postgresql_too(tmp_path: Path) -> None:
    from tests.postgres import PostgresServer

    server = PostgresServer()
    try:
        found = write_at_once(tmp_path, writers=WRITERS, times=TIMES, seed=7, ledger=server.schema())
    finally:
        server.destroy()
    assert (found.ledger, found.errors, found.problems) == ("postgresql", 0, [])
