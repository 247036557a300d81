"""Points from afar are durable when acknowledged, stored once, summed up at once, and come to rest whole."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select, update

from ropeway.core.ids import RunId
from ropeway.keeping.operations import fsck
from ropeway.ledger.move import move
from ropeway.ledger.tables import point_block, point_tip
from ropeway.testing import make_workspace
from ropeway.tracking.batches import log_points
from ropeway.tracking.errors import BatchInvalid, PointInvalid, RunNotFound
from ropeway.tracking.history import history
from ropeway.tracking.live import append_points, metric_now
from ropeway.tracking.points import list_points
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.seal import seal_points
from ropeway.tracking.series import NO_STEP, Series, columns, pack, unpack
from ropeway.tracking.start import start_run
from ropeway.tracking.tips import Tip
from ropeway.workspace import LocalWorkspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path_factory.mktemp("points") / "project") as workspace:
        yield workspace


@pytest.fixture
def run(shared: LocalWorkspace) -> RunId:
    open_run = start_run(shared)
    open_run.finish()
    return open_run.id


def send(workspace: LocalWorkspace, run: RunId, rows: Series, source: str = "", upto: int = 1) -> int:
    return log_points(
        workspace,
        run=run,
        keys=rows.keys,
        key=rows.key.astype("<u4").tobytes(),
        values=rows.value.tobytes(),
        times=rows.at_us.tobytes(),
        steps=rows.step.tobytes(),
        source=source,
        upto=upto,
    )


def losses(first: int, count: int) -> Series:
    steps = range(first, first + count)
    return columns(["loss"] * count, [1 / (step + 1) for step in steps], [10 * step for step in steps], steps)


def seen(workspace: LocalWorkspace, run: RunId, key: str = "loss") -> list[tuple[int, float]]:
    with workspace._context() as context:
        found = history(context, run, key)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def tips(workspace: LocalWorkspace, run: RunId) -> dict[str, Tip]:
    columns = [metric_now.c[name] for name in Tip.__struct_fields__]
    with workspace.ledger.reading() as connection:
        rows = connection.execute(select(metric_now.c.key, *columns).where(metric_now.c.run == run))
        return {row[0]: Tip(*row[1:]) for row in rows}


def blocks(workspace: LocalWorkspace, run: RunId) -> int:
    with workspace.ledger.reading() as connection:
        query = select(func.count()).select_from(point_block).where(point_block.c.run == run)
        return connection.execute(query).scalar_one()


def test_a_batch_can_be_read_and_is_summed_up_at_once(shared: LocalWorkspace, run: RunId):
    rows = columns(["loss", "acc", "loss"], [0.5, math.nan, -math.inf], [5, 6, 7], [2, NO_STEP, 1])
    assert send(shared, run, rows) == 3
    assert tips(shared, run) == {
        "acc": Tip(None, None, 6, None, None, 1),
        "loss": Tip(0.5, 2, 5, -math.inf, 0.5, 2),
    }
    assert [(point.key, point.step) for point in list_points(shared, run=run)] == [
        ("loss", 2), ("acc", None), ("loss", 1)
    ]  # fmt: skip


def test_what_was_sent_twice_is_stored_once(shared: LocalWorkspace, run: RunId):
    assert send(shared, run, losses(0, 5), "spool_a", 5) == 5
    assert send(shared, run, losses(0, 5), "spool_a", 5) == 0
    assert send(shared, run, losses(5, 5), "spool_a", 10) == 5
    # Without a source it is kept again, and counts once in what is read and in what is sealed.
    assert send(shared, run, losses(0, 5)) == 5
    assert [step for step, _ in seen(shared, run)] == list(range(10))
    assert seal_points(shared, run=run) == 10


def test_many_small_batches_are_gathered_in_their_order(shared: LocalWorkspace, run: RunId):
    with shared.ledger.transaction() as transaction:
        for step in range(300):
            append_points(transaction, run, losses(step, 1))
    assert blocks(shared, run) == 300 // 64 + 300 % 64
    assert [step for step, _ in seen(shared, run)] == list(range(300))


def test_sealing_leaves_nothing_behind_and_changes_no_answer(shared: LocalWorkspace, run: RunId):
    send(shared, run, losses(0, 1_000))
    before, summed = seen(shared, run), tips(shared, run)
    assert seal_points(shared, run=run) == 1_000
    assert seal_points(shared, run=run) == 0
    assert (seen(shared, run), tips(shared, run)) == (before, summed)
    assert blocks(shared, run) == 0
    with shared.ledger.reading() as connection:
        assert connection.execute(select(point_tip).where(point_tip.c.run == run)).first() is None
    found = resolve_run(shared, run)
    assert (found.metrics, found.point_count) == ({"loss": pytest.approx(1e-3)}, 1_000)


def test_a_run_takes_points_after_it_was_sealed(shared: LocalWorkspace, run: RunId):
    send(shared, run, losses(0, 10))
    seal_points(shared, run=run)
    send(shared, run, losses(10, 10))
    assert [step for step, _ in seen(shared, run)] == list(range(20))
    assert tips(shared, run)["loss"] == Tip(1 / 20, 19, 190, 1 / 20, 1.0, 20)
    seal_points(shared, run=run)
    shared.ledger.rebuild()
    assert [step for step, _ in seen(shared, run)] == list(range(20))
    assert tips(shared, run)["loss"] == Tip(1 / 20, 19, 190, 1 / 20, 1.0, 20)


def test_points_of_a_spool_and_from_afar_are_one_run(shared: LocalWorkspace):
    with start_run(shared) as open_run:
        open_run.log(0, loss=3.0)
        send(shared, open_run.id, columns(["loss"], [2.0], [5], [1]))
        assert [value for _, value in seen(shared, open_run.id)] == [3.0, 2.0]
    assert [value for _, value in seen(shared, open_run.id)] == [3.0, 2.0]
    assert tips(shared, open_run.id)["loss"].count == 2
    seal_points(shared, run=open_run.id)
    assert tips(shared, open_run.id)["loss"] == Tip(2.0, 1, 5, 2.0, 3.0, 2)


def test_a_batch_that_does_not_fit_is_refused_whole(shared: LocalWorkspace, run: RunId):
    rows = losses(0, 3)
    good = {"keys": ["loss"], "key": bytes(12), "values": rows.value.tobytes(), "times": bytes(24)}
    for wrong in (
        {"times": bytes(23)},
        {"values": bytes(25)},
        {"steps": bytes(8)},
        {"keys": []},
        {"keys": ["a", "a"]},
    ):
        with pytest.raises(BatchInvalid, match="were not recorded"):
            log_points(shared, run=run, **{**good, **wrong})
    with pytest.raises(PointInvalid, match="the key is empty"):
        log_points(shared, run=run, **{**good, "keys": [" "]})
    with pytest.raises(RunNotFound, match="run_none"):
        log_points(shared, run=RunId("run_none"), **good)
    assert blocks(shared, run) == 0
    assert log_points(shared, run=run, **good) == 3


def test_a_batch_of_ten_thousand_metrics_is_one_block(shared: LocalWorkspace, run: RunId):
    names = [f"metric/{number}" for number in range(10_000)]
    rows = columns(names, np.arange(10_000.0), [1] * 10_000, [0] * 10_000)
    assert send(shared, run, rows) == 10_000
    assert tips(shared, run)["metric/9999"] == Tip(9999.0, 0, 1, 9999.0, 9999.0, 1)
    assert seal_points(shared, run=run) == 10_000
    assert seen(shared, run, "metric/77") == [(0, 77.0)]


def test_fsck_names_a_block_that_flipped_and_a_summary_that_is_another(tmp_path: Path):
    with make_workspace(tmp_path / "project") as workspace:
        with start_run(workspace) as open_run:
            send(workspace, open_run.id, losses(0, 100))
        assert fsck(workspace).findings == []
        with workspace.ledger.transaction() as transaction:
            transaction.connection.execute(update(point_tip).values(max=2.0))
        assert "summaries of the metrics" in fsck(workspace).findings[0].what
        with workspace.ledger.transaction() as transaction:
            data = transaction.connection.execute(select(point_block.c.data)).scalar_one()
            flipped = data[:40] + bytes([data[40] ^ 1]) + data[41:]
            transaction.connection.execute(update(point_block).values(data=flipped))
        assert "is damaged" in fsck(workspace).findings[0].what


def test_a_history_that_moves_takes_waiting_points_along(tmp_path: Path):
    with make_workspace(tmp_path / "project") as workspace:
        with start_run(workspace) as open_run:
            send(workspace, open_run.id, losses(0, 10), "spool_a", 10)
        moved = move(workspace.ledger, tmp_path / "other.db", workspace.clock)
    assert (moved.rows["point_block"], moved.rows["point_tip"], moved.rows["point_source"]) == (1, 1, 1)


def test_threads_that_pack_at_once_do_not_write_over_each_other():
    rows = [losses(first, 20_000) for first in range(0, 80_000, 10_000)]
    with ThreadPoolExecutor(4) as pool:
        packed = list(pool.map(pack, rows * 4))
    assert all(
        unpack(data).value.tolist() == series.value.tolist()
        for data, series in zip(packed, rows * 4, strict=True)
    )
