"""The versions that are in this process: each is loaded and warmed beside the others, in a thread of its own.

Whatever a version does while it is loaded, it holds up neither the others nor the look at what is live.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Protocol

from ropeway.core.clock import Clock
from ropeway.core.errors import RopewayError
from ropeway.serving.loaded import Loaded, Tally, warm
from ropeway.serving.signature import Servable

logger = logging.getLogger("ropeway.serving")

RETRY_S = 5.0
"""A version that does not load is tried again after this long, not at every look."""

RETIRED_S = 120.0
"""A version that is no longer wanted is let go of after this long: a slow request may still be with it."""


class Loader(Protocol):
    """What a shelf takes versions from; asked from several threads at once, each for another version."""

    def load(self, ref: str) -> Servable:
        """That version, verified and ready to answer."""
        ...


class Shelf:
    """Versions by reference.

    Args:
        loader: where versions come from.
        clock: where times come from.
        on_loaded: called from the loading thread once there is something new to see.
        tallies: what each version did so far; the same for every shelf of a process.
    """

    def __init__(
        self, loader: Loader, clock: Clock, *, on_loaded: Callable[[], None], tallies: dict[str, Tally]
    ) -> None:
        self.loader = loader
        self.clock = clock
        self.on_loaded = on_loaded
        self.tallies = tallies
        self._lock = threading.Lock()
        self._here: dict[str, Loaded] = {}
        self._failed: dict[str, tuple[BaseException, float]] = {}
        self._loading: set[str] = set()
        self._unwanted: dict[str, float] = {}
        self._is_closed = False

    def load(self, ref: str) -> Loaded:
        """That version, loaded here and now.

        Raises:
            Exception: whatever went wrong.
        """
        servable = self.loader.load(ref)
        loaded = Loaded(servable, self.clock.now(), self.tallies.setdefault(ref, Tally()))
        warm(loaded)
        with self._lock:
            self._failed.pop(ref, None)
            if not self._is_closed:
                self._here[ref] = loaded
        return loaded

    def take(self, ref: str) -> Loaded | None:
        """That version, or None: then it is being loaded, or failed to; `failure` says which."""
        with self._lock:
            self._unwanted.pop(ref, None)
            loaded = self._here.get(ref)
            if loaded is not None:
                return loaded
            _, retry_at = self._failed.get(ref, (None, 0.0))
            if ref not in self._loading and not self._is_closed and time.monotonic() >= retry_at:
                self._loading.add(ref)
                threading.Thread(
                    target=self._load_beside, args=[ref], name=f"ropeway-load-{ref}", daemon=True
                ).start()
            return None

    def failure(self, ref: str) -> BaseException | None:
        """Why a version could not be loaded, when it last could not."""
        with self._lock:
            failed = self._failed.get(ref)
            return failed[0] if failed else None

    def is_settled(self, refs: Collection[str]) -> bool:
        """Whether each of them is loaded or has failed."""
        with self._lock:
            return all(ref in self._here or ref in self._failed for ref in refs)

    def keep(self, refs: Collection[str]) -> None:
        """Let the others go, in a while."""
        now, let_go = time.monotonic(), []
        with self._lock:
            for ref in [ref for ref in self._failed if ref not in refs]:
                del self._failed[ref]
            for ref in list(self._here):
                if ref in refs:
                    self._unwanted.pop(ref, None)
                elif now - self._unwanted.setdefault(ref, now) > RETIRED_S:
                    del self._unwanted[ref]
                    let_go.append(self._here.pop(ref))
        for loaded in let_go:
            loaded.close()

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            self._is_closed = True
            here, self._here = list(self._here.values()), {}
        for loaded in here:
            loaded.close()

    def _load_beside(self, ref: str) -> None:
        try:
            self.load(ref)
        # Its code may even exit: the others go on.
        except BaseException as error:
            with self._lock:
                before, _ = self._failed.get(ref, (None, 0.0))
                self._failed[ref] = (error, time.monotonic() + RETRY_S)
            # Once, not at every new try.
            if not isinstance(error, RopewayError) and repr(error) != repr(before):
                logger.warning("loading %s failed", ref, exc_info=error)
        finally:
            with self._lock:
                self._loading.discard(ref)
            self.on_loaded()
