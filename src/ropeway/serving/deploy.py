"""Which version answers now, and how the next one takes its place without a failed request.

A thread asks the source what the reference means. When that changes, the new version is loaded and warmed
beside the old one, then one assignment puts it in its place: a request that has begun ends with the version
that it began with. Whatever goes wrong, the last known good goes on answering; /health and stderr say so.
"""

import logging
import threading
import time
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from ropeway.core.clock import Clock
from ropeway.core.errors import RopewayError
from ropeway.serving.answer import frame_of
from ropeway.serving.errors import ModelRecalled
from ropeway.serving.signature import Request, Servable, Signature

logger = logging.getLogger("ropeway.serving")

POLL_S = 0.25
RETRY_S = 5.0
"""A version that does not load is tried again after this long, not at every look."""

RETIRED_S = 120.0
"""A version that was replaced is let go of after this long: a slow request may still be with it."""

State = Literal["current", "last-known-good", "recalled"]


class Source(Protocol):
    """Where versions come from. Used by one thread at a time; may raise anything, and is asked again."""

    def resolve(self) -> str:
        """The exact version that the reference means now: `sentiment@2`. Cheap: asked four times a second."""
        ...

    def load(self, ref: str) -> Servable:
        """That version, verified and ready to answer."""
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


class Live:
    """The version that answers: the model, its compiled signature, and since when."""

    def __init__(self, servable: Servable, since: datetime) -> None:
        self.servable = servable
        self.signature = Signature(servable.inputs, nullable=servable.nullable)
        self.since = since
        self.ref = servable.ref


class Trouble(msgspec.Struct, frozen=True):
    """Why the version that answers may not be the one that should."""

    code: str
    what: str


class Deployment:
    """One reference, answered by its current version.

    Args:
        source: says what the reference means, and loads it.
        clock: where times come from.

    Raises:
        RopewayError: the first version cannot be found or loaded; there is no last known good yet.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source = source
        self.clock = clock
        self.live = self._load(source.resolve())
        self.checked_at = clock.now()
        self.trouble: Trouble | None = None
        self.refusal: ModelRecalled | None = None
        self._retired: list[tuple[float, Servable]] = []
        self._wanted = self.live.ref
        self._retry_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ropeway-watch", daemon=True)

    @property
    def state(self) -> State:
        """Whether the version that answers is known to be the one that should."""
        if self.refusal is not None:
            return "recalled"
        return "current" if self.trouble is None else "last-known-good"

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; what answers goes on answering."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for _, servable in [*self._retired, (0.0, self.live.servable)]:
            servable.close()
        self.source.close()

    def look(self) -> None:
        """Ask once what the reference means, and take the new version in if it changed. Never raises."""
        try:
            wanted = self.source.resolve()
            if wanted == self.live.ref:
                self._wanted = wanted
                self._recover()
            elif wanted != self._wanted or time.monotonic() >= self._retry_at:
                self._wanted = wanted
                self._retry_at = time.monotonic() + RETRY_S
                before, self.live = self.live, self._load(wanted)
                self._retired.append((time.monotonic(), before.servable))
                logger.warning("%s answers now, in place of %s", wanted, before.ref)
                self._recover()
            self.checked_at = self.clock.now()
            self._let_go()
        except Exception as error:  # noqa: BLE001  whatever the workspace or a new version does, we go on
            self._keep(error)

    def _load(self, ref: str) -> Live:
        servable = self.source.load(ref)
        live = Live(servable, self.clock.now())
        warm(live)
        return live

    def _keep(self, error: Exception) -> None:
        known = isinstance(error, RopewayError)
        trouble = Trouble(
            error.code if isinstance(error, RopewayError) else "internal",
            error.what if isinstance(error, RopewayError) else type(error).__name__,
        )
        if isinstance(error, ModelRecalled):
            # The one case in which the last known is not good.
            if self.refusal is None:
                logger.warning("%s", error.what)
            self.refusal = error
        elif trouble != self.trouble:
            logger.warning(
                "%s goes on answering as last known good: %s", self.live.ref, trouble.what, exc_info=not known
            )
        self.trouble = trouble

    def _recover(self) -> None:
        if self.trouble is not None:
            logger.warning("%s is current again", self.live.ref)
            self.trouble = self.refusal = None

    def _let_go(self) -> None:
        oldest = time.monotonic() - RETIRED_S
        for at, servable in self._retired:
            if at < oldest:
                servable.close()
        self._retired = [(at, servable) for at, servable in self._retired if at >= oldest]

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            self.look()


def warm(live: Live) -> None:
    """Ask once with made-up values, so that no client waits for what is loaded on first use.

    A model may rightly refuse values that mean nothing; that is no reason against it.
    """
    row = {name: [kind.example] for name, kind in live.signature.kinds.items()}
    try:
        live.servable.predict(frame_of(live.servable, Request(row, 1, is_batch=False)))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  the user's code, as in `ask`
        return
