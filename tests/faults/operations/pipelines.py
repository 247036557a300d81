"""Under fault: pipeline runs, each with a parameter that no run had before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.line import lay
from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.pipelines.operations import show
from ropeway.pipelines.run import run_pipeline
from ropeway.tracking.resolve import resolve_run
from ropeway.workspace import LocalWorkspace


class RunPipeline:
    """One run a call; what it learnt must be in the store, whole."""

    name = "pipeline run"
    repeats = True
    limit = 100

    def prepare(self, root: Path) -> None:
        lay(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            return run_pipeline(workspace, overrides={"mark": token}).run

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        for token, run in story.acknowledged().items():
            try:
                summary, record = resolve_run(workspace, run), show(workspace, run=run)
                learnt = workspace.store.read(record.slice.artifacts["words"].digest)
            except RopewayError as error:
                problems.append(f"run of {token}: {error}")
                continue
            if summary.status != "finished" or token.encode() not in learnt:
                problems.append(f"run of {token}: {summary.status}, learnt {learnt[:80]!r}")
        return problems
