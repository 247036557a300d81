"""Times in filters: what people write, and milliseconds since 1970 as MLflow's clients do."""

import math
import re
from datetime import UTC, datetime, timedelta

from ropeway.core.clock import to_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999
FIRST, LAST = "", "9999-12-31T23:59:59.999999Z"
"""Before and after every moment that is kept."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STRETCH = re.compile(r"(\d{1,6})([smhdw])")


def bounds_of(ms: float) -> tuple[str, str]:
    """The first moment of a millisecond and the first after it; the same twice when there is no such one.

    Example:
        >>> bounds_of(1.0)
        ('1970-01-01T00:00:00.001000Z', '1970-01-01T00:00:00.002000Z')
    """
    if math.isnan(ms) or abs(ms) > _LAST_MS:
        return (FIRST, FIRST) if ms < 0 else (LAST, LAST)
    whole = math.floor(ms)
    after = _text(whole + 1)
    return (_text(whole), after) if whole == ms else (after, after)


def _text(ms: int) -> str:
    try:
        return to_text(_EPOCH + timedelta(milliseconds=ms))
    except OverflowError:
        return FIRST if ms < 0 else LAST


def moment_of(text: str) -> datetime:
    """A date or a time as people write it; without a zone, it is UTC.

    Raises:
        ValueError: it is none.

    Example:
        >>> moment_of("2026-11-21").isoformat()
        '2026-11-21T00:00:00+00:00'
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def stretch_of(text: str) -> timedelta | None:
    """A stretch of time such as `7d`, `90m`, `2w`; None when it is none.

    Example:
        >>> stretch_of("7d")
        datetime.timedelta(days=7)
    """
    found = _STRETCH.fullmatch(text)
    return None if found is None else timedelta(**{_UNITS[found[2]]: int(found[1])})
