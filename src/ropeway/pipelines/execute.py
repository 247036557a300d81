"""Runs the steps that must run, several at once where the graph allows, and takes the rest from the cache.

Nothing is loaded that nobody asks for: a cached step's output is a promise until a step that must run needs it.
"""

import contextvars
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.pipelines import formats
from ropeway.pipelines.cache import KeyParts, Memory, Remembered, StepCache, Variant, Verifier, variant_of
from ropeway.pipelines.code import Code, say_error
from ropeway.pipelines.errors import StepChangedRows, StepFailed
from ropeway.pipelines.explain import why
from ropeway.pipelines.formats import Encoded, NoFormat, Trust, decode, encode
from ropeway.pipelines.graph import ROWS, Graph, Step
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.key import Keys
from ropeway.pipelines.observe import Observation, unwatched, watching
from ropeway.pipelines.records import StepEvent, StepOutcome

MOST_JOBS = 8
EventState = Literal["started", "cached", "finished", "failed"]


class Output:
    """What a step gave, or a promise of it."""

    def __init__(
        self,
        load: Callable[[], Any],
        *,
        content: Digest | None,
        token: Digest | None,
        seen: Digest | None = None,
        encoded: Encoded | None = None,
        variant: Variant | None = None,
    ) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._value: Any = None
        self._is_loaded = False
        self.content = content
        """The digest of what it holds; None when it has no safe form."""
        self.token = token
        """What the keys of later steps say of it; None when they cannot be keyed."""
        self.seen = seen
        """A digest of what the step was seen to open; None when its result is not kept."""
        self.encoded = encoded
        self.variant = variant

    def get(self) -> Any:
        """The value, loaded once."""
        with self._lock:
            if not self._is_loaded:
                self._value = self._load()
                self._is_loaded = True
            return self._value


@dataclass(slots=True)
class Execution:
    """One run of a graph.

    Attributes:
        outputs: by step, for those that came to their end.
        outcomes: what became of each step.
        memory: how each step was keyed the last time.
        seen: the files that each step that ran was seen to open.
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
    seen: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def run(self, wanted: set[str], jobs: int | None = None) -> None:
        """Run these steps; what they need must be among them.

        Raises:
            StepFailed, StepChangedRows: a step raised, or broke the serving path; what succeeded is kept.
        """
        self.memory = self.cache.recall()
        names = [name for name in self.graph.steps if name in wanted]
        workers = jobs or min(os.cpu_count() or 1, MOST_JOBS)
        try:
            with unwatched():
                self._schedule(names, workers)
        finally:
            self.cache.remember(self.memory)

    def token(self, need: str) -> Digest | None:
        """What a key says of an input or an upstream step."""
        return self.outputs[need].token if need in self.graph.steps else self.inputs.token(need)

    def _schedule(self, names: list[str], workers: int) -> None:
        waiting = dict.fromkeys(names)
        running: dict[Future[None], str] = {}
        failure: BaseException | None = None
        with ThreadPoolExecutor(workers, thread_name_prefix="ropeway-step") as pool:
            while (waiting and failure is None) or running:
                ready = [] if failure else [name for name in waiting if self._is_ready(name)]
                # Alone, a step runs here: a chain of small ones costs no change of thread.
                if len(ready) == 1 and not running:
                    del waiting[ready[0]]
                    failure = self._attempt(ready[0])
                    continue
                for name in ready[: workers - len(running)]:
                    del waiting[name]
                    context = contextvars.copy_context()
                    running[pool.submit(context.run, self._step, name)] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    failure = failure or future.exception()
        for name in waiting:
            self.outcomes[name] = StepOutcome(
                step=name, state="skipped", seconds=0.0, reason="an earlier step failed"
            )
        if failure is not None:
            raise failure

    def _attempt(self, name: str) -> BaseException | None:
        try:
            self._step(name)
        # Whatever the user's step raised is shown by the caller; KeyboardInterrupt goes through.
        except Exception as error:  # noqa: BLE001
            return error
        return None

    def _is_ready(self, name: str) -> bool:
        return all(
            need in self.outputs or need not in self.graph.steps for need in self.graph.steps[name].needs
        )

    def _step(self, name: str) -> None:
        """Take a step from the cache, or run it."""
        step = self.graph.steps[name]
        known = self.keys.known(step)
        tokens = {need: self.token(need) for need in step.needs}
        parts: KeyParts | None = None
        reason = ""
        if None in tokens.values():
            reason = (
                f"its input `{next(need for need, token in tokens.items() if token is None)}` has no digest"
            )
        else:
            parts = self.keys.parts(
                step, self.params[name], {need: str(token) for need, token in tokens.items()}
            )
            if not known.impure and not self.force:
                variant = self.cache.find(parts.digest(), self.verifier)
                if variant is not None:
                    self.take(step, parts, variant)
                    return
            reason = "--force" if self.force else why(parts, self.memory.steps.get(name), self.verifier, step)
        self._tell(name, "started", 0.0)
        began = time.perf_counter()
        try:
            value, seen = self._call(step)
        except BaseException:
            seconds = time.perf_counter() - began
            self.outcomes[name] = StepOutcome(step=name, state="failed", seconds=seconds, reason=reason)
            self._tell(name, "failed", seconds)
            raise
        seconds = time.perf_counter() - began
        self._keep(step, parts, value, seen, seconds, reason)

    def take(self, step: Step, parts: KeyParts, variant: Variant) -> None:
        """Let a cached result stand for a step; it is loaded when somebody asks."""
        self.outputs[step.name] = Output(
            lambda: self._read(step, variant),
            content=variant.content,
            token=self._token_of(variant.content, has_project_types=variant.has_project_types),
            seen=digest_json([variant.files, variant.env]),
            variant=variant,
        )
        self.outcomes[step.name] = StepOutcome(
            step=step.name,
            state="cached",
            seconds=0.0,
            kind=variant.kind,
            rows=variant.rows,
            content=variant.content,
        )
        self.memory.steps[step.name] = Remembered(parts=parts, files=variant.files, env=variant.env)
        self._tell(step.name, "cached", 0.0)

    def _read(self, step: Step, variant: Variant) -> Any:
        """A cached value; where it is gone, the step runs after all."""
        data = self.cache.read(variant)
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
        arguments = [
            self.outputs[need].get() if need in self.graph.steps else self.inputs.load(need)
            for need in step.needs
        ]
        observation = Observation(self.code.files.folder)
        try:
            with watching(observation):
                value = step.mark.function(*arguments, **self.params[step.name])
        # The user's function may raise anything, SystemExit included.
        except (Exception, SystemExit) as error:
            raise self._failed(step, error) from error
        if step.name in self.graph.serving:
            self._check_rows(step, arguments, value)
        return value, observation

    def _check_rows(self, step: Step, arguments: list[Any], value: Any) -> None:
        got = formats.row_count(value)
        on_path = [
            formats.row_count(argument)
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
                    f"another column: '{hidden[0]}' is never in `rows` (it is the target, a label or excluded); "
                    "a @fit step gets the target by the parameter `target`"
                )
        frames = self.code.frames(error)
        return StepFailed(step.name, told, frames, kept=kept, resume=self.resume, hint=hint)

    def _keep(
        self, step: Step, parts: KeyParts | None, value: Any, seen: Observation, seconds: float, reason: str
    ) -> None:
        """Digest a result, keep it if it may be kept, and say what came of it."""
        known = self.keys.known(step)
        self.seen[step.name] = seen.files
        encoded: Encoded | None = None
        uncached = ""
        try:
            encoded = encode(value, self.trust)
        except NoFormat as problem:
            uncached = str(problem)
        impure = () if step.mark.pure else (*known.impure, *sorted(seen.impure))
        if impure:
            uncached = f"uses {', '.join(dict.fromkeys(impure))}; @{step.mark.kind}(pure=True) would cache it"
        rows = formats.row_count(value)
        output = Output(
            lambda: value,
            content=encoded.content if encoded else None,
            token=self._token_of(encoded.content, has_project_types=encoded.has_project_types)
            if encoded
            else None,
            encoded=encoded if step.name in self.graph.pinned else None,
        )
        if encoded is not None and parts is not None and not uncached:
            variant = variant_of(
                seen,
                data=encoded.data,
                content=encoded.content,
                kind=encoded.kind,
                rows=rows,
                has_project_types=encoded.has_project_types,
                seconds=seconds,
            )
            self.cache.keep(parts.digest(), variant, encoded.data)
            output.seen = digest_json([variant.files, variant.env])
            self.memory.steps[step.name] = Remembered(parts=parts, files=variant.files, env=variant.env)
        elif parts is not None:
            self.memory.steps[step.name] = Remembered(parts=parts, uncached=uncached)
        self.outputs[step.name] = output
        self.outcomes[step.name] = StepOutcome(
            step=step.name,
            state="ran",
            seconds=seconds,
            reason=reason,
            uncached=uncached,
            kind=formats.kind_of(value),
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
