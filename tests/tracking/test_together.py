"""Runs as frames, in groups, and those that no other run beats."""

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.cli.main import main
from ropeway.testing import make_workspace
from ropeway.tracking.errors import GroupInvalid
from ropeway.tracking.frame import runs_frame
from ropeway.tracking.groups import front, group_runs, pareto_runs
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

RUNS = [
    ("a", {"model": "tree", "c": 1}, {"f1": 0.9, "ms": 30.0}),
    ("b", {"model": "tree", "c": "2"}, {"f1": 0.8, "ms": 10.0}),
    ("c", {"model": "net"}, {"f1": 0.7, "ms": 20.0}),
    ("d", {"model": "net"}, {"f1": math.nan, "ms": math.inf}),
    ("e", {}, {}),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path_factory.mktemp("together") / "project") as workspace:
        for name, params, metrics in RUNS:
            with start_run(workspace, name=name, params=params) as run:
                if metrics:
                    run.log(**metrics)
        yield workspace


def test_a_frame_has_a_column_for_every_key_and_numbers_where_all_are(filled: LocalWorkspace):
    frame = runs_frame(filled, sort=["-metrics.f1"])
    assert frame["name"].to_list() == ["a", "b", "c", "d", "e"]
    assert frame["params.c"].to_list() == [1.0, 2.0, None, None, None]
    assert frame["params.model"].to_list() == ["tree", "tree", "net", "net", None]
    assert frame["metrics.ms"].to_list() == [30.0, 10.0, 20.0, math.inf, None]
    assert math.isnan(frame["metrics.f1"][3])
    assert frame["metrics.f1"].dtype == pl.Float64
    assert runs_frame(filled, where="params.model = 'net'", limit=1)["name"].to_list() == ["d"]
    assert runs_frame(filled, where="name = 'nobody'").height == 0


def test_groups_tell_of_the_metrics_of_their_runs(filled: LocalWorkspace):
    groups = {each.values["params.model"]: each for each in group_runs(filled, by=["params.model"])}
    assert {model: each.runs for model, each in groups.items()} == {"tree": 2, "net": 2, None: 1}
    tree, net = groups["tree"].metrics["f1"], groups["net"].metrics["f1"]
    assert (tree.count, tree.min, tree.max) == (2, 0.8, 0.9)
    assert (net.count, net.mean) == (1, 0.7)
    with pytest.raises(GroupInvalid, match="0 fields"):
        group_runs(filled, by=[])


def test_the_front_has_the_runs_that_no_other_beats(filled: LocalWorkspace):
    found = pareto_runs(filled, by=["-metrics.f1,metrics.ms"])
    assert [each.name for each in found] == ["a", "b"]
    assert found[0].values == {"metrics.f1": 0.9, "metrics.ms": 30.0}
    with pytest.raises(GroupInvalid, match="1 fields"):
        pareto_runs(filled, by=["metrics.f1"])


def is_beaten(point: tuple[float, ...], points: list[tuple[float, ...]]) -> bool:
    return any(other != point and all(map(float.__le__, other, point)) for other in points)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), max_size=12))
def test_the_front_is_what_comparing_all_with_all_gives(points: list[tuple[float, ...]]):
    expected = {number for number, point in enumerate(points) if not is_beaten(point, points)}
    assert set(front([(point, number) for number, point in enumerate(points)])) == expected


def ropeway(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit, match=r"\d+") as left:
        main(list(words))
    return int(str(left.value.code)), capsys.readouterr().out


def test_the_command_shows_groups_and_the_front_and_writes_parquet(
    filled: LocalWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.chdir(filled.root)
    code, out = ropeway(capsys, "runs", "--group-by", "params.model")
    assert code == 0
    assert "tree" in out
    _, out = ropeway(capsys, "runs", "--pareto=-metrics.f1,metrics.ms", "--json")
    assert '"b"' in out
    assert '"c"' not in out
    target = tmp_path / "runs.parquet"
    assert ropeway(capsys, "runs", "--parquet", str(target))[0] == 0
    assert pl.read_parquet(target).height == 5
    assert ropeway(capsys, "runs", "--parquet", str(target), "--csv", "-")[0] == 2
