"""Runs side by side show what differs, and nothing else."""

import msgspec
import pytest

from ropeway.core.canonical import canonical
from ropeway.tracking.compare import compare_runs
from ropeway.tracking.environment import Environment, installed_packages, read_environment
from ropeway.tracking.errors import AmbiguousRun, RunNotFound, TooFewRuns
from ropeway.tracking.operations import start
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


def test_what_differs_between_runs_is_shown(workspace: LocalWorkspace):
    (workspace.root / "pipeline.py").write_text("x = 1\n")
    with start_run(workspace, name="plain", params={"c": 1, "same": "x"}, inputs=["url:t@1"]) as first:
        first.log(f1=0.5, loss=1.0)
    (workspace.root / "pipeline.py").write_text("x = 2\n")
    (workspace.root / "new.py").write_text("")
    with start_run(workspace, name="better", params={"c": 5, "same": "x"}, inputs=["url:t@2"]) as second:
        second.log(f1=0.75)
    found = compare_runs(workspace, [first.id, "better"])
    assert [run.name for run in found.runs] == ["plain", "better"]
    assert [(each.key, each.values) for each in found.params] == [("c", [1, 5])]
    assert found.same_params == 1
    assert [(each.key, each.values, each.differences) for each in found.metrics] == [
        ("f1", [0.5, 0.75], [0.0, 0.25]),
        ("loss", [1.0, None], [0.0, None]),
    ]
    assert [(each.key, each.values) for each in found.inputs] == [
        ("url:t@1", [True, False]),
        ("url:t@2", [False, True]),
    ]
    assert [(each.path, [digest is not None for digest in each.digests]) for each in found.code] == [
        ("new.py", [False, True]),
        ("pipeline.py", [True, True]),
    ]
    assert found.environment == []


def test_packages_that_differ_are_shown(workspace: LocalWorkspace):
    with start_run(workspace) as first:
        pass
    found = resolve_run(workspace, first.id)
    environment = read_environment(workspace.store, found.environment)
    other = msgspec.structs.replace(
        environment, packages={**environment.packages, "numpy": "0.1", "extra": "1"}
    )
    start(
        workspace, run="run_other0000000", kind="script", environment=workspace.store.put(canonical(other)),
        code={"tree": found.code}, host=found.host,
    )  # fmt: skip
    compared = compare_runs(workspace, [first.id, "run_other"])
    assert [(each.key, each.values) for each in compared.environment] == [
        ("extra", [None, "1"]),
        ("numpy", [environment.packages["numpy"], "0.1"]),
    ]


def test_the_environment_lists_what_is_installed(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        pass
    found = read_environment(workspace.store, run.environment)
    assert isinstance(found, Environment)
    assert found.packages["msgspec"] == msgspec.__version__
    assert installed_packages(["/nowhere"]) == {}


def test_a_comparison_needs_two_different_runs(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        pass
    with pytest.raises(TooFewRuns, match="1 runs cannot be compared"):
        compare_runs(workspace, [run.id, "latest"])
    with pytest.raises(TooFewRuns, match="30 runs"):
        compare_runs(workspace, [run.id] * 30)


def test_a_run_is_found_by_id_beginning_name_and_latest(workspace: LocalWorkspace):
    with start_run(workspace, name="one") as one, start_run(workspace, name="two") as two:
        pass
    for ref in (one.id, one.id[:14], one.id.removeprefix("run_"), f"run:{one.id}", "one"):
        assert resolve_run(workspace, ref).id == one.id
    assert resolve_run(workspace, "latest").id == two.id
    with pytest.raises(AmbiguousRun, match="beginning of 2 runs"):
        resolve_run(workspace, "run_")
    with pytest.raises(RunNotFound, match=r"no run 'ones'\. Did you mean 'one'"):
        resolve_run(workspace, "ones")
    for ref in ("", "%", "run_%"):
        with pytest.raises(RunNotFound, match="no run"):
            resolve_run(workspace, ref)
