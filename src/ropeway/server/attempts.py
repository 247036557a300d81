"""Wrong tokens by address, in a window: how many were tried, and how many of them are still told of.

In memory and for one process: a token has 260 random bits, so that no number of attempts finds one. What is
limited here is the work and the noise that they make. Who comes with a right token is let in all the same:
else anybody could lock out those who share an address with them.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0
MAX_WRONG = 10
"""Wrong attempts of an address in a window; the next ones are answered 429."""
MAX_TOLD = 30
"""Refusals of an address in a window that are told of one by one."""
MAX_ADDRESSES = 10_000
"""Addresses that are remembered; beyond it, those are forgotten that came first."""
V6_NETWORK = 64
"""One household has that many leading bits of an IPv6 address in common."""


@dataclass(slots=True)
class _Window:
    ends_at: float
    wrong: int = 0
    told: int = 0


class Attempts:
    """Counts by address; for one thread.

    Args:
        now: seconds that only rise.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def wrong(self, address: str) -> int | None:
        """Count a wrong attempt; gives the seconds to wait where there were too many."""
        window = self._window(address)
        window.wrong += 1
        if window.wrong <= MAX_WRONG:
            return None
        return max(1, math.ceil(window.ends_at - self._now()))

    def tells(self, address: str) -> bool:
        """Whether one more refusal is to be told of; the last one that is stands for those that follow."""
        window = self._window(address)
        window.told += 1
        return window.told <= MAX_TOLD

    def __len__(self) -> int:
        return len(self._windows)

    def _window(self, address: str) -> _Window:
        key, now = _network(address), self._now()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            self._windows.pop(key, None)
            window = self._windows[key] = _Window(now + WINDOW_S)
            if len(self._windows) > MAX_ADDRESSES:
                self._windows.popitem(last=False)
        return window


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, V6_NETWORK), strict=False))
