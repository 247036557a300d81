"""The deployable part of a pipeline: the steps between a request and its answer, with what was learnt pinned.

The same object is evaluated, packaged and served. Several slices, of different code too, live in one process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ropeway.core.errors import RopewayError
from ropeway.pipelines import value_kinds
from ropeway.pipelines.code import Code, PackedFiles, say_error
from ropeway.pipelines.errors import (
    ArtifactUnreadable,
    ColumnMissing,
    ServedWithoutColumns,
    StepChangedRows,
    StepFailed,
)
from ropeway.pipelines.formats import decode, encode
from ropeway.pipelines.graph import ROWS, Graph, build_graph
from ropeway.pipelines.observe import watching
from ropeway.pipelines.parameters import resolve_parameters
from ropeway.pipelines.records import Scalar
from ropeway.pipelines.watched import Observation
from ropeway.pipelines.writing import NoFormat, Trust

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class SliceStep:
    """One step of a slice, ready to be called."""

    name: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    params: Mapping[str, Any]


class Slice:
    """Answers rows. Safe for several threads as far as the user's functions are.

    Attributes:
        inputs: the request's columns with their polars types; empty until they are known.
    """

    def __init__(
        self,
        code: Code,
        steps: tuple[SliceStep, ...],
        pinned: Mapping[str, Any],
        *,
        served: str,
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        self._code = code
        self._steps = steps
        self._pinned = dict(pinned)
        self.served = served
        self.inputs = dict(inputs or {})

    def predict(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        """The answers, one row for each row, in the same order.

        Args:
            rows: a frame with at least the columns of the signature; others are passed over.

        Raises:
            ColumnMissing: a column of the signature is not there.
            StepFailed, StepChangedRows, ServedWithoutColumns: the project's code did not answer as it should.
        """
        missing = [name for name in self.inputs if name not in rows.columns]
        if missing:
            raise ColumnMissing(missing, rows.columns)
        return self.answer(rows.select(list(self.inputs)) if self.inputs else rows)

    def answer(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        """As `predict`, on exactly the columns given."""
        return self._named(self.trace(rows)[self.served], rows)

    def trace(self, rows: "pl.DataFrame") -> dict[str, Any]:
        """What every step of the slice gives for some rows."""
        values: dict[str, Any] = {**self._pinned, ROWS: rows}
        for step in self._steps:
            values[step.name] = self._given(step, values, rows)
        return {step.name: values[step.name] for step in self._steps}

    def watch(self, rows: "pl.DataFrame") -> dict[str, Observation]:
        """What every step of the slice uses to answer some rows; what its modules use, under no name."""
        values: dict[str, Any] = {**self._pinned, ROWS: rows}
        seen = {"": self._code.seen}
        for step in self._steps:
            with watching(Observation(self._code.files.folder)) as seen[step.name]:
                values[step.name] = self._given(step, values, rows)
        return seen

    def _given(self, step: SliceStep, values: Mapping[str, Any], rows: "pl.DataFrame") -> Any:
        try:
            value = step.function(*[values[need] for need in step.needs], **step.params)
        # The user's function may raise anything; it must not take a server down.
        except (Exception, SystemExit) as error:
            raise self._failed(step.name, error) from error
        count = value_kinds.row_count(value)
        if count is not None and count != rows.height:
            raise StepChangedRows(step.name, rows.height, count)
        return value

    def _named(self, value: Any, rows: "pl.DataFrame") -> "pl.DataFrame":
        return _named_columns(self.served, value, rows.height)

    def close(self) -> None:
        """Let go of the slice's modules and files."""
        self._code.close()

    def _failed(self, step: str, error: BaseException) -> StepFailed:
        told = error.what if isinstance(error, RopewayError) else say_error(error)
        hint = error.expected if isinstance(error, RopewayError) else ""
        return StepFailed(step, told, self._code.frames(error), kept=(), resume="ropeway run", hint=hint)


def slice_of(
    code: Code,
    graph: Graph,
    params: Mapping[str, Mapping[str, Any]],
    pinned: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> Slice:
    """The slice of a graph, with what was learnt."""
    steps = tuple(
        SliceStep(name, graph.steps[name].mark.function, graph.steps[name].needs, params[name])
        for name in graph.serving
    )
    return Slice(code, steps, pinned, served=graph.served, inputs=inputs)


def load_slice(
    *,
    pipeline: str,
    code: Mapping[str, bytes],
    artifacts: Mapping[str, bytes],
    settings: Mapping[str, Scalar],
    inputs: Mapping[str, str],
    trusted: tuple[str, ...] = (),
) -> Slice:
    """A slice from a package's bytes. Runs the package's code: check its digest's approval first.

    Args:
        pipeline: the pipeline file's name among `code`.
        code: source and data files by name.
        artifacts: what was learnt, by the name of the step, as `PipelineRecord.slice.artifacts` refers to it.
        settings: the steps' parameters as `step.name`.
        inputs: the signature's request columns with their types.
        trusted: types that an artifact may hold beyond the reviewed ones.

    Raises:
        PipelineBroken: the code cannot be read here.
        UntrustedTypes: an artifact holds types that nobody has reviewed.
        ArtifactUnreadable: it is nothing that Ropeway wrote.
    """
    loaded = Code(PackedFiles(code), pipeline)
    try:
        marks = loaded.marks
        asked = {
            need for mark in marks for need in mark.function.__code__.co_varnames[: _arity(mark.function)]
        }
        graph = build_graph(marks, asked - {mark.name for mark in marks})
        params = resolve_parameters(graph, settings, {}, only=graph.serving)
        trust = Trust(trusted, loaded)
        pinned = {name: _learnt(name, artifacts[name], trust) for name in graph.pinned}
    # Loaded code that no slice holds would stay in memory; what was raised goes on its way.
    except BaseException:
        loaded.close()
        raise
    return slice_of(loaded, graph, params, pinned, inputs)


def _learnt(step: str, data: bytes, trust: Trust) -> Any:
    try:
        return decode(data, trust)
    except RopewayError:
        raise
    # The bytes may be anybody's, and half a dozen libraries read them: each has errors of its own.
    except Exception as error:
        raise ArtifactUnreadable(step, f"{type(error).__name__}: {error}"[:200]) from error


def find_signature(made: Slice, sample: "pl.DataFrame") -> dict[str, str]:
    """The columns that a slice reads: those without which a step fails or gives something else.

    Found by leaving columns out, in halves, on a sample of rows. Every step's result is compared, since an
    answer may come out the same by chance.

    Args:
        made: the slice.
        sample: some rows with all columns.
    """
    made.answer(sample)
    whole = made.trace(sample)

    def does_without(dropped: list[str]) -> bool:
        try:
            return _is_same(whole, made.trace(sample.drop(dropped)))
        except RopewayError:
            return False

    def needed(columns: list[str]) -> list[str]:
        if not columns or does_without(columns):
            return []
        if len(columns) == 1:
            return columns
        half = len(columns) // 2
        return needed(columns[:half]) + needed(columns[half:])

    read = needed(sample.columns)
    spare = [name for name in sample.columns if name not in read]
    # Each alone could go, yet together they are missed (one stands in for another): all of them are asked
    # for.
    if spare and not does_without(spare):
        read = sample.columns
    return {name: str(sample.schema[name]) for name in sample.columns if name in read}


def write_replay(rows: "pl.DataFrame", answers: "pl.DataFrame") -> bytes:
    """Rows and what was answered for them, as bytes for the store."""
    return encode({"rows": rows, "answers": answers}).data


def read_replay(data: bytes) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """What `write_replay` wrote: rows, and the answers."""
    replay = decode(data)
    return replay["rows"], replay["answers"]


def _arity(function: Any) -> int:
    return int(function.__code__.co_argcount)


def _named_columns(step: str, value: Any, rows: int) -> "pl.DataFrame":
    import polars as pl

    frame: pl.DataFrame | None = None
    if isinstance(value, pl.DataFrame):
        frame = value
    elif isinstance(value, pl.Series) and value.name:
        frame = value.to_frame()
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):
        frame = pl.DataFrame({str(name): value[name].to_numpy() for name in value.columns})
    if frame is None:
        raise ServedWithoutColumns(step, f"a {type(value).__module__}.{type(value).__qualname__}")
    if not frame.width:
        raise ServedWithoutColumns(step, "a frame without columns")
    if frame.height != rows:
        raise StepChangedRows(step, rows, frame.height)
    return frame


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two traces hold the same; of what has no safe form only the answers after it tell."""
    return all(_digest(value) == _digest(other[name]) for name, value in one.items())


def _digest(value: Any) -> str:
    try:
        return encode(value).content
    except NoFormat:
        return ""
