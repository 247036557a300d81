"""Runs from afar are searched, grouped and compared beside our own, while they live."""

from collections.abc import Iterator

import pytest

from ropeway.core.ids import RunId
from ropeway.testing import make_workspace
from ropeway.tracking.afar.events import DatasetUse
from ropeway.tracking.afar.operations import (
    change_run,
    create_experiment,
    find_experiments,
    find_tracked,
    link_run,
    metric_history,
    open_run,
    record_batch,
)
from ropeway.tracking.compare import compare_runs
from ropeway.tracking.groups import group_runs
from ropeway.tracking.search import search_runs
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """Own runs `0` to `2` and, in the experiment `study`, living ones `far 0` to `far 4`; `far 4` deleted."""
    with make_workspace(tmp_path_factory.mktemp("afar") / "project") as workspace:
        study = create_experiment(workspace, name="study", tags={"team": "a"})
        for number in range(3):
            with start_run(workspace, name=str(number), params={"c": number}) as run:
                run.log(0, loss=float(number))
        for number in range(5):
            far(workspace, study, number)
        change_run(workspace, run=far_id(workspace, 4), lifecycle="deleted")
        yield workspace


def far(workspace: LocalWorkspace, experiment: str, number: int) -> None:
    run = open_run(
        workspace, experiment=experiment, name=f"far {number}", user="bea", started_ms=1000 + number
    )
    points = {"keys": ["loss"] * 2, "values": [9.0, number / 2], "times_ms": [1, 2], "steps": [1, 2]}
    record_batch(workspace, run=run.id, params={"c": str(number)}, **points)
    used = DatasetUse(
        name="tweets",
        digest=f"d{number}",
        source_type="local",
        source="x",
        schema=None,
        profile=None,
        tags={},
    )
    link_run(workspace, run=run.id, datasets=[used])


def far_id(workspace: LocalWorkspace, number: int) -> RunId:
    [run] = search_runs(workspace, where=f"name = 'far {number}'")
    return run.id


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("metrics.loss < 1", ["far 1", "far 0", "0"]),
        ("experiment = 'study' and params.c >= 2", ["far 3", "far 2"]),
        ("experiment like 'Def%'", ["2", "1", "0"]),
        ("user_id = 'bea' and metrics.loss = 0.5", ["far 1"]),
        ("dataset.name = 'tweets' and dataset.digest = 'd3'", ["far 3"]),
        ("dataset.name is null", ["2", "1", "0"]),
        ("start_time in (1001, 1003, 5, 1e300, 1002.5)", ["far 3", "far 1"]),
        ("start_time not in (1001, 1003) and experiment = 'study'", ["far 2", "far 0"]),
        ("end_time in (0)", []),
        ("lifecycle = 'deleted'", ["far 4"]),
        ("experiment = 'nobody'", []),
    ],
)
def test_our_language_finds_runs_of_clients(filled: LocalWorkspace, where: str, names: list[str]):
    assert [run.name for run in search_runs(filled, where=where)] == names


def test_a_run_is_found_by_the_id_that_its_client_knows(filled: LocalWorkspace):
    run = far_id(filled, 2)
    for told in (run, run.removeprefix("run_")):
        assert [each.id for each in search_runs(filled, where=f"run_id = '{told}'")] == [run]


def test_clients_see_pages_in_their_order_and_params_as_text(filled: LocalWorkspace):
    asked = {"experiments": ["0", "1"], "sort": ["params.c DESC", "metrics.loss"], "limit": 3}
    first = find_tracked(filled, **asked)
    second = find_tracked(filled, **asked, after=first.after or 0)
    assert [run.name for run in first.runs + second.runs] == ["far 3", "far 2", "2", "far 1", "1", "0"]
    everything = find_tracked(filled, experiments=["1"], view="all", where="status LIKE 'RUN%'")
    assert [run.name for run in everything.runs] == [f"far {number}" for number in (4, 3, 2, 1, 0)]


def test_a_page_of_a_history_is_a_part_of_it(filled: LocalWorkspace):
    run = far_id(filled, 1)
    first = metric_history(filled, run=run, key="loss", limit=1)
    second = metric_history(filled, run=run, key="loss", limit=1, after=first.after or 0)
    assert [(each.step, each.value) for each in first.points + second.points] == [(1, 9.0), (2, 0.5)]
    assert second.after is None


def test_groups_know_experiments_and_leave_deleted_runs_out(filled: LocalWorkspace):
    found = group_runs(filled, by=["experiment"], metrics=["loss"])
    told = [(each.values["experiment"], each.runs, each.metrics["loss"].min) for each in found]
    assert told == [("study", 4, 0.0), ("Default", 3, 0.0)]


@pytest.mark.parametrize("field", ["run_id", "experiment_id", "start_time", "artifact_uri"])
def test_groups_know_every_attribute_that_filters_know(filled: LocalWorkspace, field: str):
    """Once, all runs were one group of None by those that are no columns of a frame."""
    assert {each.values[field] is None for each in group_runs(filled, by=[field])} == {False}


def test_a_run_without_code_is_compared_with_one_that_has(filled: LocalWorkspace):
    # By its id: `1` is also how the id of another may begin.
    [own] = search_runs(filled, where="name = '1'")
    found = compare_runs(filled, ["far 2", own.id])
    assert [(row.key, row.values) for row in found.metrics] == [("loss", [1.0, 1.0])]
    assert (found.code, found.environment) == ([], [])


def test_experiments_are_asked_of_the_database(filled: LocalWorkspace):
    def names(**asked: object) -> list[str]:
        return [each.name for each in find_experiments(filled, **asked).experiments]  # type: ignore[arg-type]

    assert names() == ["study", "Default"]
    assert names(where="name LIKE 'st%' AND tags.team = 'a'") == ["study"]
    assert names(where="tags.team IS NULL", sort=["name DESC"]) == ["Default"]
    assert names(sort=["experiment_id"], limit=1) == ["Default"]


def test_a_list_of_thousands_is_one_test_to_the_database(filled: LocalWorkspace):
    many = ", ".join(f"'{number}'" for number in range(3_950))
    wanted = f"run_id IN ('{far_id(filled, 2)}', {many}) AND run_id NOT IN ('{far_id(filled, 1)}', {many})"
    assert [run.name for run in find_tracked(filled, experiments=["1"], where=wanted).runs] == ["far 2"]
    ordered = find_tracked(filled, experiments=["1"], where=wanted, sort=["metrics.loss", "params.c DESC"])
    assert [run.name for run in ordered.runs] == ["far 2"]


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "-1e999"])
def test_a_number_beyond_all_is_compared_as_one(filled: LocalWorkspace, number: str):
    is_low = number.startswith("-")
    found = find_tracked(filled, experiments=["1"], where=f"start_time > {number} AND end_time < 0").runs
    assert found == []
    assert bool(find_tracked(filled, experiments=["1"], where=f"start_time > {number}").runs) == is_low
    assert bool(find_experiments(filled, where=f"creation_time > {number}").experiments) == is_low
