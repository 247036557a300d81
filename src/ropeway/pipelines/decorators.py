"""`@step` and `@fit`: what a pipeline file is written with.

A marked function stays a plain function: it can be called and tested as it is.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator says about a function."""

    function: Callable[..., Any]
    kind: Literal["step", "fit"]
    serve: bool
    pure: bool

    @property
    def name(self) -> str:
        """The step's name: the function's."""
        return self.function.__name__


# Set while a project's code is loaded: only then do the decorators collect anything.
collecting: ContextVar[list[Mark] | None] = ContextVar("ropeway_collecting_steps", default=None)


@overload
def step(function: F, /) -> F: ...
@overload
def step(*, serve: bool = False, pure: bool = False) -> Callable[[F], F]: ...
def step(function: F | None = None, /, *, serve: bool = False, pure: bool = False) -> F | Callable[[F], F]:
    """Mark a function as a step: it turns its inputs into something else.

    A positional parameter's name is an upstream step or an input (`rows`, `target`, `tune_rows`, or another
    declared input); keyword-only parameters are configuration.

    Args:
        function: the function, when used without parentheses.
        serve: this step's result is the prediction; what leads from `rows` to it can be deployed.
        pure: the step is cached although it was seen to use clock, network or unseeded random.

    Example:
        >>> from ropeway import step
        >>> @step
        ... def clean(rows):
        ...     return rows["text"].str.to_lowercase()
    """
    return _mark(function, "step", serve=serve, pure=pure)


@overload
def fit(function: F, /) -> F: ...
@overload
def fit(*, pure: bool = False) -> Callable[[F], F]: ...
def fit(function: F | None = None, /, *, pure: bool = False) -> F | Callable[[F], F]:
    """Mark a function as one that learns: its result is pinned when the pipeline is served.

    Args:
        function: the function, when used without parentheses.
        pure: the step is cached although it was seen to use clock, network or unseeded random.

    Example:
        >>> from ropeway import fit
        >>> @fit
        ... def mean(rows, target, *, weight: float = 1.0):
        ...     return {"mean": weight * float(target.mean())}
    """
    return _mark(function, "fit", serve=False, pure=pure)


def _mark(
    function: F | None, kind: Literal["step", "fit"], *, serve: bool, pure: bool
) -> F | Callable[[F], F]:
    def mark(marked: F) -> F:
        marks = collecting.get()
        if marks is not None:
            marks.append(Mark(marked, kind, serve, pure))
        return marked

    return mark if function is None else mark(function)
