"""From figures to places: linear, logarithmic and of time, with the ticks that people expect."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
LEAST_SPAN = 1e-12


@dataclass(frozen=True, slots=True)
class Linear:
    """Values from `low` to `high` to places from `start` to `stop`; beyond they stay."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        span = max(self.high - self.low, LEAST_SPAN)
        share = min(1.0, max(0.0, (value - self.low) / span))
        return self.start + share * (self.stop - self.start)

    def ticks(self, about: int = 4) -> list[float]:
        """Round values, about so many.

        Example:
            >>> Linear(0.38, 0.71, 0, 100).ticks()
            [0.4, 0.5, 0.6, 0.7]
        """
        step = _nice((self.high - self.low) / max(about, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Log:
    """Positive values, a step for each power of ten; 0 and what is smaller than `low` stay at the end."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        logs = (math.log10(self.low), math.log10(self.high))
        return Linear(*logs, self.start, self.stop)(math.log10(max(value, self.low)))

    def ticks(self, most: int = 5) -> list[float]:
        """Powers of ten, at most so many."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        every = max(1, math.ceil((last - first + 1) / most))
        return [10.0**power for power in range(first, last + 1) if power % every == 0]


@dataclass(frozen=True, slots=True)
class Time:
    """Moments to places."""

    low: datetime
    high: datetime
    start: float
    stop: float

    def __call__(self, moment: datetime) -> float:
        """The place of a moment."""
        return Linear(self.low.timestamp(), self.high.timestamp(), self.start, self.stop)(moment.timestamp())

    def ticks(self, most: int = 8) -> list[tuple[datetime, str]]:
        """Whole hours, days, weeks or months, at most so many, each with its label in UTC."""
        span = self.high - self.low
        for step in _STEPS:
            if span / step <= most:
                return _every(self.low, self.high, step)
        return _every(self.low, self.high, timedelta(days=math.ceil(span.days / most)))


_STEPS = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=7),
    timedelta(days=14),
    timedelta(days=28),
)
# A Monday: weeks are marked where they begin.
_ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)


def _every(low: datetime, high: datetime, step: timedelta) -> list[tuple[datetime, str]]:
    first = _ORIGIN + -((_ORIGIN - low) // step) * step
    found = []
    while first <= high:
        found.append((first, f"{first.day} {first:%b}" if step >= timedelta(days=1) else f"{first:%H:%M}"))
        first += step
    return found


def _nice(step: float) -> float:
    """The next round step."""
    if step <= 0 or not math.isfinite(step):
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in NICE if nice * power >= step * (1 - 1e-9))


def around(values: Sequence[float], *, margin: float = 0.08, least: float = 0.0) -> tuple[float, float]:
    """The ends of a scale that shows all values with some air.

    Args:
        values: what must be seen.
        margin: air at each end, as a share of the span.
        least: the span is at least this.
    """
    low, high = min(values), max(values)
    span = max(high - low, least, LEAST_SPAN)
    middle = (low + high) / 2
    half = span * (0.5 + margin)
    return middle - half, middle + half


def digits(values: Sequence[float]) -> int:
    """How many places tell ticks apart."""
    gaps = [abs(b - a) for a, b in pairwise(values) if b != a]
    step = min(gaps, default=1.0)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    # 0.25 needs one place more than its power of ten says.
    return places + int(round(step * 10.0**places, 6) % 1 != 0)
