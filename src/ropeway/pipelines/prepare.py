"""Everything that is known before the first step of a pipeline runs; shared by running and explaining."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ropeway.pipelines.cache import StepCache, Verifier
from ropeway.pipelines.code import Code, LiveFiles
from ropeway.pipelines.errors import StepElsewhere
from ropeway.pipelines.graph import Graph, build_graph
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.key import Keys
from ropeway.pipelines.parameters import resolve_parameters
from ropeway.pipelines.records import Scalar
from ropeway.pipelines.writing import Trust
from ropeway.workspace import Workspace


@dataclass(slots=True)
class Prepared:
    """Everything that is known before the first step runs."""

    workspace: Workspace
    code: Code
    graph: Graph
    params: dict[str, dict[str, Any]]
    inputs: Inputs
    keys: Keys
    cache: StepCache
    verifier: Verifier
    trust: Trust


@contextlib.contextmanager
def prepare(workspace: Workspace, overrides: Mapping[str, Scalar]) -> Iterator[Prepared]:
    """Load the project's code, wire it, configure it, resolve its inputs."""
    project = workspace.project
    code = Code(LiveFiles(workspace.root), project.project.pipeline)
    try:
        _check_own(code)
        inputs = Inputs(workspace)
        graph = build_graph(code.marks, inputs.names, evaluated=project.evaluate.prediction)
        params = resolve_parameters(graph, project.params, overrides)
        verifier = Verifier(workspace.root)
        yield Prepared(
            workspace=workspace,
            code=code,
            graph=graph,
            params=params,
            inputs=inputs,
            keys=Keys(code, verifier),
            cache=StepCache(workspace.store, project.project.pipeline),
            verifier=verifier,
            trust=Trust(tuple(project.models.trusted_types), code),
        )
    finally:
        code.close()


def _check_own(code: Code) -> None:
    """Refuse steps of other code: what they depend on cannot be told."""
    for mark in code.marks:
        module = str(getattr(mark.function, "__module__", "") or type(mark.function).__module__)
        if module.removeprefix(f"{code.prefix}.") not in code.modules:
            name = getattr(mark.function, "__name__", type(mark.function).__name__)
            raise StepElsewhere(name, module)
