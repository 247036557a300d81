"""What somebody else writes between another's look and their own record is seen by that record."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
import pytest

from ropeway.core.errors import RopewayError
from ropeway.labels.errors import ItemNotFound, SnapshotMoved
from ropeway.labels.operations import adjudicate, record_import, record_snapshot
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.workspace import Context, LocalWorkspace

LOOK_S = 0.5
"""Long enough for the other to have looked and to wait for the lock."""


@contextmanager
def while_another_waits(workspace: LocalWorkspace, ask: Callable[[LocalWorkspace], Any]) -> Iterator[Any]:
    """Hold the write lock while `ask` runs beside it; its answer, or what it raised, comes in the end."""
    answers: list[Any] = []

    def run() -> None:
        with LocalWorkspace(workspace.root, actor="bea") as other:
            try:
                answers.append(ask(other))
            except RopewayError as error:
                answers.append(error)

    thread = threading.Thread(target=run)
    with workspace._context() as context:
        context.begin()
        thread.start()
        time.sleep(LOOK_S)
        yield context, answers
    thread.join()


def imported_without(context: Context, workspace: LocalWorkspace, moods: Any, item: str) -> None:
    """Import the ratings anew, without one item."""
    rows = pl.read_parquet(workspace.store.open_path(moods.ratings), memory_map=False)
    path = workspace.home / "tmp" / "ratings.parquet"
    rows.filter(pl.col("item") != item).write_parquet(path)
    record_import.function(
        context,
        ratings=workspace.store.put_file(path),
        **{name: getattr(moods, name) for name in (
            "labels", "dataset", "dataset_version", "guide", "guide_version",
            "items", "unrated", "count", "fewest", "most", "raters",
        )},
    )  # fmt: skip


@pytest.fixture
def moods(workspace, posts):
    return import_ratings(workspace, "mood")


def test_a_decision_is_held_against_ratings_that_came_while_it_waited(workspace, moods):
    # It was recorded as a decision under ratings in which the item is not.
    def ask(other):
        return adjudicate(other, labels="mood", item="p4", label="good")

    with while_another_waits(workspace, ask) as (context, answers):
        imported_without(context, workspace, moods, "p4")
    assert isinstance(answers[0], ItemNotFound)


def test_a_snapshot_has_the_decision_that_came_while_it_waited(workspace, moods):
    # The decision stood before the snapshot in the ledger and was not in its rows.
    with while_another_waits(workspace, lambda other: snapshot(other, "mood")) as (context, answers):
        adjudicate.function(context, labels="mood", item="p4", label="good")
    assert answers[0].adjudicated == 1


def test_a_snapshot_without_the_last_decision_is_not_recorded(workspace, moods):
    made = snapshot(workspace, "mood")
    adjudicate(workspace, labels="mood", item="p4", label="good")
    with pytest.raises(SnapshotMoved, match="was decided while the snapshot was made"):
        record_snapshot(
            workspace, labels="mood", ratings=moods.ratings, classes=made.classes, adjudicated=0,
            left_out=made.left_out, disputed=made.disputed, last_decision=0,
            found={
                "name": "moods", "version": made.version.version, "format": "parquet", "rows": 4,
                "size_bytes": 1, "columns": made.version.columns, "contract": made.version.contract,
                "profile": made.version.profile,
            },
        )  # fmt: skip
