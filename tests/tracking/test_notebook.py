"""What a notebook shows of runs: escaped, nothing from outside, and a cell that is run again is no trap."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

import ropeway
from ropeway.tracking import cells
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import Run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

HOSTILE = '<script src="https://example.org/x.js">&'


def logged(workspace: LocalWorkspace, name: str, loss: float) -> str:
    with start_run(workspace, name=name, params={"c": loss * 2, HOSTILE: HOSTILE}) as run:
        run.log(1, loss=loss)
        run.tag(note=HOSTILE)
    return run.id


def test_runs_lists_and_comparisons_are_html_without_anything_foreign(workspace: LocalWorkspace):
    first, second = logged(workspace, HOSTILE, 0.5), logged(workspace, "second", 0.25)
    pages = [
        resolve_run(workspace, first)._repr_html_(),
        ropeway.runs("metrics.loss < 1", project=workspace.root)._repr_html_(),
        ropeway.compare(first, second, project=workspace.root)._repr_html_(),
        start_run(workspace, name=HOSTILE)._repr_html_(),
    ]
    for page in pages:
        assert "&lt;script" in page
        tags = set(re.findall(r"<(/?\w+)", page))
        assert {tag.strip("/") for tag in tags} <= {"div", "table", "thead", "tbody", "tr", "td", "th"}
        assert not re.search(r"<[^>]*(src|href|url\(|on\w+=)", page)
    assert "0.25" in pages[1]
    assert "second" in pages[2]


def test_an_empty_list_is_shown_as_one(workspace: LocalWorkspace):
    assert "0 runs" in ropeway.runs(project=workspace.root)._repr_html_()


def test_a_cell_that_is_run_again_ends_the_run_that_it_began(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
):
    shell = SimpleNamespace(execution_count=1)
    # What IPython says of itself, which is not installed here.
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.chdir(workspace.root)
    cell = compile("two = [ropeway.run() for _ in range(2)]", "cell-1", "exec")
    names: dict[str, list[Run]] = {}
    exec(cell, {"ropeway": ropeway}, names)
    first = names["two"]
    assert [run.is_open for run in first] == [True, True]
    shell.execution_count = 2
    exec(cell, {"ropeway": ropeway}, names)
    assert [run.is_open for run in [*first, *names["two"]]] == [False, False, True, True]
    cells._end_all()
    for run in (*first, *names["two"]):
        assert resolve_run(workspace, run.id).status == "finished"


LEFT_OPEN = """
import ropeway
run = ropeway.run(name="left open")
run.log(1, loss=0.5)
ropeway.run(join=run.id).set(depth=3)
1 / 0
"""


def test_a_run_that_a_script_leaves_open_ends_with_it(workspace: LocalWorkspace):
    left = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN], cwd=workspace.root, check=False, capture_output=True, text=True
    )
    assert left.stderr.count("Traceback") == 1
    found = resolve_run(workspace, "left open")
    assert (found.status, found.error_type, found.params) == ("failed", "ZeroDivisionError", {"depth": 3})
    assert found.metrics["loss"] == 0.5
