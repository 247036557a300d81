"""A run records what it is told, survives what it meets, and says plainly what it cannot take."""

import math
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from ropeway.tracking.errors import (
    ArtifactMissing,
    PointInvalid,
    PointTooLarge,
    ReferenceInvalid,
    RunElsewhere,
    RunEnded,
    SettingInvalid,
)
from ropeway.tracking.points import list_points
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import current_run
from ropeway.tracking.session import run as open_run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace


def test_a_run_records_params_metrics_tags_inputs_and_artifacts(workspace: LocalWorkspace):
    with start_run(
        workspace, name="first", params={"c": 0.5}, tags={"team": "a"}, inputs=["url:tweets@ab12"]
    ) as run:
        for step in range(3):
            run.log(step, loss=1.0 / (step + 1), accuracy=step / 10)
        run.set(c=1, ngrams=(1, 2))
        run.tag(note="odd - ключ")
        run.uses("url:words@cd34")
        digest = run.artifact("plots/curve.txt", "1 0.5 0.33")
    found = resolve_run(workspace, run.id)
    assert (found.name, found.status, found.kind, found.person) == ("first", "finished", "script", "ana")
    assert found.params == {"c": 1, "ngrams": "[1, 2]"}
    assert found.tags == {"note": "odd - ключ", "team": "a"}
    assert found.metrics == {"accuracy": 0.2, "loss": pytest.approx(1 / 3)}
    assert found.inputs == ["url:tweets@ab12", "url:words@cd34"]
    assert workspace.store.read(found.artifacts["plots/curve.txt"].digest) == b"1 0.5 0.33"
    assert found.artifacts["plots/curve.txt"].digest == digest
    assert found.cpu_s is not None
    assert found.cpu_s >= 0
    assert found.peak_memory_bytes is not None
    assert found.peak_memory_bytes > 1 << 20
    assert found.host.cores >= 1
    assert not (workspace.home / "spool" / f"{run.id}.segment").exists()


def test_a_script_opens_the_project_of_its_folder(workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch):
    below = workspace.root / "scripts"
    below.mkdir()
    monkeypatch.chdir(below)
    with open_run(name="script", c=0.5) as run:
        run.log(loss=0.7, step=1)
    found = resolve_run(workspace, "latest")
    assert (found.id, found.params, found.metrics) == (run.id, {"c": 0.5}, {"loss": 0.7})


def test_an_exception_in_the_block_fails_the_run_and_goes_on(workspace: LocalWorkspace):
    run = start_run(workspace)
    with pytest.raises(ZeroDivisionError, match="division"), run:
        run.log(loss=1 / 0)
    found = resolve_run(workspace, run.id)
    assert (found.status, found.error_type, found.error) == (
        "failed",
        "ZeroDivisionError",
        "division by zero",
    )


def test_leaving_the_interpreter_cleanly_finishes_the_run(workspace: LocalWorkspace):
    with pytest.raises(SystemExit, match="0"), start_run(workspace) as run:
        raise SystemExit(0)
    assert resolve_run(workspace, run.id).status == "finished"


def test_a_run_inside_a_run_remembers_its_parent(workspace: LocalWorkspace):
    assert current_run() is None
    with start_run(workspace) as outer:
        with start_run(workspace) as inner:
            assert current_run() is inner
        assert current_run() is outer
    assert current_run() is None
    assert resolve_run(workspace, inner.id).parent == outer.id
    assert resolve_run(workspace, outer.id).parent is None


def test_points_keep_order_step_and_what_is_no_number(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(0, loss=math.inf)
        run.log(np.int64(1), loss=np.float32(0.5), **{"top-5 / 'acc' µ": np.array(0.25)})
        run.log(loss=math.nan)
    points = list_points(workspace, run=run.id, key="loss")
    assert [point.step for point in points] == [0, 1, None]
    assert points[0].value == math.inf
    assert points[1].value == 0.5
    assert math.isnan(points[2].value)
    found = resolve_run(workspace, run.id)
    assert math.isnan(found.metrics["loss"])
    assert found.metrics["top-5 / 'acc' µ"] == 0.25


def test_the_points_of_a_living_run_can_be_followed(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(loss=3.0)
        run.log(loss=2.0)
        assert [point.value for point in list_points(workspace, run=run.id)] == [3.0, 2.0]
        assert [point.value for point in list_points(workspace, run=run.id, after=0)] == [2.0]
        assert resolve_run(workspace, run.id).status == "running"
    assert [point.value for point in list_points(workspace, run=run.id, after=0)] == [2.0]


@pytest.mark.parametrize(
    ("value", "message"),
    [("high", "it is a str"), ([1.0], "it is a list"), (None, "NoneType"), (1j, "complex"),
     (np.array([1.0, 2.0]), "ndarray"), (10**400, "too large")],
)  # fmt: skip
def test_what_is_no_number_is_refused_and_the_run_goes_on(workspace: LocalWorkspace, value, message):
    with start_run(workspace) as run:
        with pytest.raises(PointInvalid, match=f"'loss' was not logged: .*{message}"):
            run.log(loss=value)
        run.log(loss=1.0)
    assert resolve_run(workspace, run.id).metrics == {"loss": 1.0}


def test_steps_and_names_are_checked(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        for step in ("1", 1.5, True, 2**70):
            with pytest.raises(PointInvalid, match=r"step .* was not logged"):
                run.log(step, loss=1.0)
        for key in ("", " ", "x" * 300, "\ud800"):
            with pytest.raises(PointInvalid, match="was not logged: the key"):
                run.log(**{key: 1.0})
        with pytest.raises(PointTooLarge, match="nothing of it was recorded"):
            run.log(**{f"{'k' * 200}{number}": 1.0 for number in range(6_000)})
    assert resolve_run(workspace, run.id).point_count == 0


def test_settings_artifacts_and_references_are_checked(workspace: LocalWorkspace, tmp_path: Path):
    with start_run(workspace) as run:
        with pytest.raises(SettingInvalid, match="'model' was not recorded: it is a object"):
            run.set(model=object())
        with pytest.raises(SettingInvalid, match="20,000 characters"):
            run.tag(note="x" * 20_000)
        with pytest.raises(SettingInvalid, match="leads out of the run"):
            run.artifact("../x", b"")
        with pytest.raises(ArtifactMissing, match=r"There is no file '.*missing'"):
            run.artifact("x", tmp_path / "missing")
        with pytest.raises(ReferenceInvalid, match="'tweets' is no reference"):
            run.uses("tweets")


def test_params_that_json_cannot_say_are_kept_as_text(workspace: LocalWorkspace):
    with start_run(workspace, params={"big": 2**60, "nan": math.nan, "none": None, "e": 1e300}) as run:
        pass
    assert resolve_run(workspace, run.id).params == {
        "big": str(2**60), "nan": "nan", "none": "None", "e": 1e300,
    }  # fmt: skip


def test_an_ended_run_takes_nothing_more(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(loss=1.0)
    for call in (lambda: run.log(loss=2.0), lambda: run.set(a=1), lambda: run.artifact("x", b""), run.flush):
        with pytest.raises(RunEnded, match="has ended"):
            call()
    run.finish()
    with pytest.raises(RunEnded, match="has ended"):
        run.finish("failed")


def test_many_threads_log_at_once(workspace: LocalWorkspace):
    with start_run(workspace) as run:

        def work(number: int) -> None:
            for step in range(200):
                run.log(step, **{f"loss{number}": float(step)})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = resolve_run(workspace, run.id)
    assert found.point_count == 800
    for number in range(4):
        values = [point.value for point in list_points(workspace, run=run.id, key=f"loss{number}")]
        assert values == [float(step) for step in range(200)]


def test_a_forked_child_may_not_touch_the_run(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        run.log(0, loss=1.0)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run.log(1, loss=666.0)
            except RunElsewhere:
                # Leaving the block in the child must not end the parent's run.
                run.__exit__(None, None, None)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        run.log(2, loss=0.5)
    found = resolve_run(workspace, run.id)
    assert (found.status, found.metrics, found.point_count) == ("finished", {"loss": 0.5}, 2)


def test_a_forked_child_has_runs_of_its_own(workspace: LocalWorkspace):
    with start_run(workspace) as run:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with open_run(name="child", project=workspace.root) as own:
                    own.log(loss=0.25)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        run.log(loss=0.5)
    found = resolve_run(workspace, "child")
    assert (found.parent, found.status, found.metrics) == (run.id, "finished", {"loss": 0.25})
    assert resolve_run(workspace, run.id).metrics == {"loss": 0.5}


def test_projections_replay_to_the_same_rows(workspace: LocalWorkspace):
    with start_run(workspace, name="n", params={"c": 1.0, "big": 1e20, "t": "x", "b": True}) as run:
        run.log(a=1.0, b=math.nan, c=math.inf)
        run.set(d=2.0)
        run.artifact("x", b"y")
    before = resolve_run(workspace, run.id)
    points = list_points(workspace, run=run.id)
    workspace.ledger.rebuild()
    after = resolve_run(workspace, run.id)
    assert repr(after) == repr(before)
    assert repr(list_points(workspace, run=run.id)) == repr(points)
