"""A small project whose pipeline needs no scikit-learn: sixty rows, a threshold that is learnt."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ropeway.data.add import add
from ropeway.pipelines.code import Code, LiveFiles
from ropeway.pipelines.records import PipelineResult
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

TOML = """
[project]
name = "trial"
[charter]
metric = "accuracy"
[inputs.rows]
dataset = "numbers"
key = "id"
target = "label"
"""

PIPELINE = """
import polars as pl
from ropeway import fit, step

@step
def doubled(rows):
    return rows["x"] * 2

@fit
def limit(doubled, target, *, shift: float = 0.0):
    high = doubled.filter(target == "high")
    return {"limit": float(high.min()) + shift}

@step(serve=True)
def answer(doubled, limit):
    is_high = (doubled >= limit["limit"]).cast(pl.Float64)
    return pl.DataFrame({"low": 1 - is_high, "high": is_high})
"""


def numbers(rows: int = 60) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(rows),
            "x": [float(row % 10) for row in range(rows)],
            "note": [f"n{row}" for row in range(rows)],
            "label": ["high" if row % 10 >= 5 else "low" for row in range(rows)],
        }
    )


@pytest.fixture
def trial(project, tmp_path: Path) -> Callable[..., LocalWorkspace]:
    """`trial(pipeline, {"helpers.py": …})`: a project with the numbers in it, opened."""

    def make(
        pipeline: str = PIPELINE, files: dict[str, str] | None = None, *, toml: str = TOML, rows: int = 60
    ) -> LocalWorkspace:
        workspace = project(toml, **{"pipeline.py": pipeline, **(files or {})})
        source = tmp_path / "numbers.csv"
        numbers(rows).write_csv(source)
        add(workspace, source, name="numbers")
        return workspace

    return make


@pytest.fixture
def states() -> Callable[[PipelineResult], dict[str, str]]:
    """What became of each step, by name."""
    return lambda result: {outcome.step: outcome.state for outcome in result.steps}


@pytest.fixture
def write() -> Callable[[LocalWorkspace, str, str], None]:
    """Write a file of a project."""

    def put(workspace: LocalWorkspace, name: str, text: str) -> None:
        path = workspace.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return put


@pytest.fixture
def load_code(tmp_path: Path):
    """`load_code({"pipeline.py": …})`: code loaded from a folder; forgotten after the test."""
    made: list[Code] = []

    def load(files: dict[str, str], entry: str = "pipeline.py") -> Code:
        folder = tmp_path / f"code{len(made)}"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        code = Code(LiveFiles(folder), entry)
        made.append(code)
        return code

    yield load
    for code in made:
        code.close()


@pytest.fixture
def rerun(states):
    """`rerun(workspace, …)`: run the pipeline and give each step's state."""
    return lambda workspace, **overrides: states(run_pipeline(workspace, overrides=overrides))


@pytest.fixture
def environment():
    """Set variables for a test, whatever class `os.environ` has."""
    before = dict(os.environ)
    yield os.environ
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)
