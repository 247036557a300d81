"""How production is cut into windows: whole multiples of a length of time, in UTC.

Weeks begin on Mondays, days at midnight. A window is closed once the clock is past its end; only windows that
hold rows count, so that a clock which jumped by years makes no million empty ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# A Monday, so that windows of whole weeks begin on Mondays; midnight, so that shorter ones divide days.
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """From `start`, which is in it, to `end`, which is not."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


def window_of(moment: datetime, length: timedelta) -> Window:
    """The window that a moment lies in.

    Example:
        >>> window_of(datetime(2026, 5, 6, 13, 20, tzinfo=UTC), timedelta(hours=6)).start.isoformat()
        '2026-05-06T12:00:00+00:00'
    """
    start = ORIGIN + (moment - ORIGIN) // length * length
    return Window(start, start + length)


def is_closed(window: Window, now: datetime) -> bool:
    """Whether the clock is past the window's end."""
    return window.end <= now


def windows_between(earlier: datetime, later: datetime, length: timedelta) -> int:
    """How many whole windows lie between the window of one moment and that of another."""
    return max(0, (window_of(later, length).start - window_of(earlier, length).end) // length)
