"""A disk that runs full: a clear error, nothing half there, reads go on; with space again, so does work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.faults.disk import SmallDisk
from tests.faults.line import lay
from tests.faults.oracle import problems_of

from ropeway.core.errors import RopewayError
from ropeway.core.ids import PersonId, new_id
from ropeway.data.add import add
from ropeway.data.load import load
from ropeway.data.operations import list_datasets, list_versions
from ropeway.ledger import person
from ropeway.ledger.errors import DiskFull
from ropeway.ledger.people import PersonIntroduced
from ropeway.pipelines.run import run_pipeline
from ropeway.store.errors import OutOfSpace
from ropeway.testing import make_workspace
from ropeway.tracking.points import list_points
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import Run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

MEGABYTES = 16
FULL = (OutOfSpace, DiskFull)


@pytest.fixture
def workspace(disk: SmallDisk) -> Iterator[LocalWorkspace]:
    """A project on the small disk, with one dataset."""
    with make_workspace(disk.folder / "project", files={"train.py": "loss = 1\n"}) as workspace:
        add(workspace, _table(disk.folder.parent / "small.csv", rows=100), name="shop")
        yield workspace


def test_data_that_does_not_fit_is_refused_whole_and_fits_later(disk: SmallDisk, workspace) -> None:
    large = _table(disk.folder.parent / "large.csv", rows=100_000)
    disk.fill(leave=500_000)
    with pytest.raises(OutOfSpace, match="No space is left") as caught:
        add(workspace, large, name="shop")
    assert caught.value.code == "out-of-space"
    assert [version.rows for version in list_versions(workspace, name="shop")] == [100]
    assert load(workspace, list_versions(workspace, name="shop")[0]).height == 100
    assert list((workspace.home / "tmp").iterdir()) == []
    disk.empty()
    add(workspace, large, name="shop")
    assert [version.rows for version in list_versions(workspace, name="shop")] == [100, 100_000]
    assert problems_of(workspace) == []


@pytest.mark.parametrize("leave", [0, 4096, 12_288, 32_768, 65_536, 131_072])
def test_events_stop_with_a_clear_error_and_none_is_lost(disk: SmallDisk, workspace, leave: int) -> None:
    disk.fill(leave=leave)
    acknowledged: list[str] = []
    with pytest.raises(FULL, match="No space is left"):
        _introduce_many(workspace, acknowledged)
    with workspace.ledger.reading() as connection:
        names = list(connection.execute(select(person.c.name)).scalars())
    assert [name for name in names if name.startswith("person")] == acknowledged
    disk.empty()
    _introduce(workspace, "afterwards")
    assert problems_of(workspace) == []


def test_every_small_remainder_leaves_before_or_after(disk: SmallDisk, workspace) -> None:
    small = [_table(disk.folder.parent / f"{number}.csv", rows=50 + number) for number in range(12)]
    expected = {100}
    for number, path in enumerate(small):
        disk.fill(leave=number * 8_192)
        try:
            add(workspace, path, name="shop")
        except FULL:
            pass
        else:
            expected.add(50 + number)
        assert {version.rows for version in list_versions(workspace, name="shop")} == expected
        disk.empty()
    assert len(expected) > 1
    assert problems_of(workspace) == []


def test_points_logged_before_the_disk_was_full_stay(disk: SmallDisk, workspace) -> None:
    with start_run(workspace, name="long") as run:
        disk.fill(leave=100_000)
        logged: list[int] = []
        with pytest.raises(OutOfSpace, match="No space is left"):
            _log_on(run, logged)
        disk.empty()
        run.log(len(logged), loss=0.5)
    steps = [point.step for point in list_points(workspace, run=run.id, limit=100_000)]
    assert steps == [*logged, len(logged)]
    assert problems_of(workspace) == []


def test_a_pipeline_run_that_does_not_fit_says_so_and_succeeds_later(disk: SmallDisk) -> None:
    root = disk.folder / "line"
    lay(root)
    with LocalWorkspace(root, actor="ana") as workspace:
        for leave in (0, 4_096, 8_192, 16_384):
            disk.fill(leave=leave)
            with pytest.raises(FULL, match="No space is left"):
                run_pipeline(workspace, overrides={"mark": f"{leave}" * 1_000})
            disk.empty()
        result = run_pipeline(workspace, overrides={"mark": "fits"})
        assert resolve_run(workspace, result.run).status == "finished"
        assert problems_of(workspace) == []


def test_a_workspace_opened_on_a_full_disk_reads_or_says_why(disk: SmallDisk, workspace) -> None:
    workspace.close()
    disk.fill()
    try:
        with LocalWorkspace(workspace.root, actor="ana") as again:
            assert [summary.latest.rows for summary in list_datasets(again)] == [100]
    except RopewayError as error:
        assert error.code in ("disk-full", "out-of-space", "ledger-busy")  # noqa: PT017  either way is clear
    disk.empty()
    with LocalWorkspace(workspace.root, actor="ana") as again:
        assert problems_of(again) == []


def _introduce(workspace: LocalWorkspace, name: str) -> None:
    with workspace.ledger.transaction() as transaction:
        someone = PersonId(new_id("person"))
        transaction.append(PersonIntroduced(person=someone, name=name), actor=someone)


def _introduce_many(workspace: LocalWorkspace, acknowledged: list[str]) -> None:
    for number in range(10_000):
        _introduce(workspace, f"person {number}")
        acknowledged.append(f"person {number}")


def _log_on(run: Run, logged: list[int]) -> None:
    for step in range(100_000):
        run.log(step, loss=0.5)
        logged.append(step)


def _table(path: Path, *, rows: int) -> Path:
    path.write_text("id,word\n" + "".join(f"{row},word number {row}\n" for row in range(rows)))
    return path
