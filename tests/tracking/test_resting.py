"""Points come to rest by themselves where no end of a run brings them there, and no answer changes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from ropeway.core.ids import RunId
from ropeway.ledger.tables import point_block, point_tip
from ropeway.server.upkeep import Upkeep
from ropeway.testing import make_workspace
from ropeway.tracking.afar.operations import change_run, open_run, record_batch
from ropeway.tracking.history import history
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.resting import seal_waiting
from ropeway.tracking.search import search_runs
from ropeway.workspace import LocalWorkspace

PATIENCE_S = 60


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path_factory.mktemp("resting") / "project") as workspace:
        yield workspace


@pytest.fixture
def run(shared: LocalWorkspace) -> RunId:
    return open_run(shared, experiment="0").id


def log(workspace: LocalWorkspace, run: RunId, first: int, count: int) -> None:
    steps = [*range(first, first + count)]
    values = [float(step) for step in steps]
    record_batch(workspace, run=run, keys=["loss"] * count, values=values, times_ms=steps, steps=steps)


def waiting(workspace: LocalWorkspace, run: RunId) -> int:
    query = select(func.coalesce(func.sum(point_block.c.count), 0)).where(point_block.c.run == run)
    with workspace.ledger.reading() as connection:
        return int(connection.execute(query).scalar_one())


def seen(workspace: LocalWorkspace, run: RunId) -> list[float]:
    with workspace._context() as context:
        return history(context, run, "loss").value.tolist()


def test_a_run_that_never_ends_is_sealed_again_and_again(shared: LocalWorkspace, run: RunId):
    for first in range(0, 1_000, 100):
        log(shared, run, first, 100)
        seal_waiting(shared, bound_points=300)
        assert waiting(shared, run) < 300
    assert seen(shared, run) == [float(step) for step in range(1_000)]
    assert [each.id for each in search_runs(shared, where="metrics.loss = 999")] == [run]


def test_a_few_large_points_are_sealed_for_their_bytes(shared: LocalWorkspace, run: RunId):
    log(shared, run, 0, 100)
    assert seal_waiting(shared, bound_bytes=1 << 20)[run] == 0
    assert run not in seal_waiting(shared, bound_bytes=100)
    assert waiting(shared, run) == 0


def test_an_ended_run_is_sealed_when_nothing_more_comes(shared: LocalWorkspace, run: RunId):
    change_run(shared, run=run, status="finished", ended_ms=9)
    log(shared, run, 0, 10)
    before = seal_waiting(shared, {})
    log(shared, run, 10, 10)
    before = seal_waiting(shared, before)
    assert waiting(shared, run) == 20
    seal_waiting(shared, before)
    assert waiting(shared, run) == 0


def test_whoever_comes_next_seals_where_no_server_runs(shared: LocalWorkspace, run: RunId):
    log(shared, run, 0, 10)
    recover_runs(shared)
    assert waiting(shared, run) == 10
    change_run(shared, run=run, status="finished", ended_ms=9)
    recover_runs(shared)
    assert waiting(shared, run) == 0
    with shared.ledger.reading() as connection:
        assert connection.execute(select(point_tip).where(point_tip.c.run == run)).all() == []


def test_a_server_seals_by_itself(shared: LocalWorkspace, run: RunId):
    log(shared, run, 0, 10)
    change_run(shared, run=run, status="failed", ended_ms=9)
    upkeep = Upkeep(shared, every_s=0.01)
    try:
        until = time.monotonic() + PATIENCE_S
        while waiting(shared, run) and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        upkeep.close()
    assert waiting(shared, run) == 0


def test_damage_in_one_run_keeps_no_other_from_its_rest(tmp_path: Path):
    """Once, the first run that could not be read kept all others waiting, each minute anew."""
    with make_workspace(tmp_path / "project") as workspace:
        runs = [open_run(workspace, experiment="0").id for _ in range(3)]
        for each in runs:
            log(workspace, each, 0, 3)
            change_run(workspace, run=each, status="finished")
        with workspace.ledger.transaction() as transaction:
            whose = point_block.c.run == min(runs)
            data = transaction.connection.execute(select(point_block.c.data).where(whose)).scalar_one()
            spoilt = data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]
            transaction.connection.execute(update(point_block).where(whose).values(data=spoilt))
        assert seal_waiting(workspace) == {}
        assert [waiting(workspace, each) for each in sorted(runs)] == [3, 0, 0]
