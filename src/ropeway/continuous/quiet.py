"""Quiet hours: the hours of the day, by the clock on the wall, in which nothing is begun."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
_STEP = timedelta(minutes=1)


def is_quiet(moment: datetime, hours: Sequence[str], zone: ZoneInfo) -> bool:
    """Whether a moment is in quiet hours. Their beginning is, their end is not.

    Args:
        moment: when.
        hours: such as `22:00-06:00`; one that ends where it begins is the whole day.
        zone: whose clock on the wall.

    Example:
        >>> is_quiet(datetime(2026, 1, 1, 5, 59, tzinfo=UTC), ["22:00-06:00"], ZoneInfo("UTC"))
        True
    """
    shown = moment.astimezone(zone).time()
    return any(_holds(_span(text), shown) for text in hours)


def covers_the_day(hours: Sequence[str]) -> bool:
    """Whether no minute of a day is left."""
    spans = [_span(text) for text in hours]
    minutes = (time(minute // 60, minute % 60) for minute in range(DAY_MINUTES))
    return bool(spans) and all(any(_holds(span, minute) for span in spans) for minute in minutes)


def quiet_until(moment: datetime, hours: Sequence[str], zone: ZoneInfo) -> datetime:
    """The first minute from a moment on that is not quiet; the moment itself when it is not.

    Hours that cover the day never end: `covers_the_day` is asked before.
    """
    if not is_quiet(moment, hours, zone):
        return moment
    found = moment.astimezone(UTC).replace(second=0, microsecond=0) + _STEP
    # Minute by minute in UTC: where the clocks jump, the wall shows what it shows. Two days hold any jump.
    for _ in range(2 * DAY_MINUTES):
        if not is_quiet(found, hours, zone):
            break
        found += _STEP
    return found


def _span(text: str) -> tuple[time, time]:
    begin, _, end = text.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def _holds(span: tuple[time, time], moment: time) -> bool:
    begin, end = span
    if begin < end:
        return begin <= moment < end
    return moment >= begin or moment < end
