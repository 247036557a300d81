"""Runs the steps that must run, several at once where the graph allows, and takes the rest from the cache.

Nothing is loaded that nobody asks for: a cached step's output is a promise until a step that must run needs
it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.pipelines import value_kinds
from ropeway.pipelines.cache import KeyParts, Memory, Remembered, StepCache, Variant, Verifier, variant_of
from ropeway.pipelines.code import Code, say_error
from ropeway.pipelines.errors import StepChangedInput, StepChangedRows, StepFailed, StepGaveIterator
from ropeway.pipelines.explain import why
from ropeway.pipelines.formats import Encoded, decode, encode
from ropeway.pipelines.graph import ROWS, Graph, Step
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.key import Keys
from ropeway.pipelines.observe import load_generators, watching
from ropeway.pipelines.records import StepEvent, StepOutcome
from ropeway.pipelines.schedule import Schedule
from ropeway.pipelines.watched import DRAWS, Observation, unwatched
from ropeway.pipelines.writing import NoFormat, Trust

MOST_JOBS = 8
EventState = Literal["started", "cached", "finished", "failed"]


@dataclass(slots=True)
class Output:
    """What a step gave, or a promise of it."""

    load: Callable[[], Any]
    content: Digest | None = None
    """The digest of what it holds; None when it has no safe form."""
    token: Digest | None = None
    """What the keys of later steps say of it; None when they cannot be keyed."""
    seen: Digest | None = None
    """A digest of what the step was seen to open; None when its result is not kept."""
    raw: Callable[[], bytes | None] = lambda: None
    """Its bytes, where they are at hand."""
    kind: str = ""
    files: Mapping[str, str | None] = field(default_factory=dict)
    """The files that the step was seen to open."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _value: Any = None
    _is_loaded: bool = False

    def get(self) -> Any:
        """The value, loaded once."""
        with self._lock:
            if not self._is_loaded:
                self._value = self.load()
                self._is_loaded = True
            return self._value


@dataclass(frozen=True, slots=True)
class Work:
    """A step that must run, and why. Without parts it cannot be keyed."""

    step: Step
    parts: KeyParts | None
    key: Digest | None
    reason: str


@dataclass(slots=True)
class Execution:
    """One run of a graph.

    Attributes:
        outputs: by step, for those that came to their end.
        outcomes: what became of each step.
        memory: how each step was keyed the last time.
    """

    graph: Graph
    code: Code
    params: Mapping[str, Mapping[str, Any]]
    inputs: Inputs
    keys: Keys
    cache: StepCache
    verifier: Verifier
    trust: Trust
    resume: str
    force: bool = False
    progress: Callable[[StepEvent], None] | None = None
    outputs: dict[str, Output] = field(default_factory=dict)
    outcomes: dict[str, StepOutcome] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    _is_memory_new: bool = False

    def run(self, wanted: set[str], jobs: int | None = None) -> None:
        """Run these steps; what they need must be among them.

        Raises:
            StepFailed, StepChangedRows: a step raised, or broke the serving path; what succeeded is kept.
        """
        self.memory = self.cache.recall()
        names = [name for name in self.graph.steps if name in wanted]
        schedule = Schedule(
            {name: {need for need in self.graph.steps[name].needs if need in wanted} for name in names},
            look=self._look_up,
            work=self._work,
            is_alone=self._is_alone,
            workers=jobs or min(os.cpu_count() or 1, MOST_JOBS),
        )
        try:
            with unwatched():
                schedule.run()
        finally:
            for name in names:
                if name not in self.outcomes:
                    self.outcomes[name] = StepOutcome(step=name, state="skipped", seconds=0.0)
            if self._is_memory_new:
                self.cache.remember(self.memory)

    def token(self, need: str) -> Digest | None:
        """What a key says of an input or an upstream step."""
        return self.outputs[need].token if need in self.graph.steps else self.inputs.token(need)

    def _is_alone(self, work: "Work") -> bool:
        # Beside a step that moves a global generator no other could be told to leave it alone.
        last = self.memory.steps.get(work.step.name)
        return self.keys.known(work.step).draws or (last is not None and last.draws)

    def _look_up(self, name: str) -> "Work | None":
        """Take a step from the cache, or say what there is to do."""
        step = self.graph.steps[name]
        known = self.keys.known(step)
        tokens = {need: self.token(need) for need in step.needs}
        undigested = [need for need, token in tokens.items() if token is None]
        if undigested:
            return Work(step, None, None, f"its input `{undigested[0]}` has no digest")
        parts = self.keys.parts(step, self.params[name], {need: str(token) for need, token in tokens.items()})
        key = parts.digest()
        if self.force:
            return Work(step, parts, key, "--force")
        last = self.memory.steps.get(name)
        if not known.impure:
            variant = self.cache.find(key, self.verifier, last)
            if variant is not None:
                self.take(step, parts, key, variant)
                return None
        return Work(step, parts, key, why(parts, last, self.verifier, step))

    def _work(self, work: "Work") -> None:
        """Run a step."""
        name = work.step.name
        self._tell(name, "started", 0.0)
        began = time.perf_counter()
        try:
            value, seen = self._call(work.step)
        # However the step ended, its outcome is on record first; what it raised goes on its way.
        except BaseException:
            seconds = time.perf_counter() - began
            self.outcomes[name] = StepOutcome(step=name, state="failed", seconds=seconds, reason=work.reason)
            self._tell(name, "failed", seconds)
            raise
        self._keep(work, value, seen, time.perf_counter() - began)

    def take(self, step: Step, parts: KeyParts, key: Digest, variant: Variant) -> None:
        """Let a cached result stand for a step; it is loaded when somebody asks."""
        self.outputs[step.name] = Output(
            lambda: self._read(step, key, variant),
            content=variant.content,
            token=self._token_of(variant.content, has_project_types=variant.has_project_types),
            seen=variant.seen(),
            raw=lambda: self.cache.read(key, variant),
            kind=variant.kind,
            files=variant.files,
        )
        self.outcomes[step.name] = StepOutcome(
            step=step.name,
            state="cached",
            seconds=0.0,
            kind=variant.kind,
            rows=variant.rows,
            content=variant.content,
        )
        self._remember(step, parts, key, variant)
        self._tell(step.name, "cached", 0.0)

    def _remember(
        self, step: Step, parts: KeyParts, key: Digest, variant: Variant, *, draws: bool = False
    ) -> None:
        last = self.memory.steps.get(step.name)
        if last is None or last.key != key or last.variant is None or last.variant.value != variant.value:
            light = msgspec.structs.replace(variant, inline=None)
            self.memory.steps[step.name] = Remembered(parts=parts, key=key, variant=light, draws=draws)
            self._is_memory_new = True

    def _read(self, step: Step, key: Digest, variant: Variant) -> Any:
        """A cached value; where it is gone, the step runs after all."""
        data = self.cache.read(key, variant)
        if data is not None:
            try:
                return decode(data, self.trust)
            # What stands there was written by another version of a library, or no longer has reviewed types.
            except (RopewayError, ValueError, ImportError, AttributeError, TypeError, KeyError):
                pass
        value, _ = self._call(step)
        return value

    def _call(self, step: Step) -> tuple[Any, Observation]:
        """Run the user's function, watched."""
        arguments = [self._argument(need) for need in step.needs]
        observation = Observation(self.code.files.folder)
        load_generators()
        try:
            with watching(observation):
                value = step.mark.function(*arguments, **self.params[step.name])
        # The user's function may raise anything, SystemExit included.
        except (Exception, SystemExit) as error:
            raise self._failed(step, error) from error
        self._check_inputs(step, arguments)
        takers = [each.name for each in self.graph.steps.values() if step.name in each.needs]
        if isinstance(value, Iterator) and len(takers) > 1:
            raise StepGaveIterator(step.name, type(value).__name__, takers)
        if step.name in self.graph.serving:
            self._check_rows(step, arguments, value)
        return value, observation

    def _argument(self, need: str) -> Any:
        value = self.outputs[need].get() if need in self.graph.steps else self.inputs.load(need)
        # Sharing its columns, which never change: a step may add columns to a frame of its own.
        return value.clone() if value_kinds.is_polars(value) else value

    def _check_inputs(self, step: Step, arguments: list[Any]) -> None:
        """Refuse a step that changed what other steps get."""
        for need, value in zip(step.needs, arguments, strict=True):
            content = self.outputs[need].content if need in self.outputs else None
            if content is not None and (value_kinds.is_mutable(value) or value_kinds.is_estimator(value)):
                try:
                    is_changed = encode(value, self.trust).content != content
                except NoFormat:
                    is_changed = True
                if is_changed:
                    raise StepChangedInput(step.name, need)

    def _check_rows(self, step: Step, arguments: list[Any], value: Any) -> None:
        got = value_kinds.row_count(value)
        on_path = [
            value_kinds.row_count(argument)
            for need, argument in zip(step.needs, arguments, strict=True)
            if need == ROWS or need in self.graph.serving
        ]
        expected = next((count for count in on_path if count is not None), None)
        if got is not None and expected is not None and got != expected:
            raise StepChangedRows(step.name, expected, got)

    def _failed(self, step: Step, error: BaseException) -> StepFailed:
        kept = [name for name, outcome in self.outcomes.items() if outcome.state in ("cached", "ran")]
        hint = error.expected if isinstance(error, RopewayError) else ""
        told = error.what if isinstance(error, RopewayError) else say_error(error)
        if type(error).__name__ in ("ColumnNotFoundError", "KeyError"):
            hidden = [name for name in self.inputs.hidden if name in str(error)]
            if hidden:
                hint = (
                    f"another column: '{hidden[0]}' is never in `rows` (target, label or excluded); "
                    "a @fit step gets the target by the parameter `target`"
                )
        frames = self.code.frames(error)
        return StepFailed(step.name, told, frames, kept=kept, resume=self.resume, hint=hint)

    def _keep(self, work: "Work", value: Any, seen: Observation, seconds: float) -> None:
        """Digest a result, keep it if it may be kept, and say what came of it."""
        step = work.step
        encoded: Encoded | None = None
        uncached = ""
        try:
            encoded = encode(value, self.trust)
        except NoFormat as problem:
            uncached = str(problem)
        impure = () if step.mark.pure else (*self.keys.known(step).impure, *sorted(seen.impure))
        if impure:
            uncached = f"uses {', '.join(dict.fromkeys(impure))}; @{step.mark.kind}(pure=True) would cache it"
        draws = any(DRAWS in reason for reason in seen.impure)
        rows = value_kinds.row_count(value)
        output = Output(lambda: value, kind=value_kinds.kind_of(value), files=seen.files)
        if encoded is not None:
            output.content = encoded.content
            output.token = self._token_of(encoded.content, has_project_types=encoded.has_project_types)
            # Only what is pinned is asked for as bytes; the rest need not be held twice.
            if step.name in self.graph.pinned:
                output.raw = lambda: encoded.data
        if encoded is not None and work.parts is not None and work.key is not None and not uncached:
            variant = variant_of(seen, encoded, rows=rows, seconds=seconds)
            self.cache.keep(work.key, variant, encoded.data)
            output.seen = variant.seen()
            self._remember(step, work.parts, work.key, variant, draws=draws)
        elif work.parts is not None:
            self.memory.steps[step.name] = Remembered(parts=work.parts, uncached=uncached, draws=draws)
            self._is_memory_new = True
        self.outputs[step.name] = output
        self.outcomes[step.name] = StepOutcome(
            step=step.name,
            state="ran",
            seconds=seconds,
            reason=work.reason,
            uncached=uncached,
            kind=output.kind,
            rows=rows,
            content=output.content,
        )
        self._tell(step.name, "finished", seconds)

    def _token_of(self, content: Digest, *, has_project_types: bool) -> Digest:
        # An object of a project class acts as its code says, which its own digest does not tell.
        return digest_json([content, self.keys.project_digest]) if has_project_types else content

    def _tell(self, step: str, state: EventState, seconds: float) -> None:
        if self.progress is not None:
            self.progress(StepEvent(step=step, state=state, seconds=seconds))
