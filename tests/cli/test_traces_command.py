"""`ropeway traces` and `ropeway trace`."""

import json

import pytest
from tests.mlflow.trace_calls import FIRST, T1, span
from tests.tracking.test_runs_command import ropeway
from tests.tracking.traces.test_traces import CHAT, send

from ropeway.cli.traces import as_tree
from ropeway.tracking.afar import operations as afar
from ropeway.tracking.traces.operations import describe_trace, get_trace
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def traced(workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(workspace.root)
    run = afar.open_run(workspace, experiment="0", kind="mlflow", name="r", started_ms=5)
    send(workspace, span(FIRST, 1, "chat", attributes=CHAT), span(FIRST, 2, "ask", 1, status={"code": 2}))
    describe_trace(
        workspace,
        trace=T1,
        experiment="0",
        began_ms=5,
        duration_ms=7,
        state="ok",
        metadata={"mlflow.sourceRun": run.hex},
    )
    return run.id


def test_traces_are_found_and_one_is_a_tree(traced: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ropeway(capsys, "traces", "--where", "span.status = 'ERROR'", "--run", traced)
    assert (code, T1 in out) == (0, True)
    code, out, _ = ropeway(capsys, "trace", "latest")
    assert (code, "└─ ask" in out, traced in out) == (0, True, True)


def test_a_run_says_how_many_traces_it_has_and_why_knows_them(
    traced: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"ropeway traces --run {traced}" in ropeway(capsys, "runs", traced)[1]
    told = json.loads(ropeway(capsys, "why", T1, "--json")[1])
    assert [link["thing"]["ref"] for link in told["back"]] == [f"run:{traced}"]


def test_spans_that_name_each_other_as_parents_are_all_told(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "a", 2), span(FIRST, 2, "b", 1), span(FIRST, 3, "c", 9))
    rows = list(as_tree(get_trace(workspace, trace=T1).spans))
    assert sorted(each.name for _, each in rows) == ["a", "b", "c"]
    assert rows[0] == ("", rows[0][1])
