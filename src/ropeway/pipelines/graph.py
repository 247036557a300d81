"""Steps wired by the names of their parameters, in an order in which they can run."""

import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ropeway.pipelines.decorators import Mark
from ropeway.pipelines.errors import (
    BadSignature,
    CyclicGraph,
    DuplicateStep,
    EvaluatedNotServed,
    NoServedStep,
    RowsNotServed,
    TargetOnServingPath,
    TwoServedSteps,
    UnknownStep,
)

ROWS = "rows"
TARGET = "target"
TUNE_ROWS = "tune_rows"
TRAINING_ONLY = (TARGET, TUNE_ROWS)

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its mark, what it takes, and what configures it."""

    mark: Mark
    needs: tuple[str, ...]
    settings: Mapping[str, inspect.Parameter]

    @property
    def name(self) -> str:
        """The step's name."""
        return self.mark.name

    @property
    def is_fit(self) -> bool:
        """Whether it learns."""
        return self.mark.kind == "fit"


@dataclass(frozen=True, slots=True)
class Graph:
    """All steps in an order in which each comes after what it needs."""

    steps: dict[str, Step]
    inputs: tuple[str, ...]
    """The inputs that some step asks for."""
    served: str
    serving: tuple[str, ...]
    """The steps between a request and its answer, in order; what is fitted is not among them."""

    @property
    def pinned(self) -> tuple[str, ...]:
        """The fitted steps, and inputs other than `rows`, whose values the serving path uses."""
        used = (name for step in self.serving for name in self.steps[step].needs)
        return tuple(dict.fromkeys(name for name in used if name != ROWS and name not in self.serving))

    def upstream(self, names: Iterable[str]) -> set[str]:
        """These steps and all that they need."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.steps]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(need for need in self.steps[name].needs if need in self.steps)
        return found


def build_graph(marks: Iterable[Mark], inputs: Collection[str], *, evaluated: str | None = None) -> Graph:
    """Wire marked functions into a graph.

    Args:
        marks: the functions, as the pipeline's modules marked them.
        inputs: the names that `[inputs]` declares, with `target` and `tune_rows` where there are such.
        evaluated: the step that `[evaluate]` names.

    Raises:
        BadSignature, DuplicateStep, UnknownStep, CyclicGraph: the steps are no graph.
        NoServedStep, TwoServedSteps, EvaluatedNotServed, RowsNotServed, TargetOnServingPath: nothing, too
        much, or
            the wrong thing would be served.
    """
    steps: dict[str, Step] = {}
    for mark in marks:
        if mark.name in steps or mark.name in inputs:
            first = _place(steps[mark.name].mark) if mark.name in steps else f"[inputs.{mark.name}]"
            raise DuplicateStep(mark.name, [first, _place(mark)])
        steps[mark.name] = _read(mark)
    known = [*steps, *inputs]
    for step in steps.values():
        for need in step.needs:
            if need not in steps and need not in inputs:
                raise UnknownStep(step.name, need, known)
    ordered = _order(steps)
    served = _served(ordered, evaluated)
    asked = dict.fromkeys(need for step in ordered.values() for need in step.needs if need not in steps)
    return Graph(ordered, tuple(asked), served, _serving_path(ordered, served))


def _read(mark: Mark) -> Step:
    needs: list[str] = []
    settings: dict[str, inspect.Parameter] = {}
    for parameter in inspect.signature(mark.function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            settings[parameter.name] = parameter
        elif parameter.kind not in _POSITIONAL:
            star = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "**"
            raise BadSignature(
                mark.name, f"{star}{parameter.name}", "cannot be wired: it has no name of its own"
            )
        elif parameter.default is not inspect.Parameter.empty:
            problem = f"has a default ({parameter.default!r}), so it is configuration: put it after `*`"
            raise BadSignature(mark.name, parameter.name, problem)
        else:
            needs.append(parameter.name)
    return Step(mark, tuple(needs), settings)


def _order(steps: dict[str, Step]) -> dict[str, Step]:
    """Depth first, in the order of the file where there is a choice."""
    done: dict[str, Step] = {}
    for root in steps:
        path: list[str] = []
        waiting: list[tuple[str, bool]] = [(root, False)]
        while waiting:
            name, is_left = waiting.pop()
            if is_left:
                path.pop()
                done[name] = steps[name]
            elif name in path:
                raise CyclicGraph([*path[path.index(name) :], name][::-1])
            elif name not in done:
                path.append(name)
                waiting.append((name, True))
                waiting.extend((need, False) for need in reversed(steps[name].needs) if need in steps)
    return done


def _served(steps: dict[str, Step], evaluated: str | None) -> str:
    served = [step.name for step in steps.values() if step.mark.serve]
    if not served:
        raise NoServedStep(list(steps))
    if len(served) > 1:
        raise TwoServedSteps(served)
    if evaluated is not None and evaluated != served[0]:
        raise EvaluatedNotServed(evaluated, served[0])
    return served[0]


def _serving_path(steps: dict[str, Step], served: str) -> tuple[str, ...]:
    """What lies between `rows` and the served step, not going past what is fitted."""
    on_path: dict[str, list[str]] = {served: [served]}
    waiting = [served]
    sees_rows = False
    while waiting:
        name = waiting.pop()
        for need in steps[name].needs:
            if need in TRAINING_ONLY:
                raise TargetOnServingPath(name, need, on_path[name])
            sees_rows |= need == ROWS
            if need in steps and not steps[need].is_fit and need not in on_path:
                on_path[need] = [need, *on_path[name]]
                waiting.append(need)
    if not sees_rows:
        raise RowsNotServed(served)
    return tuple(name for name in steps if name in on_path)


def _place(mark: Mark) -> str:
    code = inspect.unwrap(mark.function).__code__
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"
