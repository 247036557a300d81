"""Running the project's pipeline: from files and settings to a finished run on record.

`run_pipeline` and `explain_pipeline` share `prepare`, so that what is explained is what would happen.
"""

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from ropeway.core.errors import NotFound, Unavailable
from ropeway.pipelines.evaluation import EVALUATED_PART, evaluated_slice, settings_of, source_of
from ropeway.pipelines.execute import Execution
from ropeway.pipelines.explain import why
from ropeway.pipelines.graph import Graph
from ropeway.pipelines.operations import record
from ropeway.pipelines.operations import show as pipeline_record
from ropeway.pipelines.parameters import flat
from ropeway.pipelines.prepare import Prepared, prepare
from ropeway.pipelines.records import (
    Explanation,
    PipelineRecord,
    PipelineResult,
    Scalar,
    StepEvent,
    StepOutcome,
)
from ropeway.tracking.start import start_run
from ropeway.workspace import Workspace

if TYPE_CHECKING:
    from ropeway.tracking.run import Run

__all__ = ["explain_pipeline", "pipeline_record", "run_pipeline"]

RESTART_S = 60.0
"""So long a server that goes away in the middle of a run is waited for."""


def run_pipeline(
    workspace: Workspace,
    *,
    overrides: Mapping[str, Scalar] | None = None,
    only: Sequence[str] | None = None,
    jobs: int | None = None,
    force: bool = False,
    progress: Callable[[StepEvent], None] | None = None,
) -> PipelineResult:
    """Run the project's pipeline; what has not changed comes from the cache.

    The slice that the run leads to is evaluated on the `tune` part and put on record. The `test` part is not
    touched.

    Args:
        workspace: the project.
        overrides: parameters for this run, as `name` or `step.name`; texts are read as the parameter's type.
        only: stop after these steps; nothing is then evaluated or put on record as deployable.
        jobs: how many steps may run at once.
        force: run every step, cached or not.
        progress: called when a step starts, ends, or comes from the cache; may be called from other threads.

    Raises:
        StepFailed, StepChangedRows: a step raised or broke the serving path; what succeeded is kept.
        NoSafeFormat: what a fit learnt cannot be kept.
        RopewayError: the pipeline, its configuration or its data are not sound; nothing ran.

    Example:
        ```python
        result = run_pipeline(workspace, overrides={"c": 0.5})
        print(result.metrics["macro_f1"])
        ```
    """
    began = time.perf_counter()
    given = dict(overrides or {})
    with _waiting(workspace, given), prepare(workspace, given) as ready:
        wanted = _wanted(ready.graph, only)
        params = flat(ready.params)
        refs = ready.inputs.references(ready.graph.inputs)
        run = start_run(workspace, kind="pipeline", params=params, inputs=list(refs.values()))
        with run:
            execution = _execution(ready, given, force=force, progress=progress)
            execution.run(wanted, jobs)
            outcomes = [execution.outcomes[name] for name in ready.graph.steps if name in wanted]
            metrics: dict[str, float] = {}
            if ready.graph.served in wanted:
                metrics = _finish(ready, execution, run, refs, params, outcomes)
    return PipelineResult(
        run=run.id,
        steps=outcomes,
        metrics=metrics,
        params=params,
        seconds=time.perf_counter() - began,
        part=EVALUATED_PART,
        metric=workspace.project.charter.metric,
    )


def explain_pipeline(
    workspace: Workspace, overrides: Mapping[str, Scalar] | None = None
) -> list[Explanation]:
    """For each step, whether it would come from the cache, and if not, why not. Runs nothing.

    Args:
        workspace: the project.
        overrides: parameters as for `run_pipeline`.
    """
    with prepare(workspace, dict(overrides or {})) as ready:
        execution = _execution(ready, {}, force=False, progress=None)
        execution.memory = ready.cache.recall()
        return [_explain(ready, execution, name) for name in ready.graph.steps]


def _explain(ready: Prepared, execution: Execution, name: str) -> Explanation:
    step = ready.graph.steps[name]
    known = ready.keys.known(step)
    if known.impure:
        return Explanation(step=name, state="will run", reason=f"uses {', '.join(known.impure)}")
    moving = [need for need in step.needs if need in ready.graph.steps and need not in execution.outputs]
    last = execution.memory.steps.get(name)
    tokens = {need: str(execution.token(need)) for need in step.needs if need not in moving}
    if moving:
        tokens |= {need: (last.parts.inputs.get(need, "") if last else "") for need in moving}
    parts = ready.keys.parts(step, ready.params[name], tokens)
    key = parts.digest()
    variant = ready.cache.find(key, ready.verifier, last)
    if variant is None:
        return Explanation(step=name, state="will run", reason=why(parts, last, ready.verifier, step))
    if moving:
        reason = f"only if what `{moving[0]}` gives changes"
        return Explanation(step=name, state="may run", reason=reason)
    execution.take(step, parts, key, variant)
    return Explanation(step=name, state="cached", reason="nothing that it depends on changed")


@contextlib.contextmanager
def _waiting(workspace: Workspace, given: Mapping[str, Scalar]) -> Iterator[None]:
    """A server may be restarted meanwhile; where it stays away, the cache resumes what is done."""
    from ropeway.workspace.remote import RemoteWorkspace

    patience = workspace.waiting(RESTART_S) if isinstance(workspace, RemoteWorkspace) else None
    try:
        with patience or contextlib.nullcontext():
            yield
    except Unavailable as error:
        if patience is not None:
            error.next_step = f"{_again(given)}   once it answers; what is done comes from the cache"
        raise


def _again(given: Mapping[str, Scalar]) -> str:
    """The command that goes on from what is done."""
    settings = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in given.items()]
    return " ".join(["ropeway run", *settings])


def _wanted(graph: Graph, only: Sequence[str] | None) -> set[str]:
    if not only:
        return set(graph.steps)
    for name in only:
        if name not in graph.steps:
            raise NotFound("step", name, graph.steps, next_step="ropeway explain lists the steps")
    return graph.upstream(only)


def _execution(
    ready: Prepared,
    given: Mapping[str, Scalar],
    *,
    force: bool,
    progress: Callable[[StepEvent], None] | None,
) -> Execution:
    return Execution(
        graph=ready.graph,
        code=ready.code,
        params=ready.params,
        inputs=ready.inputs,
        keys=ready.keys,
        cache=ready.cache,
        verifier=ready.verifier,
        trust=ready.trust,
        resume=_again(given),
        force=force,
        progress=progress,
    )


def _finish(
    ready: Prepared,
    execution: Execution,
    run: "Run",
    refs: dict[str, str],
    params: dict[str, Scalar],
    outcomes: list[StepOutcome],
) -> dict[str, float]:
    """Cut the slice, evaluate it, put it on record."""
    evaluated = evaluated_slice(ready, execution)
    if evaluated.metrics:
        run.log(None, **evaluated.metrics)
    store = ready.workspace.store
    source = source_of(ready, execution, evaluated.files)
    files = {name: store.put(data) for name, data in sorted(source.items())}
    record(
        ready.workspace,
        found=PipelineRecord(
            run=run.id,
            pipeline=ready.code.entry,
            inputs=refs,
            split=ready.inputs.split.digest,
            code=run.code,
            source=store.put_tree(files),
            files=files,
            packages=ready.keys.packages,
            steps=outcomes,
            params=params,
            settings=settings_of(ready),
            slice=evaluated.slice,
            part=EVALUATED_PART,
            metrics={name: value for name, value in evaluated.metrics.items() if isfinite(value)},
        ),
    )
    return evaluated.metrics
