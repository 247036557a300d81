"""Which steps are watched in this process, and what each was seen to use.

Here it is kept, and attributed; `observe` and `probes` find out about it.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DRAWS = "unseeded random"


@dataclass(slots=True)
class Observation:
    """What one step, or one module while it was read, was seen to use."""

    root: Path
    files: dict[str, str | None] = field(default_factory=dict)
    """Path (relative inside the project) to digest; None: it was looked for and absent."""
    env: dict[str, str | None] = field(default_factory=dict)
    """Name to digest of the value; None: it was not set."""
    impure: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    """Files that it made itself, from nothing."""
    added_to: set[str] = field(default_factory=set)
    states: dict[str, Any] = field(default_factory=dict)
    """The global generators as they were when it began."""

    def merge(self, other: "Observation") -> None:
        """Take over what another saw."""
        self.files |= other.files
        self.env |= other.env
        self.impure |= other.impure


_watching: ContextVar[Observation | None] = ContextVar("ropeway_watching", default=None)
_is_ours: ContextVar[bool] = ContextVar("ropeway_own_work", default=False)
running: dict[int, Observation] = {}
"""The steps that are watched now. Looked at with every call to the system, and empty most of the time."""
_lock = threading.Lock()


@contextlib.contextmanager
def attributing(observation: Observation) -> Iterator[Observation]:
    """Attribute to `observation` what this thread, and threads started meanwhile by libraries, use."""
    token = _watching.set(observation)
    with _lock:
        running[id(observation)] = observation
    observation.states = _random_states()
    try:
        yield observation
    finally:
        _watching.reset(token)
        with _lock:
            del running[id(observation)]
        after = _random_states()
        for name, state in observation.states.items():
            if after[name] != state:
                observation.impure.add(f"{DRAWS} ({name}'s global state)")
        # What a module does when it is first imported inside a step belongs to that step as well.
        if (outer := _watching.get()) is not None:
            outer.merge(observation)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Work of our own, whose files belong to no step."""
    token, own = _watching.set(None), _is_ours.set(True)
    try:
        yield
    finally:
        _watching.reset(token)
        _is_ours.reset(own)


def note(seen: Observation) -> None:
    """Count what was seen before as used by the steps that run here now."""
    for target in attributed_to():
        target.merge(seen)


def is_watching() -> bool:
    """Whether any step is watched in this process."""
    return bool(running)


@contextlib.contextmanager
def loading_library() -> Iterator[None]:
    """What a library draws while it is loaded, once a process, is of no account to the step that loads it."""
    before = _random_states()
    yield
    after = _random_states()
    with _lock:
        for watched in running.values():
            for name, state in before.items():
                if watched.states.get(name) == state:
                    watched.states[name] = after[name]


def note_impure(what: str) -> None:
    """Say of the steps that run here now why their results must not be kept."""
    for target in attributed_to():
        target.impure.add(what)


def attributed_to() -> list[Observation]:
    """Whose step this is; a library's own thread has no context, so every running step answers for it."""
    own = _watching.get()
    if own is not None:
        return [own]
    if not running or _is_ours.get() or threading.current_thread() is threading.main_thread():
        return []
    with _lock:
        return list(running.values())


def _random_states() -> dict[str, Any]:
    """The state of the global generators that are loaded."""
    states: dict[str, Any] = {}
    if (standard := sys.modules.get("random")) is not None:
        states["random"] = standard.getstate()
    # While numpy is being imported, its generator is not there yet.
    if (numpy := sys.modules.get("numpy.random")) is not None and hasattr(numpy, "get_state"):
        _, keys, position, *gauss = numpy.get_state(legacy=True)
        states["numpy.random"] = (keys.tobytes(), position, tuple(gauss))
    return states
