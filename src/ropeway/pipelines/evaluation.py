"""The slice of a finished run: cut, tried on the rows of the `tune` part, watched while it is.

Kept in the cache, so that a run in which nothing changed loads nothing.
"""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.pipelines.errors import NoSafeFormat, ReadsLiveFile
from ropeway.pipelines.execute import Execution
from ropeway.pipelines.formats import FORMAT, encode
from ropeway.pipelines.observe import load_generators, watching
from ropeway.pipelines.prepare import Prepared
from ropeway.pipelines.records import Artifact, Scalar, Signature, SliceRecord
from ropeway.pipelines.slice import find_signature, load_slice, slice_of, write_replay
from ropeway.pipelines.touched_files import IS_THERE, STATUS, project_name
from ropeway.pipelines.watched import Observation
from ropeway.pipelines.writing import NoFormat

if TYPE_CHECKING:
    import polars as pl

REPLAY_ROWS = 32
SAMPLE_ROWS = 64
EVALUATED_PART = "tune"


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """A slice as it was cut and evaluated, and what it was seen to use meanwhile."""

    slice: SliceRecord
    metrics: dict[str, float]
    files: dict[str, str | None]
    env: dict[str, str | None]


def evaluated_slice(ready: Prepared, execution: Execution) -> Evaluated:
    """The slice with its metrics: from the cache when nothing that it depends on changed.

    Raises:
        NoSafeFormat: what a fit learnt cannot be kept.
        ReadsLiveFile: once packaged, it would still read the project folder.
    """
    key = _slice_key(ready, execution)
    cache = ready.workspace.store.cache
    if key is not None and not execution.force and (data := cache.get(f"slice/{key}")) is not None:
        with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError):
            found = msgspec.msgpack.decode(data, type=Evaluated)
            if _holds(ready, found):
                return found
    evaluated, is_pure = _evaluate(ready, execution)
    if key is not None and is_pure:
        cache.put(f"slice/{key}", msgspec.msgpack.encode(evaluated))
    return evaluated


def settings_of(ready: Prepared) -> dict[str, Scalar]:
    """The parameters of the slice's steps as `step.name`."""
    return {
        f"{step}.{name}": value
        for step in ready.graph.serving
        for name, value in ready.params[step].items()
        if isinstance(value, bool | int | float | str)
    }


def _holds(ready: Prepared, found: Evaluated) -> bool:
    """Whether its objects are there, and what it used is as it was."""
    needed = [found.slice.replay, *(artifact.digest for artifact in found.slice.artifacts.values())]
    seen = ready.verifier
    return (
        all(ready.workspace.store.renew(digest) for digest in needed)
        and all(seen.file(name) == digest for name, digest in found.files.items())
        and all(seen.variable(name) == digest for name, digest in found.env.items())
    )


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


def _evaluate(ready: Prepared, execution: Execution) -> tuple[Evaluated, bool]:
    """Cut the slice and try it; whether the result may be kept is told beside it."""
    graph = ready.graph
    artifacts = {name: _pin(ready, execution, name) for name in graph.pinned}
    pinned = {name: _pinned_value(ready, execution, name) for name in graph.pinned}
    made = slice_of(ready.code, graph, ready.params, pinned, {})
    rows, truth = ready.inputs.part("tune")
    if rows.height == 0:
        rows, truth = ready.inputs.part("train")[0], None
    load_generators()
    # On these rows a step may use what it did not use before.
    with watching(Observation(ready.code.files.folder)) as seen:
        made.inputs = find_signature(made, rows.head(SAMPLE_ROWS))
        answers = made.predict(rows)
        replayed = rows.head(REPLAY_ROWS).select(list(made.inputs))
        replay = write_replay(replayed, made.predict(replayed))
    _check_packaged(ready, execution, artifacts, replayed, seen.files, made.inputs)
    evaluated = Evaluated(
        slice=SliceRecord(
            served=graph.served,
            steps=list(graph.serving),
            artifacts=artifacts,
            signature=Signature(inputs=made.inputs, outputs=answers.columns),
            replay=ready.workspace.store.put(replay),
            replay_rows=replayed.height,
        ),
        metrics=_metrics(ready, truth, answers),
        files=seen.files,
        env=seen.env,
    )
    says_pure = any(graph.steps[name].mark.pure for name in graph.serving)
    return evaluated, says_pure or not seen.impure


def _metrics(ready: Prepared, truth: "pl.Series | None", answers: "pl.DataFrame") -> dict[str, float]:
    from ropeway.stats.metrics import evaluate

    if truth is None:
        return {}
    metrics = evaluate(None, truth, answers)
    wanted = ready.workspace.project.charter.metric
    return metrics if wanted in metrics else metrics | evaluate([wanted], truth, answers)


def _check_packaged(
    ready: Prepared,
    execution: Execution,
    artifacts: Mapping[str, Artifact],
    rows: "pl.DataFrame",
    opened: Mapping[str, str | None],
    inputs: Mapping[str, str],
) -> None:
    """Refuse a slice that, packaged, would still read the project folder."""
    store, root = ready.workspace.store, ready.code.files.folder
    try:
        packaged = load_slice(
            pipeline=ready.code.entry,
            code=source_of(ready, execution, opened),
            artifacts={name: store.read(artifact.digest) for name, artifact in artifacts.items()},
            settings=settings_of(ready),
            inputs=inputs,
            trusted=ready.trust.extra,
        )
        try:
            seen = packaged.watch(rows)
        finally:
            packaged.close()
    # A package that does not answer at all is refused when it is registered, with all that is wrong.
    except RopewayError:
        return
    for step, used in seen.items():
        for told in used.files:
            name = told.removesuffix(IS_THERE).removesuffix(STATUS)
            if name.startswith("/") and (known := project_name(root, name)) and not known.startswith("/"):
                raise ReadsLiveFile(f"Step '{step}'" if step else f"'{ready.code.entry}'", known)


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


def source_of(
    ready: Prepared, execution: Execution, opened_last: Mapping[str, str | None]
) -> dict[str, bytes]:
    """The files that the slice needs: modules, and the project's data files that they opened.

    Args:
        ready: the pipeline.
        execution: the steps, run or taken from the cache.
        opened_last: the files that its evaluation opened.
    """
    # Also what a cached step would import if it ran: it will, on its first request.
    modules = [*(module.path for module in ready.keys.map.modules.values()), *ready.keys.map.extra]
    files = {path: ready.code.source(path) for path in modules if not path.endswith("/")}
    opened = dict(ready.code.seen.files) | dict(opened_last)
    for name in ready.graph.serving:
        opened |= ready.keys.known(ready.graph.steps[name]).files
        opened |= execution.outputs[name].files
    for told, digest in opened.items():
        # A file that was only looked for must be there as well.
        name = told.removesuffix(IS_THERE).removesuffix(STATUS)
        if digest is not None and not name.startswith("/") and not name.endswith("/") and name not in files:
            data = ready.code.files.read(name)
            if data is not None:
                files[name] = data
    return files
