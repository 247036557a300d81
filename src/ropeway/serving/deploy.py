"""Which versions answer now, and how others take their place without a failed request.

A thread asks the source four times a second how traffic is to be divided. A version that is new is loaded and
warmed beside the others; then one assignment puts the new division in place. Whatever goes wrong, the last
known good goes on answering; /health and stderr say so.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from ropeway.core.clock import Clock
from ropeway.core.errors import RopewayError
from ropeway.models.errors import NothingLive
from ropeway.models.routing import Routing
from ropeway.serving.errors import Incompatible, ModelRecalled
from ropeway.serving.loaded import Loaded, Tally, differences
from ropeway.serving.reader import Reader
from ropeway.serving.shelf import Shelf
from ropeway.serving.signature import Servable
from ropeway.serving.traffic import Traffic, Trouble

logger = logging.getLogger("ropeway.serving")

POLL_S = 0.25
START_S = 30.0
"""How long a start waits for the versions beside the live one, so that it divides as before from the first
request on."""

State = Literal["current", "last-known-good", "recalled"]


class Source(Protocol):
    """Where versions come from, and how traffic is divided between them. May raise anything: asked again."""

    def resolve(self) -> Routing | str:
        """How traffic is divided now, or the one version that gets it all: `sentiment@2`.

        Cheap: asked four times a second, from one thread at a time.
        """
        ...

    def load(self, ref: str) -> Servable:
        """A version, verified and ready to answer. Asked from several threads, and for a second copy."""
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


class Deployment:
    """One reference, answered by the versions that its routing names.

    Args:
        source: says how traffic is divided, and loads versions.
        clock: where times come from.
        carry: fields that requests may carry beside the inputs.
        entity: the field that divides traffic.

    Attributes:
        traffic: what answers now; replaced as a whole.
        tallies: what each version did since the process began.

    Raises:
        RopewayError: the live version cannot be found or loaded; there is no last known good yet.
    """

    def __init__(
        self, source: Source, clock: Clock, *, carry: Sequence[str] = (), entity: str | None = None
    ) -> None:
        self.source = source
        self.clock = clock
        self.carry = tuple(carry)
        self.entity = entity
        self.trouble: Trouble | None = None
        self.refusal: ModelRecalled | None = None
        self.tallies: dict[str, Tally] = {}
        self._wake = threading.Event()
        self._is_stopping = False
        self._answering = self._shelf()
        # Copies of their own: a version that hangs on a mirrored row must go on answering others.
        self._mirroring = self._shelf()
        routing = _routing(source.resolve())
        live = self._answering.load(_live_of(routing))
        self.traffic = self._begin(routing, live)
        self.checked_at = clock.now()
        self._thread = threading.Thread(target=self._watch, name="ropeway-watch", daemon=True)

    @property
    def live(self) -> Loaded:
        """The version that gets what the arms leave."""
        return self.traffic.live

    @property
    def state(self) -> State:
        """Whether the live version is known to be the one that should be."""
        if self.refusal is not None:
            return "recalled"
        return "current" if self.trouble is None else "last-known-good"

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and let go of every version."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._answering.close()
        self._mirroring.close()
        self.source.close()

    def look(self) -> None:
        """Ask once how traffic is divided, and follow. Never raises."""
        try:
            self._follow(_routing(self.source.resolve()))
            self.checked_at = self.clock.now()
        except Exception as error:  # noqa: BLE001  whatever the workspace or a new version does, we go on
            self._keep(error)

    def _shelf(self) -> Shelf:
        return Shelf(self.source, self.clock, on_loaded=self._wake.set, tallies=self.tallies)

    def _begin(self, routing: Routing, live: Loaded) -> Traffic:
        """The first division, once the versions beside the live one are there or have failed."""
        self._shared_out(routing, live)
        give_up = time.monotonic() + START_S
        while not self._is_settled(routing, live) and time.monotonic() < give_up:
            self._wake.wait(POLL_S)
            self._wake.clear()
        traffic = self._shared_out(routing, live)
        self._say_kept_out(traffic.kept_out, {})
        return traffic

    def _is_settled(self, routing: Routing, live: Loaded) -> bool:
        arms = [arm.ref for arm in routing.arms if arm.ref != live.ref]
        return self._answering.is_settled(arms) and self._mirroring.is_settled(_mirrored(routing, live))

    def _follow(self, routing: Routing) -> None:
        wanted = _live_of(routing)
        live = self.live if wanted == self.live.ref else self._answering.take(wanted)
        if live is not None:
            self._put(self._shared_out(routing, live))
            self._recover()
        else:
            # The arms of the new routing beside the last known good: those of the former may be out of use.
            self._put(self._shared_out(routing, self.live))
            failure = self._answering.failure(wanted)
            if failure is not None:
                self._keep(failure)
        self._answering.keep({wanted, self.live.ref, *(arm.ref for arm in routing.arms)})
        self._mirroring.keep(_mirrored(routing, self.live))

    def _shared_out(self, routing: Routing, live: Loaded) -> Traffic:
        """The traffic that a routing means with the versions that are here; the others begin to load."""
        kept_out: dict[str, Trouble] = {}
        arms = [
            None if arm.ref == live.ref else self._fitting(self._answering, arm.ref, live, kept_out)
            for arm in routing.arms
        ]
        mirrors = [self._fitting(self._mirroring, ref, live, kept_out) for ref in _mirrored(routing, live)]
        return Traffic(
            routing,
            live,
            arms,
            [mirror for mirror in mirrors if mirror is not None],
            Reader(live.signature, carry=self.carry, entity=self.entity),
            kept_out,
        )

    def _fitting(self, shelf: Shelf, ref: str, live: Loaded, kept_out: dict[str, Trouble]) -> Loaded | None:
        version = shelf.take(ref)
        if version is None:
            failure = shelf.failure(ref)
            loading = Trouble("loading", f"'{ref}' is being loaded.")
            kept_out[ref] = loading if failure is None else _trouble(failure)
            return None
        if apart := differences(live.servable, version.servable):
            kept_out[ref] = _trouble(Incompatible(ref, live.ref, apart))
            return None
        return version

    def _put(self, traffic: Traffic) -> None:
        before = self.traffic
        if traffic.is_as(before):
            return
        self.traffic = traffic
        if traffic.live is not before.live:
            logger.warning("%s answers now, in place of %s", traffic.live.ref, before.live.ref)
        elif str(traffic) != str(before):
            logger.warning("traffic is divided anew: %s", traffic)
        self._say_kept_out(traffic.kept_out, before.kept_out)

    def _say_kept_out(self, now: dict[str, Trouble], before: dict[str, Trouble]) -> None:
        for ref, trouble in now.items():
            if trouble.code != "loading" and trouble != before.get(ref):
                logger.warning("%s is kept out of what the routing asks of it: %s", ref, trouble.what)

    def _keep(self, error: BaseException) -> None:
        trouble = _trouble(error)
        if isinstance(error, ModelRecalled):
            # The one case in which the last known is not good.
            if self.refusal is None:
                logger.warning("%s", error.what)
            self.refusal = error
        elif trouble != self.trouble:
            logger.warning(
                "%s goes on answering as last known good: %s",
                self.live.ref,
                trouble.what,
                exc_info=None if isinstance(error, RopewayError) else error,
            )
        self.trouble = trouble

    def _recover(self) -> None:
        if self.trouble is not None:
            logger.warning("%s is current again", self.live.ref)
            self.trouble = self.refusal = None

    def _watch(self) -> None:
        while not self._is_stopping:
            self._wake.wait(POLL_S)
            self._wake.clear()
            if not self._is_stopping:
                self.look()


def _routing(meant: Routing | str) -> Routing:
    if isinstance(meant, Routing):
        return meant
    return Routing(name=meant.partition("@")[0], environment="", live=meant)


def _live_of(routing: Routing) -> str:
    if routing.live is None:
        raise NothingLive(routing.name, routing.environment)
    return routing.live


def _mirrored(routing: Routing, live: Loaded) -> list[str]:
    """The versions to ask beside whoever answers: all there are, each where another answers.

    Mirroring is on when the routing names a shadow.
    """
    if not routing.shadows:
        return []
    answering = {live.ref, *(arm.ref for arm in routing.arms)}
    every = _in_order([*routing.shadows, *(arm.ref for arm in routing.arms), live.ref])
    return [ref for ref in every if answering - {ref}]


def _in_order(refs: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(refs))


def _trouble(error: BaseException) -> Trouble:
    if isinstance(error, RopewayError):
        return Trouble(error.code, error.what)
    return Trouble("internal", type(error).__name__)
