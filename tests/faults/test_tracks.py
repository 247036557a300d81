"""What breaks under clients of MLflow's kind, in short: what they were told is there once, all of it."""

from pathlib import Path

import pytest
from tests.faults import disk, stops
from tests.faults.tracks import campaigns

CLIENTS = 4


def quiet(_line: str) -> None:
    """Nobody watches."""


@pytest.mark.slow
def test_a_server_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    found = campaigns.kill_server(tmp_path, 5, seed=7, say=quiet, clients=CLIENTS)
    assert (found.faults, found.problems) == (5, [])
    assert found.sent_again > 0
    assert found.points > 0


@pytest.mark.slow
def test_a_network_that_is_cut_loses_and_doubles_nothing_that_was_logged(tmp_path: Path) -> None:
    found = campaigns.cut_network(tmp_path, 12, seed=7, say=quiet, clients=CLIENTS)
    assert found.problems == []
    assert found.faults >= 12


@pytest.mark.slow
def test_a_server_whose_postgresql_stops_loses_and_doubles_nothing(tmp_path: Path) -> None:
    if reason := stops.why_not():
        pytest.skip(reason)
    found = campaigns.stop_postgres(tmp_path, 2, seed=7, say=quiet, clients=CLIENTS)
    assert (found.faults, found.problems) == (2, [])


@pytest.mark.slow
def test_a_full_disk_is_told_in_the_shape_of_mlflow_and_logging_goes_on(tmp_path: Path) -> None:
    if reason := disk.why_not(tmp_path):
        pytest.skip(reason)
    found = campaigns.fill_disk(tmp_path, 2, seed=7, say=quiet, clients=CLIENTS)
    assert (found.faults, found.problems) == (2, [])
    assert set(found.words) == {"507 RESOURCE_EXHAUSTED"}
