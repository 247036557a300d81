"""Running a pipeline: what comes of it, what a failure keeps, two at once, and a kill."""

# ruff: noqa: E501  small programs as text

import os
import signal
import subprocess
import sys
import threading

import pytest

from ropeway.core.errors import NotFound
from ropeway.data.errors import DatasetNotFound
from ropeway.pipelines.errors import (
    InputMissing,
    NoSafeFormat,
    RunNotRecorded,
    StepChangedInput,
    StepChangedRows,
    StepFailed,
)
from ropeway.pipelines.run import explain_pipeline, pipeline_record, run_pipeline
from ropeway.testing import MINIMAL_PROJECT
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.search import search_runs

PIPELINE = """
import polars as pl
from ropeway import fit, step

@step
def doubled(rows):
    return rows["x"] * 2

@fit
def limit(doubled, target, *, shift: float = 0.0):
    return {"limit": float(doubled.filter(target == "high").min()) + shift}

@step(serve=True)
def answer(doubled, limit):
    is_high = (doubled >= limit["limit"]).cast(pl.Float64)
    return pl.DataFrame({"low": 1 - is_high, "high": is_high})
"""


def test_a_run_is_evaluated_on_the_tune_part_and_put_on_record(trial):
    workspace = trial()
    result = run_pipeline(workspace, overrides={"shift": 0.5})
    assert result.metrics["accuracy"] == 0.9 or 0 < result.metrics["accuracy"] <= 1
    record = pipeline_record(workspace, run=result.run)
    assert record == pipeline_record(workspace)
    assert record.slice.served == "answer"
    assert record.slice.steps == ["doubled", "answer"]
    assert list(record.slice.artifacts) == ["limit"]
    assert record.slice.signature.inputs == {"x": "Float64"}
    assert record.slice.signature.outputs == ["low", "high"]
    assert record.params == {"shift": 0.5}
    assert record.part == "tune"
    assert record.metrics == result.metrics
    assert record.inputs["rows"].startswith("dataset:numbers@")
    assert list(record.files) == ["pipeline.py"]


def test_the_run_is_tracked_with_params_metrics_and_inputs(trial):
    workspace = trial()
    result = run_pipeline(workspace)
    summary = resolve_run(workspace, result.run)
    assert (summary.status, summary.kind) == ("finished", "pipeline")
    assert summary.metrics["accuracy"] == result.metrics["accuracy"]


def test_rows_are_the_train_part_without_target_key_kept(trial):
    source = PIPELINE.replace(
        'return rows["x"] * 2', 'assert rows.columns == ["id", "x", "note"]\n    return rows["x"] * 2'
    )
    result = run_pipeline(trial(source))
    height = next(outcome.rows for outcome in result.steps if outcome.step == "doubled")
    assert 20 < height < 50


def test_excluded_columns_are_never_in_rows(trial):
    toml = MINIMAL_PROJECT.replace("trial", "t") + (
        '[charter]\nmetric = "accuracy"\n[inputs.rows]\ndataset = "numbers"\nkey = "id"\ntarget = "label"\nexclude = ["note"]\n'
    )
    source = PIPELINE.replace('rows["x"] * 2', 'rows["note"].str.len_chars()')
    with pytest.raises(StepFailed, match="note") as caught:
        run_pipeline(trial(source, toml=toml))
    assert "'note' is never in `rows`" in caught.value.expected


def test_reading_the_target_from_rows_says_that_it_is_never_there(trial):
    with pytest.raises(StepFailed, match="ColumnNotFoundError") as caught:
        run_pipeline(trial(PIPELINE.replace('rows["x"]', 'rows["label"]')))
    assert "'label' is never in `rows`" in caught.value.expected
    assert "pipeline.py:7 in doubled" in caught.value.what


def test_a_failed_step_keeps_what_succeeded_and_says_how_to_go_on(trial, rerun, write):
    workspace = trial(PIPELINE.replace("is_high = ", "1 / 0\n    is_high = "))
    with pytest.raises(StepFailed, match="Step 'answer' raised ZeroDivisionError") as caught:
        run_pipeline(workspace, overrides={"shift": "0.5"})
    error = caught.value
    assert "pipeline.py:15 in answer\n    1 / 0" in error.what
    assert "kept: doubled, limit" in error.what
    assert "ropeway run --set shift=0.5" in error.next_step
    assert "ropeway/pipelines" not in error.what
    summary = resolve_run(workspace, "latest")
    assert summary.status == "failed"
    write(workspace, "pipeline.py", PIPELINE)
    assert rerun(workspace, shift="0.5") == {"doubled": "cached", "limit": "cached", "answer": "ran"}


def test_a_step_that_exits_is_a_failed_step(trial):
    with pytest.raises(StepFailed, match="SystemExit"):
        run_pipeline(trial(PIPELINE.replace('return rows["x"] * 2', "raise SystemExit(1)")))


@pytest.mark.parametrize(
    ("body", "did"), [("rows['x'].head(5)", "dropped"), ("pl.concat([rows['x']] * 2)", "added")]
)
def test_a_step_that_changes_rows_on_the_serving_path_is_refused(trial, body, did):
    with pytest.raises(StepChangedRows, match=f"Step 'doubled' {did} rows") as caught:
        run_pipeline(trial(PIPELINE.replace('rows["x"] * 2', body)))
    assert caught.value.facts["step"] == "doubled"
    assert caught.value.facts["rows_expected"] > 5


def test_a_fit_without_a_safe_format_on_the_serving_path_is_refused(trial):
    source = PIPELINE.replace(
        'return {"limit"', 'from threading import Lock\n    return Lock(), {"limit"'
    ).replace('limit["limit"]', 'limit[1]["limit"]')
    workspace = trial(source)
    with pytest.raises(NoSafeFormat, match=r"What 'limit' learnt cannot be kept.*lock"):
        run_pipeline(workspace)
    assert resolve_run(workspace, "latest").status == "failed"


def test_a_missing_dataset_is_named(trial):
    toml = '[project]\nname = "trial"\n[inputs.rows]\ndataset = "numbrs"\ntarget = "label"\n'
    with pytest.raises(DatasetNotFound, match="Did you mean 'numbers'"):
        run_pipeline(trial(toml=toml))


def test_a_project_without_inputs_is_told_what_to_write(trial):
    with pytest.raises(InputMissing) as caught:
        run_pipeline(trial(toml=MINIMAL_PROJECT))
    assert "[inputs.rows]" in caught.value.next_step


def test_only_a_few_steps_can_be_run(trial, states):
    workspace = trial()
    assert states(run_pipeline(workspace, only=["limit"])) == {"doubled": "ran", "limit": "ran"}
    with pytest.raises(RunNotRecorded):
        pipeline_record(workspace)
    with pytest.raises(NotFound, match="Did you mean 'limit'"):
        run_pipeline(workspace, only=["limt"])


def test_force_runs_everything_again(trial, states):
    workspace = trial()
    run_pipeline(workspace)
    assert set(states(run_pipeline(workspace, force=True)).values()) == {"ran"}


def test_a_cached_run_loads_no_data_and_no_value(trial, rerun):
    workspace = trial()
    rerun(workspace)
    for path in (workspace.home / "objects").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"id,"):
            path.chmod(0o644)
            path.write_bytes(b"anybody who read this would notice")
    assert set(rerun(workspace).values()) == {"cached"}


def test_a_result_that_vanished_from_the_cache_is_made_again(trial, rerun, write):
    workspace = trial(PIPELINE.replace('rows["x"] * 2', 'pl.concat([rows["x"]] * 1)'), rows=9000)
    rerun(workspace)
    for path in (workspace.home / "cache").rglob("*"):
        if path.is_file() and path.stat().st_size > 16_000:
            path.write_bytes(b"torn")
    write(
        workspace,
        "pipeline.py",
        (workspace.root / "pipeline.py").read_text().replace("is_high = (", "is_high = 1 * ("),
    )
    assert rerun(workspace)["answer"] == "ran"


def test_independent_steps_run_at_once(trial):
    meet = "import threading\nBARRIER = threading.Barrier(2, timeout=10)\n"
    both = "@step\ndef left(rows):\n    BARRIER.wait()\n    return 1\n@step\ndef right(rows):\n    BARRIER.wait()\n    return 2\n"
    events = []
    result = run_pipeline(
        trial(meet + PIPELINE + both), jobs=2, progress=lambda event: events.append((event.step, event.state))
    )
    assert {outcome.state for outcome in result.steps} == {"ran"}
    assert ("left", "started") in events
    assert ("left", "finished") in events


def test_what_a_step_opens_is_its_own_although_others_run_beside(trial, rerun, write):
    both = (
        "import time\n@step\ndef left(rows):\n    time.sleep(0.05)\n    with open('left.txt') as f:\n        return f.read()\n"
        "@step\ndef right(rows):\n    time.sleep(0.05)\n    with open('right.txt') as f:\n        return f.read()\n"
    )
    workspace = trial(PIPELINE + both, {"left.txt": "l", "right.txt": "r"})
    rerun(workspace)
    write(workspace, "left.txt", "L")
    found = rerun(workspace)
    assert (found["left"], found["right"]) == ("ran", "cached")


def test_explain_runs_nothing_and_tells_what_would(trial):
    workspace = trial()
    assert {each.state for each in explain_pipeline(workspace)} == {"will run"}
    run_pipeline(workspace)
    assert {each.state for each in explain_pipeline(workspace)} == {"cached"}
    found = {each.step: each for each in explain_pipeline(workspace, {"shift": 2})}
    assert (found["limit"].state, found["limit"].reason) == ("will run", "parameter shift: 0.0 → 2.0")
    assert (found["answer"].state, found["doubled"].state) == ("may run", "cached")


def test_replaying_the_ledger_gives_the_same_record(trial):
    workspace = trial()
    run_pipeline(workspace)
    before = pipeline_record(workspace)
    workspace.ledger.rebuild()
    assert pipeline_record(workspace) == before


def test_an_unknown_run_is_not_found(trial):
    with pytest.raises(RunNotRecorded, match="no pipeline run 'run_x'"):
        pipeline_record(trial(), run="run_x")


SCRIPT = (
    "from ropeway.workspace import open_workspace\nfrom ropeway.pipelines.run import run_pipeline\n"
    "with open_workspace({root!r}, actor='ana') as w:\n"
    "    result = run_pipeline(w, progress=lambda e: print(e.step, e.state, flush=True))\n"
    "print(sorted({{o.state for o in result.steps}}), result.metrics['accuracy'])\n"
)


def start(workspace) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT.format(root=str(workspace.root))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_running_the_same_pipeline_at_once_both_succeed(trial):
    workspace = trial()
    both = [start(workspace), start(workspace)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len({out.split()[-1] for out, _ in said}) == 1
    assert len({row.id for row in search_runs(workspace)}) == 2


SLOW = PIPELINE.replace("is_high = ", "import time; time.sleep(60)\n    is_high = ")


def test_a_run_that_is_killed_leaves_its_finished_steps_and_a_clean_cache(trial, rerun, write):
    workspace = trial(SLOW)
    process = start(workspace)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("answer started"):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    write(workspace, "pipeline.py", PIPELINE)
    assert rerun(workspace) == {"doubled": "cached", "limit": "cached", "answer": "ran"}


def test_threads_of_this_process_may_run_two_pipelines(trial):
    one, two = trial(), trial(PIPELINE.replace("* 2", "* 3"))
    found = {}
    threads = [
        threading.Thread(target=lambda w=w: found.update({w.root.name: run_pipeline(w).metrics["accuracy"]}))
        for w in (one, two)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("made", "change"),
    [
        ("{'a': [1]}", "made['a'].append(2)"),
        ("[1, 2]", "made.reverse()"),
        ("__import__('numpy').zeros(3)", "made[0] = 1"),
    ],
)
def test_a_step_that_changes_its_input_in_place_is_refused(trial, made, change):
    more = f"@step\ndef made(rows):\n    return {made}\n@step\ndef after(made):\n    {change}\n    return 1\n"
    with pytest.raises(StepChangedInput, match="Step 'after' changed 'made' in place"):
        run_pipeline(trial(PIPELINE + more))


def test_a_frame_may_get_columns_without_others_seeing_them(trial):
    more = (
        "@step\ndef wider(rows):\n    rows.insert_column(0, pl.Series('extra', [0] * len(rows)))\n    return rows\n"
        "@step\ndef after(wider, rows):\n    return 'extra' in rows.columns\n"
    )
    result = run_pipeline(trial(PIPELINE + more + "@step\ndef check(after):\n    assert after is False\n"))
    assert {outcome.state for outcome in result.steps} == {"ran"}
