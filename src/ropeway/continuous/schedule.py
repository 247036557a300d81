"""When a schedule is due: five fields of cron in a time zone, with daylight saving as Debian's cron has it.

A time that the clocks jump over comes at the end of the jump; one that they show twice comes once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
FORMS = (
    "0 to 59",
    "0 to 23",
    "1 to 31, or L for the last",
    "1 to 12, or JAN to DEC",
    "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
)


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of a name such as `Europe/Paris`; None when there is none."""
    try:
        return ZoneInfo(name)
    # A name with a null byte, a slash first or a folder's name is no key either.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def broken_field(text: str) -> tuple[str, str] | None:
    """What of a schedule is not cron: the field with its value, and what it may hold; None when all is.

    Example:
        >>> broken_field("0 25 * * 1")
        ("the hour is '25'", '0 to 23')
    """
    from cronsim import CronSim, CronSimError

    parts = text.split()
    if len(parts) != len(FIELDS):
        return f"it has {len(parts)} field{'' if len(parts) == 1 else 's'}", "five: " + ", ".join(FIELDS)
    for place, part in enumerate(parts):
        alone = ["*"] * len(FIELDS)
        alone[place] = part
        try:
            CronSim(" ".join(alone), datetime(2026, 1, 1, tzinfo=UTC))
        except (CronSimError, RecursionError):
            return f"the {FIELDS[place]} is '{part}'", FORMS[place]
    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return f"no such day comes: '{parts[2]}' in month '{parts[3]}'", "a day that the month has"
    return None


def last_due(text: str, zone: ZoneInfo, *, after: datetime, until: datetime) -> datetime | None:
    """The latest due time after one moment and up to another, in UTC; None when none was due.

    However many were missed, it is one: the latest.
    """
    from cronsim import CronSim

    # A microsecond more, so that a time that is due at this very second is among them.
    before = until.astimezone(zone).replace(microsecond=1)
    found = next(CronSim(text, before, reverse=True), None)
    if found is None or found.astimezone(UTC) <= after:
        return None
    return found.astimezone(UTC)


def due_times(text: str, zone: ZoneInfo, *, after: datetime) -> Iterator[datetime]:
    """The due times after a moment, in the time zone, without end."""
    from cronsim import CronSim

    yield from CronSim(text, after.astimezone(zone))


def count_due(text: str, zone: ZoneInfo, *, after: datetime, within: timedelta, most: int) -> int:
    """How many times are due within some time, counted up to `most`."""
    end, count = after + within, 0
    for moment in due_times(text, zone, after=after):
        if moment > end or count >= most:
            break
        count += 1
    return count


def in_words(text: str) -> str:
    """A schedule as a sentence.

    Example:
        >>> in_words("0 3 * * 1")
        'at 03:00 on Monday'
    """
    from cronsim import CronSim

    said = str(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)).explain())
    return said[:1].lower() + said[1:]
