"""Running the project's pipeline: from files and settings to a finished run on record.

`run_pipeline` and `explain_pipeline` share `prepare`, so that what is explained is what would happen.
"""

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from ropeway.core.errors import NotFound
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.pipelines.cache import StepCache, Verifier
from ropeway.pipelines.code import Code, LiveFiles
from ropeway.pipelines.errors import NoSafeFormat
from ropeway.pipelines.execute import Execution
from ropeway.pipelines.explain import why
from ropeway.pipelines.formats import FORMAT, NoFormat, Trust, encode
from ropeway.pipelines.graph import Graph, build_graph
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.key import Keys
from ropeway.pipelines.operations import record
from ropeway.pipelines.operations import show as pipeline_record
from ropeway.pipelines.parameters import flat, resolve_parameters
from ropeway.pipelines.records import (
    Artifact,
    Explanation,
    PipelineRecord,
    PipelineResult,
    Scalar,
    Signature,
    SliceRecord,
    StepEvent,
    StepOutcome,
)
from ropeway.pipelines.slice import find_signature, slice_of, write_replay
from ropeway.tracking.start import start_run
from ropeway.workspace import Workspace

if TYPE_CHECKING:
    from ropeway.tracking.run import Run

__all__ = ["explain_pipeline", "pipeline_record", "run_pipeline"]

REPLAY_ROWS = 32
SAMPLE_ROWS = 64
EVALUATED_PART = "tune"


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """A slice as it was cut and evaluated; kept in the cache, so that a cached run loads nothing."""

    slice: SliceRecord
    metrics: dict[str, float]


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
    with prepare(workspace, given) as ready:
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
    settings = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in given.items()]
    return Execution(
        graph=ready.graph,
        code=ready.code,
        params=ready.params,
        inputs=ready.inputs,
        keys=ready.keys,
        cache=ready.cache,
        verifier=ready.verifier,
        trust=ready.trust,
        resume=" ".join(["ropeway run", *settings]),
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
    evaluated = _evaluated(ready, execution)
    if evaluated.metrics:
        run.log(None, **evaluated.metrics)
    store = ready.workspace.store
    files = {name: store.put(data) for name, data in sorted(_source(ready, execution).items())}
    settings = {
        f"{step}.{name}": value
        for step in ready.graph.serving
        for name, value in ready.params[step].items()
        if isinstance(value, bool | int | float | str)
    }
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
            settings=settings,
            slice=evaluated.slice,
            part=EVALUATED_PART,
            metrics={name: value for name, value in evaluated.metrics.items() if isfinite(value)},
        ),
    )
    return evaluated.metrics


def _evaluated(ready: Prepared, execution: Execution) -> Evaluated:
    """The slice with its metrics: from the cache when nothing that it depends on changed."""
    key = _slice_key(ready, execution)
    cache = ready.workspace.store.cache
    if key is not None and not execution.force and (data := cache.get(f"slice/{key}")) is not None:
        with contextlib.suppress(msgspec.DecodeError):
            found = msgspec.msgpack.decode(data, type=Evaluated)
            needed = [found.slice.replay, *(artifact.digest for artifact in found.slice.artifacts.values())]
            if all(ready.workspace.store.has(digest) for digest in needed):
                return found
    evaluated = _evaluate(ready, execution)
    if key is not None:
        cache.put(f"slice/{key}", msgspec.msgpack.encode(evaluated))
    return evaluated


def _slice_key(ready: Prepared, execution: Execution) -> Digest | None:
    """What the evaluated slice depends on; None when some of it cannot be told."""
    graph = ready.graph
    parts: dict[str, Any] = {}
    for name in graph.serving:
        output = execution.outputs[name]
        if output.seen is None:
            return None
        tokens = {need: str(execution.token(need)) for need in graph.steps[name].needs}
        parts[name] = [ready.keys.parts(graph.steps[name], ready.params[name], tokens).digest(), output.seen]
    tune = ready.inputs.token("tune_rows")
    project = ready.workspace.project
    return digest_json(
        [parts, tune, project.charter.metric, list(ready.trust.extra), REPLAY_ROWS, SAMPLE_ROWS]
    )


def _evaluate(ready: Prepared, execution: Execution) -> Evaluated:
    from ropeway.stats.metrics import evaluate

    graph = ready.graph
    artifacts = {name: _pin(ready, execution, name) for name in graph.pinned}
    pinned = {name: _pinned_value(ready, execution, name) for name in graph.pinned}
    made = slice_of(ready.code, graph, ready.params, pinned, {})
    rows, truth = ready.inputs.part("tune")
    if rows.height == 0:
        rows, truth = ready.inputs.part("train")[0], None
    made.inputs = find_signature(made, rows.head(SAMPLE_ROWS))
    answers = made.predict(rows)
    metrics: dict[str, float] = {}
    if truth is not None:
        metrics = evaluate(None, truth, answers)
        wanted = ready.workspace.project.charter.metric
        if wanted not in metrics:
            metrics |= evaluate([wanted], truth, answers)
    replayed = rows.head(REPLAY_ROWS).select(list(made.inputs))
    replay = ready.workspace.store.put(write_replay(replayed, made.predict(replayed)))
    return Evaluated(
        slice=SliceRecord(
            served=graph.served,
            steps=list(graph.serving),
            artifacts=artifacts,
            signature=Signature(inputs=made.inputs, outputs=answers.columns),
            replay=replay,
            replay_rows=replayed.height,
        ),
        metrics=metrics,
    )


def _pin(ready: Prepared, execution: Execution, name: str) -> Artifact:
    """Keep what a fit learnt, or a pinned table, durably.

    Raises:
        NoSafeFormat: it has no form that is safe to load.
    """
    output = execution.outputs.get(name)
    data = output.raw() if output is not None else None
    if output is not None and output.content is not None and data is not None:
        kind, content = output.kind, output.content
    else:
        value = output.get() if output is not None else ready.inputs.load(name)
        try:
            encoded = encode(value, ready.trust)
        except NoFormat as problem:
            raise NoSafeFormat(name, str(problem)) from problem
        data, kind, content = encoded.data, encoded.kind, encoded.content
    digest = ready.workspace.store.put(data)
    return Artifact(digest=digest, format=FORMAT, kind=kind, content=content, size_bytes=len(data))


def _pinned_value(ready: Prepared, execution: Execution, name: str) -> Any:
    return execution.outputs[name].get() if name in execution.outputs else ready.inputs.load(name)


def _source(ready: Prepared, execution: Execution) -> dict[str, bytes]:
    """The files that the slice needs: modules, and the project's data files that they opened."""
    # Also what a cached step would import if it ran: it will, on its first request.
    modules = [*(module.path for module in ready.keys.map.modules.values()), *ready.keys.map.extra]
    files = {path: ready.code.source(path) for path in modules if not path.endswith("/")}
    opened = dict(ready.code.seen.files)
    for name in ready.graph.serving:
        opened |= ready.keys.known(ready.graph.steps[name]).files
        opened |= execution.outputs[name].files
    for name, digest in opened.items():
        if digest is not None and not name.startswith("/") and not name.endswith("/") and name not in files:
            data = ready.code.files.read(name)
            if data is not None:
                files[name] = data
    return files
