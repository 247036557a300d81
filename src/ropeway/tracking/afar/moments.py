"""Times as clients say them, in milliseconds since 1970, and as they are kept."""

from datetime import UTC, datetime, timedelta

from ropeway.core.clock import from_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = 253_402_300_799_999
"""The end of the year 9999, after which no calendar goes."""


def moment_of(told: int | str) -> datetime:
    """The moment of milliseconds since 1970, or of a text that `to_text` wrote."""
    return from_text(told) if isinstance(told, str) else EPOCH + timedelta(milliseconds=told)


def ms_of(moment: datetime | str) -> int:
    """Milliseconds since 1970, cut off.

    Example:
        >>> ms_of("2026-01-01T00:00:00.123456Z")
        1767225600123
    """
    found = from_text(moment) if isinstance(moment, str) else moment
    return (found - EPOCH) // timedelta(milliseconds=1)
